// What a session does with a request whose head is read: its own endpoints, the management API, or the relay.

#include <algorithm>
#include <cstdio>

#include "core/http/url.hpp"
#include "core/text/ascii.hpp"
#include "modules/gateway/answer/dialect_text.hpp"
#include "modules/gateway/attempt/alias.hpp"
#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/attempt/websocket_relay.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/client_address.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr int model_lists_timeout_ms = 5000;  // a slower vendor's list is shown the next time

std::string cut_field(std::string_view text) {
    return std::string(text.substr(0, 512));
}

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

bool is_api(std::string_view path) {
    return (path.starts_with("/api/v1/") || path == "/api/v1") && without_alias(path) == path;
}

bool is_page(std::string_view path) {
    return path == "/console" || path.starts_with("/console/");
}

constexpr std::string_view hello = "/api/hello";  // Claude Code asks this to see whether it is online

bool is_own(std::string_view path) {
    return is_api(path) || is_page(path) || path == "/health" || path == "/ready" || path == "/metrics" ||
           path == "/" || path == hello;
}

bool asks_for_websocket(const http1::RequestHead& head) {
    return iequals(head.upgrade, "websocket");
}

std::unique_ptr<Rejection> rejected(int status, std::string message) {
    auto rejection = std::make_unique<Rejection>();
    rejection->status = status;
    rejection->message = std::move(message);
    return rejection;
}

std::string health_json(const GatewaySnapshot& snapshot, const LogStatus& log, bool draining, double uptime) {
    char seconds[40];
    std::snprintf(seconds, sizeof seconds, "%.0f", uptime);
    const bool good = log.healthy && snapshot.problems.empty();
    std::string out = "{\"status\":\"";
    out += draining ? "draining" : good ? "healthy" : "degraded";
    out.append("\",\"uptime_seconds\":").append(seconds);
    out.append(",\"providers\":").append(std::to_string(snapshot.catalog->providers().size()));
    out.append(",\"log\":{\"enabled\":").append(snapshot.settings.log_enabled ? "true" : "false");
    out.append(",\"healthy\":").append(log.healthy ? "true" : "false");
    out.append(",\"queued\":").append(std::to_string(log.queued));
    if (!log.problem.empty()) out.append(",\"problem\":").append(quote_json(log.problem));
    out += "},\"problems\":[";
    for (std::size_t i = 0; i < snapshot.problems.size(); ++i) {
        if (i > 0) out += ',';
        out += quote_json(snapshot.problems[i]);
    }
    return out + "]}";
}

// A key's name means something within its organisation only.
bool records_body_of(const KeyInfo* key, const std::vector<std::string>& keys) {
    if (keys.empty()) return true;
    return key != nullptr && std::ranges::any_of(keys, [&](const std::string& wanted) {
               return wanted == key->id || (wanted == key->name && key->org == default_org);
           });
}

}  // namespace

// What most requests pass is not a coroutine of its own: a frame less to make, and to keep while a stream is open.
asio::awaitable<void> Session::serve(Request& request, std::size_t head_size) {
    if (is_own(path_of(request.head.target))) {
        co_await serve_own(request, head_size);
        co_return;
    }
    const std::optional<MatchError> unmatched = find_endpoint(request);
    if (const char* problem = key_problem(request)) {
        co_await refuse_key(request, problem);
        co_return;
    }
    if (unmatched) {
        co_await refuse_path(request, head_size, *unmatched);
        co_return;
    }
    request.address = client_address(peer_, request.head, request.snapshot->settings);
    if (!take_body(request, head_size) && !co_await read_body(request, head_size)) co_return;
    if (request.endpoint.operation == Operation::models_list || request.endpoint.operation == Operation::model_get) {
        co_await serve_models(request);
        co_return;
    }
    if (auto rejection = admit(request)) {
        co_await reject(request, std::move(rejection));
        co_return;
    }
    if (request.endpoint.websocket && asks_for_websocket(request.head)) {
        co_await relay_websocket(*this, request);
    } else {
        Relay relay(*this, request);
        co_await relay.run();
    }
}

// The family is set also when there is no endpoint: its error shape is used.
std::optional<MatchError> Session::find_endpoint(Request& request) {
    const http1::RequestHead& head = request.head;
    DialectHints hints;
    hints.anthropic_version = head.find("anthropic-version") != nullptr || head.find("x-api-key") != nullptr;
    hints.google_key = head.find("x-goog-api-key") != nullptr || head.target.find("?key=") != std::string_view::npos ||
                       head.target.find("&key=") != std::string_view::npos;
    const Match match = match_endpoint(head.method, head.target, hints, asks_for_websocket(head));
    request.family = match.family;
    if (!match.endpoint) return match.error;
    request.endpoint = *match.endpoint;
    return std::nullopt;
}

