// Routes over the management API.
#include "core/http/problem.hpp"
#include "modules/provider/api/route_parts.hpp"

namespace lurus::provider {
namespace {

using nlohmann::ordered_json;

const ListShape route_list{.id = {"model", "family"}, .sorts = {"model", "source"}};

ApiResponse list_routes(const ProviderService& service, const ApiRequest& request) {
    std::vector<ordered_json> all;
    for (const auto& listed : service.routes()) {
        auto one = to_json(listed.route, listed.source);
        if (asked(request, "model", one) && asked(request, "family", one) && asked(request, "source", one))
            all.push_back(std::move(one));
    }
    return page(std::move(all), route_list, request, "routes");
}

ApiResponse add_route(ProviderService& service, const ApiRequest& request) {
    const auto route = route_from_json(request.body);
    if (!route) return problem(route.error());
    if (auto added = service.add_route(*route); !added) return problem(added.error());
    return json_response(to_json(*route, "store"), 201);
}

ApiResponse route_response(const ListedRoute& listed) {
    ApiResponse response = json_response(to_json(listed.route, listed.source));
    if (listed.version != 0) response.version = listed.version;
    return response;
}

/// By its id; a default also by `*` and its family.
Result<ListedRoute> route_of(const ProviderService& service, const std::string& id,
                             std::optional<Family> family = std::nullopt) {
    for (auto& listed : service.routes()) {
        const bool same = listed.route.model == id && listed.route.family == family;
        if (same || (!family && route_id(listed.route) == id)) return std::move(listed);
    }
    return fail(ErrorCode::not_found,
                "there is no route '" + id + "'" + (family ? " for " + std::string(name_of(*family)) : ""));
}

ApiResponse get_route(const ProviderService& service, const ApiRequest& request) {
    const auto found = route_of(service, param(request, "model"));
    return found ? route_response(*found) : problem(found.error());
}

ApiResponse change_route(ProviderService& service, const ApiRequest& request) {
    const auto found = route_of(service, param(request, "model"));
    if (!found) return problem(found.error());
    const auto route = changed_route(found->route, request.body);
    if (!route) return problem(route.error());
    if (auto done = service.replace_route(StoredRoute{*route, found->version}, request.if_version); !done)
        return problem(done.error());
    return get_route(service, request);
}

ApiResponse remove_route(ProviderService& service, const ApiRequest& request) {
    std::optional<Family> family;
    if (const auto named = request.query.find("family"); named != request.query.end()) {
        family = family_from(named->second);
        if (!family) return problem(400, "the query's family is anthropic, openai or gemini");
    }
    const auto found = route_of(service, param(request, "model"), family);
    if (!found) return problem(found.error());
    auto removed = service.remove_route(found->route.model, found->route.family, request.if_version);
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
    return json_response({{"model", model}, {"data", std::move(all)}});
}

constexpr const char* resolution_schema =
    R"({"type":"object","required":["model","data"],"properties":{"model":{"type":"string"},"data":{"type":"array","items":{"type":"object",
"required":["family","route","problem","candidates"],"properties":{"family":{"enum":["anthropic","openai","gemini"]},
"route":{"type":["string","null"]},"problem":{"type":["string","null"],"description":"why nobody answers"},
"candidates":{"type":"array","description":"in the order they are tried","items":{"type":"object","properties":{"provider":{"type":"string"},
"account":{"type":"string"},"upstream_model":{"type":"string"},"because":{"type":"string"}}}}}}}}})";

}  // namespace

std::vector<ApiRoute> route_routes(ProviderService& s) {
    using Request = const ApiRequest&;
    std::vector<ApiRoute> all;
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/routes", "listRoutes", "Lists the routes",
                            page_schema(route_schema), [&s](Request r) { return list_routes(s, r); }));
    all.back().query = params_of(route_list, {"model", "family", "source"});
    all.push_back(
        with_body(api_route(Permission::operate, "POST", "/api/v1/routes", "addRoute", "Adds a route and stores it",
                            route_schema, [&s](Request r) { return add_route(s, r); }),
                  201, route_spec_schema));
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/routes/{model}", "getRoute",
                            "Shows a route, by its id, percent-encoded", route_schema,
                            [&s](Request r) { return get_route(s, r); }));
    all.back().resource.kind = "Route";
    all.push_back(with_body(
        api_route(Permission::operate, "PATCH", "/api/v1/routes/{model}", "changeRoute",
                  "Changes where a stored route leads", route_schema, [&s](Request r) { return change_route(s, r); }),
        200, route_change_schema));
    all.push_back(api_route(Permission::operate, "DELETE", "/api/v1/routes/{model}", "removeRoute",
                            "Removes a stored route", "", [&s](Request r) { return remove_route(s, r); }));
    all.back().success = 204;
    all.back().query.push_back(ApiParam{"family", R"({"enum":["anthropic","openai","gemini"]})",
                                        "of a default, with the model *; the id default:FAMILY says the same"});
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/resolve", "resolveModel",
                            "Who would answer for a model, in order, and why", resolution_schema,
                            [&s](Request r) { return resolve(s, r); }));
    all.back().query.push_back(ApiParam{"model", R"({"type":"string"})", "as a client would name it"});
    all.back().query.push_back(
        ApiParam{"family", R"({"enum":["anthropic","openai","gemini"]})", "only for clients of this family"});
    all.back().query.push_back(ApiParam{"group", R"({"type":"string"})", "for a key of this account group"});
    return all;
}

}  // namespace lurus::provider
