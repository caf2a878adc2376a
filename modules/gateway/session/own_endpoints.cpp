// What we answer for ourselves: health, readiness, metrics, and the way to the management API.

#include <cstdio>
#include <optional>

#include "modules/gateway/attempt/alias.hpp"
#include "modules/gateway/metrics/backend_metrics.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

bool is_api(std::string_view path) {
    return (path.starts_with("/api/v1/") || path == "/api/v1") && without_alias(path) == path;
}

bool is_page(std::string_view path) {
    return path == "/console" || path.starts_with("/console/");
}

constexpr std::string_view hello = "/api/hello";  // Claude Code asks this to see whether it is online

bool is_for_api(std::string_view path) {
    return is_api(path) || is_page(path);
}

std::string backend_json(const BackendState& state) {
    std::string out = "{\"mode\":";
    out.append(quote_json(name_of(state.mode))).append(",\"setting\":").append(quote_json(name_of(state.setting)));
    out.append(",\"since\":").append(quote_json(format_time(state.since)));
    out.append(",\"reason\":").append(state.reason.empty() ? "null" : quote_json(state.reason));
    out.append(",\"backlog\":").append(std::to_string(state.backlog));
    out.append(",\"mirror\":").append(state.mirror ? quote_json(format_time(*state.mirror)) : "null");
    return out + "}";
}

std::string health_json(const GatewaySnapshot& snapshot, const LogStatus& log, bool draining, double uptime) {
    char seconds[40];
    std::snprintf(seconds, sizeof seconds, "%.0f", uptime);
    const bool shared = snapshot.sync == nullptr || snapshot.sync->state().reason.empty();
    std::vector<std::string> problems = snapshot.problems;
    if (snapshot.sync != nullptr)
        if (std::string problem = snapshot.sync->problem(); !problem.empty()) problems.push_back(std::move(problem));
    const bool good = log.healthy && problems.empty() && shared;
    std::string out = "{\"status\":\"";
    out += draining ? "draining" : good ? "healthy" : "degraded";
    out.append("\",\"uptime_seconds\":").append(seconds);
    out.append(",\"providers\":").append(std::to_string(snapshot.catalog->providers().size()));
    out.append(",\"log\":{\"enabled\":").append(snapshot.settings.log_enabled ? "true" : "false");
    out.append(",\"healthy\":").append(log.healthy ? "true" : "false");
    out.append(",\"queued\":").append(std::to_string(log.queued));
    if (!log.problem.empty()) out.append(",\"problem\":").append(quote_json(log.problem));
    out += "},\"backends\":{";
    if (snapshot.sync != nullptr) out.append("\"postgres\":").append(backend_json(snapshot.sync->state()));
    out += "},\"problems\":[";
    for (std::size_t i = 0; i < problems.size(); ++i) {
        if (i > 0) out += ',';
        out += quote_json(problems[i]);
    }
    return out + "]}";
}

/// Whether the metrics are shown to whoever asks here.
asio::awaitable<bool> may_read_metrics(Session& session, Request& request) {
    using For = GatewaySettings::MetricsFor;
    const For who = request.snapshot->settings.metrics_for;
    if (who == For::open || (who == For::elsewhere_key && session.local())) co_return true;
    const std::optional<EarlyRefusal> no_key = authenticate(session, request);
    if (!no_key && request.key != nullptr) co_return true;
    request.key = nullptr;
    co_return co_await session.may_see_installation(request);
}

}  // namespace

bool is_own(std::string_view path) {
    return is_for_api(path) || path == "/health" || path == "/ready" || path == "/metrics" || path == "/" ||
           path == hello;
}

asio::awaitable<void> serve_own(Session& session, Request& request) {
    const http1::RequestHead& head = request.head;
    if (is_for_api(path_of(head.target))) {
        request.path_class = "api";
        co_await session.serve_api(request);
        co_return;
    }
    request.path_class = "own";
    std::optional<EarlyRefusal> refused = from_foreign_page(session, request);
    if (!refused && head.method != "GET" && head.method != "HEAD")
        refused.emplace(405, "wrong_method", "this path takes GET");
    if (refused) {
        EarlyRefusal why = *std::move(refused);
        co_await refuse_early(session, request, std::move(why));
        co_return;
    }
    if (!take_body(session, request, no_use_body_cap) && !co_await read_body(session, request, no_use_body_cap))
        co_return;
    const std::string_view path = path_of(head.target);
    std::string body;
    std::string_view type = "application/json";
    int status = 200;
    if (path == "/health") {
        body = health_json(*request.snapshot, session.shard.log.status(), session.shard.draining(),
                           session.services().uptime_seconds());
    } else if (path == "/ready") {
        const std::string missing =
            request.snapshot->sync != nullptr ? request.snapshot->sync->not_ready() : std::string();
        status = session.shard.draining() || !missing.empty() ? 503 : 200;
        body = session.shard.draining() ? R"({"status":"draining"})"
               : missing.empty()        ? R"({"status":"ready"})"
                                        : R"({"status":"waiting","reason":)" + quote_json(missing) + "}";
    } else if (path == "/metrics" && request.snapshot->settings.metrics_for == GatewaySettings::MetricsFor::off) {
        EarlyRefusal why(404, "metrics_off", "server.metrics is off here");
        co_await refuse_early(session, request, std::move(why));
        co_return;
    } else if (path == "/metrics") {
        if (!co_await may_read_metrics(session, request)) {
            EarlyRefusal why(401, "metrics_key",
                             "the metrics take a gateway key or the admin token: Authorization: Bearer KEY "
                             "(server.metrics says who may read them)",
                             "WWW-Authenticate: Bearer\r\n");
            co_await refuse_early(session, request, std::move(why));
            co_return;
        }
        type = "text/plain; version=0.0.4; charset=utf-8";
        auto merged = std::make_shared<std::optional<Metrics>>();
        session.services().collect_metrics(session.shard, [self = session.shared_from_this(), merged](Metrics all) {
            *merged = std::move(all);
            self->signal.notify();
        });
        while (!merged->has_value()) co_await session.signal.wait();
        (*merged)->body_memory = session.services().bodies().used();
        (*merged)->body_memory_most = session.services().bodies().capacity();
        body = (*merged)->prometheus(session.shard.log.status(), session.services().uptime_seconds(),
                                     session.services().shard_count());
        if (request.snapshot->sync != nullptr)
            body += backend_metrics("postgres", request.snapshot->sync->state().mode);
    } else if (path == hello) {
        body = R"({"message":"hello"})";
    } else {
        body = R"({"name":"lurus","health":"/health","metrics":"/metrics","api":"/api/v1/openapi.json"})";
    }
    session.shard.metrics.count_local(status);
    co_await session.respond(request, status, std::move(body), type);
}

}  // namespace lurus::gateway
