#include <algorithm>
#include <iterator>

#include "core/http/problem.hpp"
#include "modules/provider/api/quotalane_routes.hpp"
#include "modules/provider/api/route_parts.hpp"

namespace lurus::provider {
namespace {

using nlohmann::ordered_json;

ordered_json shown(const ProviderService& service, const Provider& provider) {
    return to_json(provider, service.list_state(provider));
}

ApiResponse provider_response(const ProviderService& service, const Provider& provider, int status = 200) {
    ApiResponse response = json_response(shown(service, provider), status);
    response.version = service.version_of(provider);
    return response;
}

ordered_json shown(const StoredModelList& list) {
    ordered_json out;
    out["provider"] = list.provider;
    out["fetched"] = list.fetched == 0 ? ordered_json(nullptr) : ordered_json(format_time(list.fetched));
    out["models"] = to_json(list.models);
    return out;
}

ordered_json shown_checks(const ProviderService::Checked& checked) {
    ordered_json out = ordered_json::array();
    for (const AddressCheck& check : checked.families) {
        out.push_back({{"family", name_of(check.family)},
                       {"found", name_of(check.found)},
                       {"url", check.url},
                       {"detail", check.detail},
                       {"instead", check.instead.empty() ? ordered_json(nullptr) : ordered_json(check.instead)},
                       {"changed", checked.moved}});
    }
    return out;
}

const ListShape provider_list{.id = {"name"}, .sorts = {"name", "kind", "source"}};
const ListShape preset_list{.id = {"kind"}, .sorts = {"kind"}};

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
    const auto wanted = request.query.find("check");
    ordered_json checks;
    if (wanted != request.query.end() && wanted->second == "true") {
        const auto checked = service.check(spec->name);
        if (!checked) return problem(checked.error());
        checks = shown_checks(*checked);
    }
    const auto provider = service.find(spec->name);
    if (!provider) return problem(409, "the provider was removed again meanwhile");
    ApiResponse response = provider_response(service, *provider, 201);
    if (checks.is_null()) return response;
    ordered_json out = shown(service, *provider);
    out["check"] = std::move(checks);
    response.body = json_response(out).body;
    return response;
}

ApiResponse get_provider(const ProviderService& service, const ApiRequest& request) {
    const auto provider = service.find(param(request, "name"));
    if (!provider) return problem(404, "there is no provider '" + param(request, "name") + "'");
    return provider_response(service, *provider);
}

/// The credential stays where the body gives none, unless it would go to another address then.
ApiResponse put_provider(ProviderService& service, const ApiRequest& request) {
    const auto before = service.stored_spec(param(request, "name"));
    if (!before) return problem(before.error());
    auto spec = provider_from_json(request.body);
    if (!spec) return problem(spec.error());
    if (spec->name.empty()) spec->name = before->spec.name;
    if (spec->name != before->spec.name)
        return problem(400, "a provider keeps its name: add another, then remove this one");
    if (spec->api_key.empty() && spec->api_key_env.empty() && spec->api_key_file.empty()) {
        if (spec->base_url != before->spec.base_url || (!spec->kind.empty() && spec->kind != before->spec.kind))
            return problem(400, "with another `base_url` or `kind` the credential must be given again");
        spec->api_key = before->spec.api_key;
        spec->api_key_env = before->spec.api_key_env;
        spec->api_key_file = before->spec.api_key_file;
    }
    if (spec->kind.empty()) spec->kind = before->spec.kind;
    if (auto done = service.replace(GivenProvider{*spec, before->version}, request.if_version); !done)
        return problem(done.error());
    return get_provider(service, request);
}

ApiResponse change_provider(ProviderService& service, const ApiRequest& request) {
    const auto before = service.stored_spec(param(request, "name"));
    if (!before) return problem(before.error());
    const auto spec = changed_provider(before->spec, request.body);
    if (!spec) return problem(spec.error());
    if (auto done = service.replace(GivenProvider{*spec, before->version}, request.if_version); !done)
        return problem(done.error());
    return get_provider(service, request);
}

ApiResponse remove_provider(ProviderService& service, const ApiRequest& request) {
    auto removed = service.remove_stored(param(request, "name"), request.if_version);
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
    return json_response(out);
}

ApiResponse fetch_list(ProviderService& service, const ApiRequest& request) {
    const auto list = service.fetch_list(param(request, "name"));
    return list ? json_response(shown(*list)) : problem(list.error());
}

ApiResponse cached_list(const ProviderService& service, const ApiRequest& request) {
    const auto list = service.cached_list(param(request, "name"));
    return list ? json_response(shown(*list)) : problem(list.error());
}

ApiResponse list_presets(const ApiRequest& request) {
    std::vector<ordered_json> all;
    for (const Preset& preset : presets()) all.push_back(to_json(preset));
    return page(std::move(all), preset_list, request, "presets");
}

}  // namespace