asio::awaitable<void> Session::refuse_path(Request& request, std::size_t head_size, MatchError error) {
    const http1::RequestHead& head = request.head;
    const bool known = error == MatchError::wrong_method;
    const std::string message =
        known ? "this path does not take " + cut_field(head.method)
              : "no endpoint at " + cut_field(path_of(head.target)) + "; see the README for what is served";
    if (head.content_length.value_or(0) > 0 || head.chunked) keep_alive_ = false;
    in_.erase(0, head_size);
    co_await respond_error(request, known ? 405 : 404, message);
}

asio::awaitable<void> Session::serve_own(Request& request, std::size_t head_size) {
    if (!co_await read_body(request, head_size)) co_return;
    const http1::RequestHead& head = request.head;
    const std::string_view path = path_of(head.target);
    if (is_api(path) || is_page(path)) {
        co_await serve_api(request);
        co_return;
    }
    if (head.method != "GET" && head.method != "HEAD") {
        co_await respond_error(request, 405, "this path takes GET");
        co_return;
    }
    std::string body;
    std::string_view type = "application/json";
    int status = 200;
    if (path == "/health") {
        body = health_json(*request.snapshot, shard.log.status(), shard.draining(), services_.uptime_seconds());
    } else if (path == "/ready") {
        status = shard.draining() ? 503 : 200;
        body = shard.draining() ? R"({"status":"draining"})" : R"({"status":"ready"})";
    } else if (path == "/metrics") {
        type = "text/plain; version=0.0.4; charset=utf-8";
        auto merged = std::make_shared<std::optional<Metrics>>();
        services_.collect_metrics(shard, [self = shared_from_this(), merged](Metrics all) {
            *merged = std::move(all);
            self->signal.notify();
        });
        while (!merged->has_value()) co_await signal.wait();
        body = (*merged)->prometheus(shard.log.status(), services_.uptime_seconds(), services_.shard_count());
    } else if (path == hello) {
        body = R"({"message":"hello"})";
    } else {
        body = R"({"name":"lurus","health":"/health","metrics":"/metrics","api":"/api/v1/openapi.json"})";
    }
    shard.metrics.count_local(status);
    co_await respond(request, status, std::move(body), type);
}

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

asio::awaitable<void> Session::serve_models(Request& request) {
    if (const std::string rule = broken_rule(request); !rule.empty()) {
        co_await respond_error(request, 403, rule);
        co_return;
    }
    if (request.snapshot->refresh_models) {
        auto refreshed = std::make_shared<bool>(false);
        services_.run_blocking(shard, request.snapshot->refresh_models, [self = shared_from_this(), refreshed] {
            *refreshed = true;
            self->signal.notify();
        });
        set_deadline(model_lists_timeout_ms);
        while (!*refreshed && !timed_out() && !gone_) co_await signal.wait();
        set_deadline(0);
    }
    // The request keeps its own snapshot, which its key lives in; a refresh published a newer one.
    const std::vector<ModelEntry> models = models_for(request, *shard.snapshot->catalog);
    shard.metrics.count_local(200);
    if (request.endpoint.operation == Operation::models_list) {
        std::string body = models_body(request.family, models);
        co_await respond(request, 200, std::move(body), "application/json");
        co_return;
    }
    const std::string wanted = percent_decode(request.endpoint.path_model).value_or(std::string());
    const auto found = std::ranges::find(models, wanted, &ModelEntry::id);
    if (found == models.end()) {
        co_await respond_error(request, 404,
                               "no model named " + cut_field(wanted) + "; GET the list of models to see what there is");
        co_return;
    }
    std::string body = model_body(request.family, *found);
    co_await respond(request, 200, std::move(body), "application/json");
}

const char* Session::key_problem(Request& request) const {
    const std::string_view presented = presented_key(request.head);
    if (!presented.empty()) request.key = request.snapshot->keys->find(presented);
    if (request.key != nullptr) {
        if (request.key->use) request.key->use->note(request.time);
        if (request.key->disabled) return "this key is disabled";
        return request.key->usable_at(request.time) ? nullptr : "this key has expired";
    }
    if (open_) return nullptr;
    return presented.empty() ? "no key: send one as x-api-key, Authorization: Bearer or x-goog-api-key (make "
                               "one with `lurus key create --name NAME`)"
                             : "this key is not known here (make one with `lurus key create --name NAME`)";
}

