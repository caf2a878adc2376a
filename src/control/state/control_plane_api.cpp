// The server's own part of the management API: its status, its configuration, the document of all routes.
#include <nlohmann/json.hpp>

#include "control/api/openapi.hpp"
#include "control/api/pages.hpp"
#include "control/state/control_plane.hpp"
#include "core/http/api_route.hpp"
#include "core/http/problem.hpp"
#include "core/os/version.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view status_schema = R"({"type":"object",
"required":["version","running","mode","pid","started","uptime_seconds","addresses","data_dir","config","databases","log"],
"properties":{"version":{"type":"string"},"running":{"type":"boolean","description":"false: a command answers, no server runs"},
"mode":{"type":"string","enum":["offline"],"description":"offline: SQLite only"},"pid":{"type":["integer","null"]},
"started":{"type":["string","null"],"format":"date-time"},"uptime_seconds":{"type":["integer","null"]},
"addresses":{"type":"array","items":{"type":"string"}},"data_dir":{"type":"string"},
"config":{"type":"object","required":["file","problem","needs_restart","warnings","files"],"properties":{"file":{"type":["string","null"]},
"problem":{"type":["string","null"],"description":"why the file was refused"},
"needs_restart":{"type":"array","items":{"type":"string"}},"warnings":{"type":"array","items":{"type":"string"}},
"files":{"type":"array","items":{"type":"string"},"description":"what is wrong with files that it names, and what goes on instead"}}},
"databases":{"type":"array","items":{"type":"object","required":["file","problem"],"properties":{"file":{"type":"string"},
"problem":{"type":["string","null"],"description":"why it cannot be changed now"}}}},
"log":{"type":"object","required":["enabled","healthy","problem","committed","queued","queued_bytes","released_unsafe"],
"properties":{"enabled":{"type":"boolean"},"healthy":{"type":"boolean"},"problem":{"type":["string","null"]},
"committed":{"type":"integer"},"queued":{"type":"integer"},"queued_bytes":{"type":"integer"},
"released_unsafe":{"type":"integer","description":"answers let go before their record was safe"}}}}})";

constexpr std::string_view reload_schema = R"({"type":"object","required":["needs_restart","warnings"],"properties":{
"needs_restart":{"type":"array","items":{"type":"string"},"description":"changed options that take effect at the next start"},
"warnings":{"type":"array","items":{"type":"string"}}}})";

constexpr int lock_patience_ms = 300;  // longer than any change of our own takes

Json text_or_null(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

}  // namespace

std::vector<ApiRoute> ControlPlane::own_routes() {
    std::vector<ApiRoute> routes;
    routes.push_back(api_route(Permission::read_installation, "GET", "/api/v1/status", "getStatus",
                               "What runs here and how it is", std::string(status_schema),
                               [this](const ApiRequest& request) { return status_response(request); }));
    routes.back().query = {{"check", R"({"type":"boolean","default":false})", "also read the databases through"}};
    routes.push_back(api_route(Permission::operate, "GET", "/api/v1/config", "getConfig",
                               "The configuration in force, secrets masked", R"({"type":"object"})",
                               [this](const ApiRequest&) { return config_response(); }));
    routes.push_back(
        api_route(Permission::operate, "POST", "/api/v1/reload", "reload",
                  "Read the configuration again; a file with a mistake is refused and the old configuration goes on",
                  std::string(reload_schema), [this](const ApiRequest&) { return reload_response(); }));
    routes.push_back(api_route(Permission::anyone, "GET", std::string(openapi_path), "getOpenApi", "This document",
                               R"({"type":"object"})", [this](const ApiRequest&) {
                                   ApiResponse response;
                                   response.body = openapi_document(dispatcher_->routes(), version(), "/");
                                   return response;
                               }));
    routes.back().tag = "server";
    return routes;
}

ApiResponse ControlPlane::status_response(const ApiRequest& request) const {
    const bool running = use_ == Use::server;
    const LogStatus log = log_->status();
    const auto check = request.query.find("check");
    const auto depth = check != request.query.end() && check->second == "true" ? DatabaseWatch::Depth::pages
                                                                               : DatabaseWatch::Depth::lock;
    Json databases = Json::array();
    for (const auto& state : databases_->states(lock_patience_ms, depth))
        databases.push_back({{"file", state.file}, {"problem", text_or_null(state.problem)}});
    const std::scoped_lock lock(mutex_);
    Json body;
    body["version"] = version();
    body["running"] = running;
    body["mode"] = "offline";
    body["pid"] = running ? Json(platform::process_id()) : Json(nullptr);
    body["started"] = running ? Json(format_time(started_)) : Json(nullptr);
    body["uptime_seconds"] = running ? Json((clock_.monotonic_us() - started_us_) / 1'000'000) : Json(nullptr);
    body["addresses"] = urls_;
    body["data_dir"] = config_.data_dir.string();
    body["config"] = {{"file", text_or_null(config_.file.string())},
                      {"problem", text_or_null(problem_)},
                      {"needs_restart", needs_restart_},
                      {"warnings", config_.warnings},
                      {"files", file_problems_}};
    body["databases"] = std::move(databases);
    body["log"] = {{"enabled", config_.gateway.log_enabled},
                   {"healthy", log.healthy},
                   {"problem", text_or_null(log.problem)},
                   {"committed", log.committed},
                   {"queued", log.queued},
                   {"queued_bytes", log.queued_bytes},
                   {"released_unsafe", log.released_unsafe}};
    return json_response(body);
}

ApiResponse ControlPlane::config_response() const {
    ApiResponse response;
    response.body = config::to_json(config());
    return response;
}

ApiResponse ControlPlane::reload_response() {
    if (use_ != Use::server)
        return lurus::problem(409, "no server runs on this data folder, so there is nothing to reload");
    auto done = reload();
    if (!done) return lurus::problem(done.error());
    return json_response(Json{{"needs_restart", done->needs_restart}, {"warnings", done->warnings}});
}

ApiResponse ControlPlane::handle(const ApiCall& call) const {
    if (auto page = page_at(call.request, call.target)) return *std::move(page);
    return dispatcher_->handle(call, gate_);
}

ApiBodyVerdict ControlPlane::judge_body(const ApiCall& call) const {
    ApiBodyVerdict verdict;
    verdict.refusal = page_at(call.request, call.target);
    return verdict.refusal ? verdict : dispatcher_->judge(call, gate_);
}

ApiOutside ControlPlane::outside() {
    return {outside_.get(), [this](const ApiCall& call) { return dispatcher_->outside_lane(call); }};
}

BackgroundBooks ControlPlane::background() {
    return {&backend_->background(), log_->node_id()};
}

ApiResponse ControlPlane::local(std::string method, std::string_view target, std::string body,
                                const std::string& idempotency_key) const {
    ApiRequest request;
    request.method = std::move(method);
    request.body = std::move(body);
    request.principal = admin_principal("local command");
    if (!idempotency_key.empty()) request.headers["idempotency-key"] = idempotency_key;
    return dispatcher_->dispatch(std::move(request), target);
}

}  // namespace lurus::control
