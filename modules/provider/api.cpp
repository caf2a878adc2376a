#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "core/glob.hpp"
#include "core/list_page.hpp"
#include "core/problem.hpp"
#include "modules/provider/accounts.hpp"
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

const ListShape provider_list{.id = {"name"}, .sorts = {"name", "kind", "source"}};
const ListShape route_list{.id = {"model", "family"}, .sorts = {"model", "source"}};
const ListShape preset_list{.id = {"kind"}, .sorts = {"kind"}};

/// A list's old member beside `data`, for who reads that.
ApiResponse page(std::vector<ordered_json> entries, const ListShape& shape, const ApiRequest& request,
                 const char* old_name) {
    auto body = list_page(std::move(entries), shape, request.query);
    if (!body) return problem(body.error());
    (*body)[old_name] = (*body)["data"];
    return answer(200, *body);
}

/// Whether `query` asks for this value of an entry, or for none; `*` and `?` are wildcards.
bool asked(const ApiRequest& request, const char* name, const ordered_json& entry) {
    const auto wanted = request.query.find(name);
    if (wanted == request.query.end()) return true;
    return entry[name].is_string() && glob_match(wanted->second, entry[name].get<std::string>());
}

ApiResponse list_providers(const ProviderService& service, const ApiRequest& request) {
    std::vector<ordered_json> all;
    for (const auto& provider : service.snapshot()->providers()) {
        auto one = shown(service, *provider);
        if (asked(request, "name", one) && asked(request, "kind", one) && asked(request, "source", one))
            all.push_back(std::move(one));
    }
    return page(std::move(all), provider_list, request, "providers");
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

/// The credential stays where the body gives none, unless it would go to another address then.
ApiResponse put_provider(ProviderService& service, const ApiRequest& request) {
    const auto before = service.stored_spec(param(request, "name"));
    if (!before) return problem(before.error());
    auto spec = provider_from_json(request.body);
    if (!spec) return problem(spec.error());
    if (spec->name.empty()) spec->name = before->name;
    if (spec->name != before->name) return problem(400, "a provider keeps its name: add another, then remove this one");
    if (spec->api_key.empty() && spec->api_key_env.empty() && spec->api_key_file.empty()) {
        if (spec->base_url != before->base_url || (!spec->kind.empty() && spec->kind != before->kind))
            return problem(400, "with another `base_url` or `kind` the credential must be given again");
        spec->api_key = before->api_key;
        spec->api_key_env = before->api_key_env;
        spec->api_key_file = before->api_key_file;
    }
    if (spec->kind.empty()) spec->kind = before->kind;
    if (auto done = service.replace(*spec); !done) return problem(done.error());
    const auto provider = service.find(spec->name);
    if (!provider) return problem(409, "the provider was removed meanwhile");
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

ApiResponse list_routes(const ProviderService& service, const ApiRequest& request) {
    std::vector<ordered_json> all;
    for (const auto& [route, source] : service.routes()) {
        auto one = to_json(route, source);
        if (asked(request, "model", one) && asked(request, "family", one) && asked(request, "source", one))
            all.push_back(std::move(one));
    }
    return page(std::move(all), route_list, request, "routes");
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

/// Who would answer for a model, for clients of each family; of a key's rules only its account groups.
ApiResponse resolve(const ProviderService& service, const ApiRequest& request) {
    const auto query = [&](const char* name) {
        const auto found = request.query.find(name);
        return found == request.query.end() ? std::string() : found->second;
    };
    const std::string model = query("model"), named = query("family");
    if (model.empty()) return problem(400, "say which model: ?model=NAME");
    if (!named.empty() && !family_from(named)) return problem(400, "the query's family is anthropic, openai or gemini");
    std::vector<std::string> group;
    if (request.query.contains("group")) group.push_back(query("group"));
    const auto groups = AccountGroups::of(group);
    if (!groups) return problem(groups.error());
    const auto catalog = service.snapshot();
    ordered_json all = ordered_json::array();
    for (const Family family : {Family::anthropic, Family::openai, Family::gemini}) {
        if (!named.empty() && name_of(family) != named) continue;
        const auto resolution = catalog->resolve(family, model, *groups);
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

ApiResponse list_presets(const ApiRequest& request) {
    std::vector<ordered_json> all;
    for (const Preset& preset : presets()) all.push_back(to_json(preset));
    return page(std::move(all), preset_list, request, "presets");
}

std::vector<ApiParam> params_of(const ListShape& shape, const std::vector<const char*>& filters) {
    std::vector<ApiParam> all = list_params(shape);
    for (const char* name : filters)
        all.push_back(ApiParam{name, R"({"type":"string"})", "Only these; * and ? are wildcards"});
    return all;
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
                           "Lists the providers in their order", list_schema(provider_schema),
                           [&s](Request r) { return list_providers(s, r); }));
    all.back().query = params_of(provider_list, {"name", "kind", "source"});
    all.push_back(with_body(
        route_to(Permission::operate, "POST", "/api/v1/providers", "addProvider", "Adds a provider and stores it",
                 provider_schema, [&s](Request r) { return add_provider(s, r); }),
        201, provider_spec_schema));
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/providers/{name}", "getProvider",
                           "Shows a provider", provider_schema, [&s](Request r) { return get_provider(s, r); }));
    all.push_back(
        with_body(route_to(Permission::operate, "PUT", "/api/v1/providers/{name}", "putProvider",
                           "Puts another stored provider in its place; without a credential the old one stays",
                           provider_schema, [&s](Request r) { return put_provider(s, r); }),
                  200, provider_spec_schema));
    all.push_back(route_to(Permission::operate, "DELETE", "/api/v1/providers/{name}", "removeProvider",
                           "Removes a stored provider", "", [&s](Request r) { return remove_provider(s, r); }));
    all.back().success = 204;
    all.push_back(with_body(
        route_to(Permission::operate, "POST", "/api/v1/providers/{name}/test", "testProvider",
                 "Asks the provider one small thing", test_result_schema, [&s](Request r) { return test_one(s, r); }),
        200, test_request_schema));
    all.push_back(route_to(Permission::operate, "POST", "/api/v1/providers/{name}/models", "fetchProviderModels",
                           "Fetches the provider's model list and keeps it", model_list_schema,
                           [&s](Request r) { return fetch_list(s, r); }));
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/providers/{name}/models", "getProviderModels",
                           "Shows the model list fetched last", model_list_schema,
                           [&s](Request r) { return cached_list(s, r); }));
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/routes", "listRoutes", "Lists the routes",
                           list_schema(route_schema), [&s](Request r) { return list_routes(s, r); }));
    all.back().query = params_of(route_list, {"model", "family", "source"});
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
    all.back().query.push_back(ApiParam{"group", R"({"type":"string"})", "for a key of this account group"});
    all.push_back(route_to(Permission::read_installation, "GET", "/api/v1/presets", "listPresets",
                           "Lists the kinds of provider that are known", list_schema(preset_schema),
                           [](Request r) { return list_presets(r); }));
    all.back().query = params_of(preset_list, {});
    std::ranges::move(account_routes(s), std::back_inserter(all));
    return all;
}

}  // namespace lurus::provider