asio::awaitable<void> Session::refuse_key(Request& request, const char* problem) {
    if (request.head.content_length.value_or(0) > 0 || request.head.chunked) keep_alive_ = false;
    const std::string_view extra = request.family == Family::openai ? "WWW-Authenticate: Bearer\r\n" : "";
    co_await respond_error(request, 401, problem, extra);
    if (keep_alive_) {
        const auto parsed = http1::parse_request_head(in_, in_.size() + 1, request.head);
        in_.erase(0, parsed.consumed);
    }
}

// What its key may not do or what is over a limit is rejected.
std::unique_ptr<Rejection> Session::admit(Request& request) {
    const GatewaySettings& settings = request.snapshot->settings;
    const http1::RequestHead& head = request.head;
    RequestRecord& record = request.record;
    record.record_id = shard.ids.at(request.time);
    record.trace_id = request.trace_id;
    record.time = request.time;
    record.dialect = record.upstream_dialect = request.endpoint.dialect;
    record.operation = std::string(request.endpoint.name);
    record.key = request.key != nullptr ? request.key->name : std::string();
    record.user = request.key != nullptr ? request.key->record_user() : std::string();
    if (request.key != nullptr) {
        record.key_id = request.key->record_ids.key;
        record.team_id = request.key->record_ids.team;
        record.org_id = request.key->record_ids.org;
    }
    record.client = cut_field(head.value("user-agent"));
    record.bytes_in = static_cast<std::int64_t>(request.body.size());

    if (settings.log_enabled && !shard.log.has_room()) {
        auto rejection =
            rejected(503, "the request log cannot keep up or cannot be written (see /health); try again shortly");
        rejection->fields = "Retry-After: 5\r\n";
        rejection->recorded = keep_alive_ = false;
        return rejection;
    }
    RequestFacts& facts = request.facts;
    if (head.method == "POST" || head.method == "PUT" || head.method == "PATCH") {
        facts = scan_request(request.endpoint, head.value("content-type"), request.body);
        if (!facts.error.empty()) return rejected(400, facts.error);
    }
    if (!request.endpoint.path_model.empty()) {
        const auto decoded = percent_decode(request.endpoint.path_model);
        if (!decoded) return rejected(400, "the model's name in the path is not valid percent-encoding");
        facts.model = *decoded;
        facts.model_begin = facts.model_end = 0;
    }
    if (request.endpoint.streams) facts.stream = true;
    int best = 0;
    for (const auto& field : head.fields) {
        if (field.name.size() < 7 || field.name.size() > 40) continue;
        char name[40];
        std::ranges::transform(field.name, name,
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        const int rank = session_header_rank(std::string_view(name, field.name.size()));
        if (rank > best && !field.value.empty()) {
            best = rank;
            facts.session = cut_field(field.value);
        }
    }
    record.model = cut_field(facts.model);
    record.stream = facts.stream;
    record.session = facts.session;
    if (settings.log_bodies != GatewaySettings::Bodies::none) {
        if (records_body_of(request.key, settings.log_bodies_keys)) {
            record.request_body =
                std::string(request.body.substr(0, static_cast<std::size_t>(settings.log_bodies_cap)));
        }
    }
    if (std::string rule = broken_rule(request); !rule.empty()) return rejected(403, std::move(rule));
    const bool needs_model = request.endpoint.model_in_body && head.method == "POST" && !request.body.empty();
    if (needs_model && facts.model.empty() && request.endpoint.operation != Operation::moderations &&
        request.endpoint.operation != Operation::images && request.endpoint.operation != Operation::audio) {
        return rejected(400, "the request names no model: set \"model\"");
    }
    return within_limits(request);
}

asio::awaitable<void> Session::reject(Request& request, std::unique_ptr<Rejection> rejection) {
    Rejection& why = *rejection;
    if (!why.recorded) {
        co_await respond_error(request, why.status, why.message, why.fields);
    } else if (why.body.empty()) {
        co_await refuse(request, why.status, why.message, why.fields);
    } else {
        co_await refuse_with(request, why.status, why.message, std::move(why.body), why.fields);
    }
}

}  // namespace lurus::gateway