std::vector<ApiRoute> provider_api(ProviderService& s) {
    using Request = const ApiRequest&;
    std::vector<ApiRoute> all;
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/providers", "listProviders",
                            "Lists the providers in their order", page_schema(provider_schema),
                            [&s](Request r) { return list_providers(s, r); }));
    all.back().query = params_of(provider_list, {"name", "kind", "source"});
    all.push_back(with_body(
        api_route(Permission::operate, "POST", "/api/v1/providers", "addProvider", "Adds a provider and stores it",
                  provider_schema, [&s](Request r) { return add_provider(s, r); }),
        201, provider_spec_schema));
    all.back().query = {{"check", R"({"type":"boolean","default":false})",
                         "try its address, take the one beside it where it is found there, and answer with `check`"}};
    all.back().calls_outside = true;
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/providers/{name}", "getProvider",
                            "Shows a provider", provider_schema, [&s](Request r) { return get_provider(s, r); }));
    all.back().resource.kind = "Provider";
    all.back().resource.unversioned = {"models_fetched", "models_listed"};
    all.push_back(
        with_body(api_route(Permission::operate, "PUT", "/api/v1/providers/{name}", "putProvider",
                            "Puts another stored provider in its place; without a credential the old one stays",
                            provider_schema, [&s](Request r) { return put_provider(s, r); }),
                  200, provider_spec_schema));
    all.push_back(with_body(api_route(Permission::operate, "PATCH", "/api/v1/providers/{name}", "changeProvider",
                                      "Changes a stored provider; what is left out stays", provider_schema,
                                      [&s](Request r) { return change_provider(s, r); }),
                            200, provider_change_schema));
    all.push_back(api_route(Permission::operate, "DELETE", "/api/v1/providers/{name}", "removeProvider",
                            "Removes a stored provider", "", [&s](Request r) { return remove_provider(s, r); }));
    all.back().success = 204;
    all.push_back(with_body(
        api_route(Permission::operate, "POST", "/api/v1/providers/{name}/test", "testProvider",
                  "Asks the provider one small thing", test_result_schema, [&s](Request r) { return test_one(s, r); }),
        200, test_request_schema));
    all.back().calls_outside = true;
    all.push_back(api_route(Permission::operate, "POST", "/api/v1/providers/{name}/models", "fetchProviderModels",
                            "Fetches the provider's model list and keeps it", model_list_schema,
                            [&s](Request r) { return fetch_list(s, r); }));
    all.back().calls_outside = true;
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/providers/{name}/models",
                            "getProviderModels", "Shows the model list fetched last", model_list_schema,
                            [&s](Request r) { return cached_list(s, r); }));
    all.push_back(api_route(Permission::read_installation, "GET", "/api/v1/presets", "listPresets",
                            "Lists the kinds of provider that are known", page_schema(preset_schema),
                            [](Request r) { return list_presets(r); }));
    all.back().query = params_of(preset_list, {});
    std::ranges::move(route_routes(s), std::back_inserter(all));
    std::ranges::move(quotalane_routes(s), std::back_inserter(all));
    return all;
}

}  // namespace lurus::provider
