#include <nlohmann/json.hpp>

#include "core/problem.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {
namespace {

using nlohmann::ordered_json;

ApiResponse answer(int status, const ordered_json& body) {
    ApiResponse response;
    response.status = status;
    response.body = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
    return response;
}

ApiResponse no_content() {
    ApiResponse response;
    response.status = 204;
    return response;
}

std::string param(const ApiRequest& request, const char* name) {
    const auto found = request.params.find(name);
    return found == request.params.end() ? std::string() : found->second;
}

ordered_json shown(const ProviderService& service, const Provider& provider) {
    return to_json(provider, service.list_state(provider));
}

ordered_json shown(const StoredModelList& list) {
    ordered_json out;
    out["provider"] = list.provider;
    out["fetched"] = list.fetched == 0 ? ordered_json(nullptr) : ordered_json(format_time(list.fetched));
    out["models"] = to_json(list.models);
    return out;
}

std::string list_schema(const char* name, const char* item) {
    return R"({"type":"object","required":[")" + std::string(name) + R"("],"properties":{")" + name +
           R"(":{"type":"array","items":)" + item + "}}}";
}

ApiResponse list_providers(const ProviderService& service) {
    ordered_json all = ordered_json::array();
    for (const auto& provider : service.snapshot()->providers()) all.push_back(shown(service, *provider));
    return answer(200, {{"providers", std::move(all)}});
}

ApiResponse add_provider(ProviderService& service, const ApiRequest& request) {
    const auto spec = provider_from_json(request.body);
    if (!spec) return problem(spec.error());
    if (auto added = service.add(*spec); !added) return problem(added.error());
    const auto provider = service.find(spec->name);
    if (!provider) return problem(409, "the provider was removed again meanwhile");
    return answer(201, shown(service, *provider));
}

ApiResponse get_provider(const ProviderService& service, const ApiRequest& request) {
    const auto provider = service.find(param(request, "name"));
    if (!provider) return problem(404, "there is no provider '" + param(request, "name") + "'");
    return answer(200, shown(service, *provider));
}

ApiResponse remove_provider(ProviderService& service, const ApiRequest& request) {
    auto removed = service.remove(param(request, "name"));
    return removed ? no_content() : problem(removed.error());
}

ApiResponse test_one(const ProviderService& service, const ApiRequest& request) {
    const auto wanted = test_request_from_json(request.body);
    if (!wanted) return problem(wanted.error());
    const auto outcome = service.test(param(request, "name"), *wanted);
    if (!outcome) return problem(outcome.error());
    ordered_json out;
    out["ok"] = outcome->ok;
    out["status"] = outcome->status == 0 ? ordered_json(nullptr) : ordered_json(outcome->status);
    out["latency_us"] = outcome->latency_us;
    out["detail"] = outcome->detail;
    out["family"] = name_of(outcome->family);
    out["model"] = wanted->model.empty() ? ordered_json(nullptr) : ordered_json(wanted->model);
    return answer(200, out);
}

ApiResponse fetch_list(ProviderService& service, const ApiRequest& request) {
    const auto list = service.fetch_list(param(request, "name"));
    return list ? answer(200, shown(*list)) : problem(list.error());
}

ApiResponse cached_list(const ProviderService& service, const ApiRequest& request) {
    const auto list = service.cached_list(param(request, "name"));
    return list ? answer(200, shown(*list)) : problem(list.error());
}

ApiResponse list_routes(const ProviderService& service) {
    ordered_json all = ordered_json::array();
    for (const auto& [route, source] : service.routes()) all.push_back(to_json(route, source));
    return answer(200, {{"routes", std::move(all)}});
}

ApiResponse add_route(ProviderService& service, const ApiRequest& request) {
    const auto route = route_from_json(request.body);
    if (!route) return problem(route.error());
    if (auto added = service.add_route(*route); !added) return problem(added.error());
    return answer(201, to_json(*route, "store"));
}

ApiResponse remove_route(ProviderService& service, const ApiRequest& request) {
    std::optional<Family> family;
    if (const auto named = request.query.find("family"); named != request.query.end()) {
        family = family_from(named->second);
        if (!family) return problem(400, "the query's family is anthropic, openai or gemini");
    }
    auto removed = service.remove_route(param(request, "model"), family);
    return removed ? no_content() : problem(removed.error());
}

