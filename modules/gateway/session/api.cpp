#include <memory>
#include <optional>

#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

asio::awaitable<void> Session::serve_api(Request& request) {
    ApiCall call;
    call.request.method = std::string(request.head.method);
    call.request.body = std::string(request.body);
    call.target = std::string(request.head.target);
    call.authorization = std::string(request.head.value("authorization"));
    if (peer_) call.request.remote_address = peer_->text();
    for (const auto name : api_headers) {
        const std::string_view value = name == "host" ? request.head.host : request.head.value(name);
        if (!value.empty()) call.request.headers.emplace(name, value);
    }
    auto answer = std::make_shared<std::optional<ApiResponse>>();
    services_.call_api(shard, std::move(call), [self = shared_from_this(), answer](ApiResponse response) {
        *answer = std::move(response);
        self->signal.notify();
    });
    while (!answer->has_value()) co_await signal.wait();
    ApiResponse& response = **answer;
    std::string extra;
    for (const auto& [name, value] : response.headers) extra += name + ": " + value + "\r\n";
    shard.metrics.count_local(response.status);
    co_await respond(request, response.status, std::move(response.body), response.content_type, extra);
}

}  // namespace lurus::gateway
