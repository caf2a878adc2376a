#include <algorithm>
#include <memory>

#include "core/http/url.hpp"
#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {
constexpr int model_lists_timeout_ms = 5000;  // a slower vendor's list is shown the next time
}  // namespace

asio::awaitable<void> serve_models(Session& session, Request& request) {
    if (const std::string rule = broken_rule(request); !rule.empty()) {
        EarlyRefusal why(403, "key_rule", rule);
        co_await refuse_early(session, request, std::move(why));
        co_return;
    }
    if (request.snapshot->refresh_models) {
        auto refreshed = std::make_shared<bool>(false);
        session.services().refresh_models(session.shard, *request.snapshot,
                                          [self = session.shared_from_this(), refreshed] {
                                              *refreshed = true;
                                              self->signal.notify();
                                          });
        session.set_deadline(model_lists_timeout_ms);
        while (!*refreshed && !session.timed_out() && !session.client_gone()) co_await session.signal.wait();
        session.set_deadline(0);
    }
    // The request keeps its own snapshot, which its key lives in; a refresh published a newer one.
    const std::vector<ModelEntry> models = models_for(request, *session.shard.snapshot->catalog);
    session.shard.metrics.count_local(200);
    if (request.endpoint.operation == Operation::models_list) {
        std::string body = models_body(request.family, models);
        co_await session.respond(request, 200, std::move(body), "application/json");
        co_return;
    }
    const std::string wanted = percent_decode(request.endpoint.path_model).value_or(std::string());
    const auto found = std::ranges::find(models, wanted, &ModelEntry::id);
    if (found == models.end()) {
        co_await session.respond_error(
            request, 404, "no model named " + cut_field(wanted) + "; GET the list of models to see what there is");
        co_return;
    }
    std::string body = model_body(request.family, *found);
    co_await session.respond(request, 200, std::move(body), "application/json");
}

}  // namespace lurus::gateway