/// Who would answer for a model, for clients of each family; without a key's or a provider's limits.
ApiResponse resolve(const ProviderService& service, const ApiRequest& request) {
    const auto query = [&](const char* name) {
        const auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    const std::string model = query("model"), named = query("family");
    if (model.empty()) return problem(400, "say which model: ?model=NAME");
    if (!named.empty() && !family_from(named)) return problem(400, "the query's family is anthropic, openai or gemini");
    const auto catalog = service.snapshot();
    ordered_json all = ordered_json::array();
    for (const Family family : {Family::anthropic, Family::openai, Family::gemini}) {
        if (!named.empty() && name_of(family) != named) continue;
        const auto resolution = catalog->resolve(family, model);
        ordered_json one;
        one["family"] = name_of(family);
        one["route"] =
            resolution && !resolution->route.empty() ? ordered_json(resolution->route) : ordered_json(nullptr);
        one["problem"] = resolution ? ordered_json(nullptr) : ordered_json(resolution.error().message);
        one["candidates"] = ordered_json::array();
        if (resolution) {
            for (const Candidate& candidate : resolution->candidates) {
                one["candidates"].push_back({{"provider", candidate.provider->name},
                                             {"account", candidate.provider->account},
                                             {"upstream_model", candidate.upstream_model},
                                             {"because", candidate.because}});
            }
        }
        all.push_back(std::move(one));
    }
    return answer(200, {{"model", model}, {"data", std::move(all)}});
}

constexpr const char* resolution_schema =
    R"({"type":"object","required":["model","data"],"properties":{"model":{"type":"string"},"data":{"type":"array","items":{"type":"object",
"required":["family","route","problem","candidates"],"properties":{"family":{"enum":["anthropic","openai","gemini"]},
"route":{"type":["string","null"]},"problem":{"type":["string","null"],"description":"why nobody answers"},
"candidates":{"type":"array","description":"in the order they are tried","items":{"type":"object","properties":{"provider":{"type":"string"},
"account":{"type":"string"},"upstream_model":{"type":"string"},"because":{"type":"string"}}}}}}}}})";

ApiResponse list_presets() {
    ordered_json all = ordered_json::array();
    for (const Preset& preset : presets()) all.push_back(to_json(preset));
    return answer(200, {{"presets", std::move(all)}});
}

ApiRoute route_to(Permission needed, std::string method, std::string path, std::string operation, std::string summary,
                  std::string response_schema, std::function<ApiResponse(const ApiRequest&)> handler) {
    ApiRoute route(needed);
    route.method = std::move(method);
    route.path = std::move(path);
    route.operation_id = std::move(operation);
    route.summary = std::move(summary);
    route.response_schema = std::move(response_schema);
    route.handler = std::move(handler);
    return route;
}

ApiRoute with_body(ApiRoute route, int success, const char* request_schema) {
    route.success = success;
    route.request_schema = request_schema;
    return route;
}

}  // namespace

std::vector<ApiRoute> provider_api(ProviderService& s) {
    using Request = const ApiRequest&;
    std::vector<ApiRoute> all;
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/providers", "listProviders",
                           "Lists the providers in their order", list_schema("providers", provider_schema),
                           [&s](Request) { return list_providers(s); }));
    all.push_back(with_body(
        route_to(Permission::operate, "POST", "/api/v1/providers", "addProvider", "Adds a provider and stores it",
                 provider_schema, [&s](Request r) { return add_provider(s, r); }),
        201, provider_spec_schema));
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/providers/{name}", "getProvider",
                           "Shows a provider", provider_schema, [&s](Request r) { return get_provider(s, r); }));
    all.push_back(route_to(Permission::operate, "DELETE", "/api/v1/providers/{name}", "removeProvider",
                           "Removes a stored provider", "", [&s](Request r) { return remove_provider(s, r); }));
    all.back().success = 204;
    all.push_back(with_body(
        route_to(Permission::operate, "POST", "/api/v1/providers/{name}/test", "testProvider",
                 "Asks the provider one small thing", test_result_schema, [&s](Request r) { return test_one(s, r); }),
        200, test_request_schema));
    all.back().reads_only = true;
    all.push_back(route_to(Permission::operate, "POST", "/api/v1/providers/{name}/models", "fetchProviderModels",
                           "Fetches the provider's model list and keeps it", model_list_schema,
                           [&s](Request r) { return fetch_list(s, r); }));
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/providers/{name}/models", "getProviderModels",
                           "Shows the model list fetched last", model_list_schema,
                           [&s](Request r) { return cached_list(s, r); }));
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/routes", "listRoutes", "Lists the routes",
                           list_schema("routes", route_schema), [&s](Request) { return list_routes(s); }));
    all.push_back(
        with_body(route_to(Permission::operate, "POST", "/api/v1/routes", "addRoute", "Adds a route and stores it",
                           route_schema, [&s](Request r) { return add_route(s, r); }),
                  201, route_schema));
    all.push_back(route_to(Permission::operate, "DELETE", "/api/v1/routes/{model}", "removeRoute",
                           "Removes a stored route; the model is percent-encoded", "",
                           [&s](Request r) { return remove_route(s, r); }));
    all.back().success = 204;
    ApiParam family;
    family.name = "family";
    family.schema = R"({"enum":["anthropic","openai","gemini"]})";
    family.description = "for a dialect's default route";
    all.back().query.push_back(std::move(family));
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/resolve", "resolveModel",
                           "Who would answer for a model, in order, and why", resolution_schema,
                           [&s](Request r) { return resolve(s, r); }));
    all.back().query.push_back(ApiParam{"model", R"({"type":"string"})", "as a client would name it"});
    all.back().query.push_back(
        ApiParam{"family", R"({"enum":["anthropic","openai","gemini"]})", "only for clients of this family"});
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/presets", "listPresets",
                           "Lists the kinds of provider that are known", list_schema("presets", preset_schema),
                           [](Request) { return list_presets(); }));
    return all;
}

}  // namespace lurus::provider
