#include "modules/gateway/session/session.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>

#include <spdlog/spdlog.h>

#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/attempt/websocket_relay.hpp"
#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/client_address.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

Session::Session(Shard& own_shard, AcceptedSocket socket, Services& services, SslPtr tls, bool open)
    : ClientConnection(own_shard, std::move(socket), std::move(tls)),
      limits(own_shard),
      services_(services),
      open_(open) {}

Session::~Session() = default;

void Session::start(const std::shared_ptr<Session>& session) {
    session->shard.add(session);
    // The coroutine keeps the session; the shard's list is for the sweep.
    asio::co_spawn(
        session->shard.io(),
        [](std::shared_ptr<Session> self) -> asio::awaitable<void> {
            try {
                co_await self->run();
            } catch (const std::exception& e) {
                spdlog::error("session ended by an exception: {}", e.what());
            }
            self->close();
            self->shard.remove(self.get());
        }(session),
        asio::detached);
}

void Session::on_committed(bool) {
    record_safe_ = true;
    signal.notify();
}

asio::awaitable<void> Session::run() {
    if (is_tls() && !co_await handshake()) co_return;
    while (keep_alive_ && !gone_) {
        std::unique_ptr<Request> request;
        const std::size_t head_size = co_await read_head(*this, request);
        if (head_size == 0) break;
        ++shard.metrics.in_flight;
        try {
            co_await serve(*request, head_size);
        } catch (...) {
            --shard.metrics.in_flight;
            limits.clear();
            throw;
        }
        --shard.metrics.in_flight;
        limits.clear();
        set_deadline(0);
        set_keepalive(0);
        request.reset();
        if (gone_ || (!flushed() && !co_await flush())) break;
    }
    if (!gone_) co_await linger();
}

// The way of a request: see docs/architecture.md.
asio::awaitable<void> Session::serve(Request& request, std::size_t head_size) {
    if (is_own(path_of(request.head.target))) {
        co_await serve_own(*this, request, head_size);
        co_return;
    }
    const std::optional<MatchError> unmatched = route(request);
    if (const char* problem = authenticate(*this, request)) {
        co_await refuse_key(*this, request, problem);
        co_return;
    }
    if (unmatched) {
        co_await refuse_path(*this, request, head_size, *unmatched);
        co_return;
    }
    request.address = client_address(peer_, request.head, request.snapshot->settings);
    if (!take_body(*this, request, head_size) && !co_await read_body(*this, request, head_size)) co_return;
    if (request.endpoint.operation == Operation::models_list || request.endpoint.operation == Operation::model_get) {
        co_await serve_models(*this, request);
        co_return;
    }
    if (is_coded(request) && !co_await decode_body(*this, request)) co_return;
    if (auto rejection = admit(*this, request)) {
        co_await reject(*this, request, std::move(rejection));
        co_return;
    }
    if (request.endpoint.websocket && asks_for_websocket(request.head)) {
        co_await relay_websocket(*this, request);
    } else {
        co_await relay_request(*this, request);
    }
}

bool Session::append(RequestRecord& record) {
    shard.metrics.count(record);
    limits.settle(record);
    if (!shard.snapshot->settings.log_enabled) return false;
    record_safe_ = false;
    shard.append_at_turn_end(std::move(record), *this);
    return true;
}

asio::awaitable<void> Session::until_safe() {
    while (!record_safe_) co_await signal.wait();
}

asio::awaitable<void> Session::commit(RequestRecord record) {
    if (append(record)) co_await until_safe();
}

asio::awaitable<void> Session::respond(const Request& request, int status, std::string body,
                                       std::string_view content_type, std::string_view extra_fields) {
    limits.leave();
    std::string out = local_head(status, content_type, body.size(), keep_alive_, &request.trace_id, extra_fields);
    if (!request.head_only) out += body;
    co_await send(std::move(out));
}

asio::awaitable<void> Session::respond_error(const Request& request, int status, std::string_view message,
                                             std::string_view extra_fields) {
    shard.metrics.count_local(status);
    std::string body = error_body(request.family, status, message, request.trace_id);
    co_await respond(request, status, std::move(body), "application/json", extra_fields);
}

asio::awaitable<void> Session::refuse(Request& request, int status, std::string_view message,
                                      std::string_view extra_fields) {
    std::string body = error_body(request.family, status, message, request.trace_id);
    co_await refuse_with(request, status, message, std::move(body), extra_fields);
}

asio::awaitable<void> Session::refuse_with(Request& request, int status, std::string_view message, std::string body,
                                           std::string_view extra_fields) {
    RequestRecord& record = request.record;
    record.status = status;
    record.end = End::error;
    record.error = std::string(message.substr(0, 512));
    record.ttfb_us = record.duration_us = shard.clock.monotonic_us() - request.started_us;
    record.bytes_out = static_cast<std::int64_t>(body.size());
    co_await commit(std::move(record));
    const std::string fields = limits.fields(request) + std::string(extra_fields);
    co_await respond(request, status, std::move(body), "application/json", fields);
}

}  // namespace lurus::gateway
