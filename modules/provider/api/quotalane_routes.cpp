#include "modules/provider/api/quotalane_routes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"
#include "core/http/api_route.hpp"
#include "core/http/problem.hpp"
#include "core/text/number.hpp"

namespace lurus::provider {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;
using Request = const ApiRequest&;

constexpr std::pair<std::string_view, std::string_view> kinds[] = {{"CLAUDE_CONSOLE", "anthropic"},
                                                                   {"GEMINI", "gemini"},
                                                                   {"OPENAI_RESPONSES", "openai"},
                                                                   {"AZURE_OPENAI", "azure-openai"}};
constexpr std::string_view names_of_kinds =
    "CLAUDE_CONSOLE, GEMINI, OPENAI_RESPONSES, AZURE_OPENAI or a kind of `lurus provider kinds`";
constexpr int largest_page = 100;

// 52 bits: what JSON numbers hold exactly.
std::string id_of(std::string_view name) {
    std::uint64_t id = 0;
    const std::string hex = sha256_hex(name).substr(0, 13);
    std::from_chars(hex.data(), hex.data() + hex.size(), id, 16);
    return std::to_string(id);
}

std::string provider_name_of(std::string_view kind) {
    for (const auto& [name, ours] : kinds) {
        if (ours == kind) return std::string(name);
    }
    return "ACCOUNT_PROVIDER_UNSPECIFIED";
}

std::string kind_from(const std::string& name) {
    for (const auto& [theirs, kind] : kinds) {
        if (theirs == name) return std::string(kind);
    }
    return name;
}

std::string_view status_of(const Provider& provider) {
    if (provider.disabled) return "ACCOUNT_INACTIVE";
    return provider.problem.empty() ? "ACCOUNT_ACTIVE" : "ACCOUNT_ERROR";
}

ordered_json account_of(const Provider& provider) {
    ordered_json metadata;
    metadata["kind"] = provider.kind;
    metadata["source"] = provider.source;
    metadata["models"] = provider.models;
    metadata["groups"] = provider.groups.names();
    if (!provider.problem.empty()) metadata["problem"] = provider.problem;
    ordered_json out;
    out["Id"] = id_of(provider.name);
    out["Name"] = provider.name;
    out["Provider"] = provider_name_of(provider.kind);
    out["Status"] = status_of(provider);
    out["Metadata"] = metadata.dump();
    return out;
}

std::unexpected<Error> wrong(const std::string& what) {
    return fail(ErrorCode::invalid_argument, what);
}

Result<void> read_metadata(const std::string& text, ProviderSpec& spec) {
    if (text.empty()) return {};
    const json metadata = json::parse(text, nullptr, false);
    if (!metadata.is_object()) return wrong("`Metadata` must be a JSON object in a string");
    const auto texts = [](const json& value) {
        return value.is_array() && std::ranges::all_of(value, [](const json& v) { return v.is_string(); });
    };
    for (const auto& [name, value] : metadata.items()) {
        if (name == "base_url" && value.is_string()) {
            spec.base_url = value.get<std::string>();
        } else if (name == "models" && texts(value)) {
            spec.models = value.get<std::vector<std::string>>();
        } else if (name == "groups" && texts(value)) {
            spec.groups = value.get<std::vector<std::string>>();
        } else {
            return wrong("`Metadata` takes `base_url` (a string), `models` and `groups` (arrays of strings), not `" +
                         name.substr(0, 100) + "`");
        }
    }
    return {};
}

Result<std::string> text_in(const json& value, const std::string& name) {
    if (!value.is_string()) return wrong("`" + name + "` must be a string");
    return value.get<std::string>();
}

/// Writes what the body says over `spec`. What an account has there and a provider has not is refused, not ignored.
Result<void> read_account(std::string_view body, ProviderSpec& spec) {
    const json parsed = json::parse(body, nullptr, false);
    if (!parsed.is_object()) return wrong("the body is not a JSON object");
    for (const auto& [name, value] : parsed.items()) {
        if (value.is_null() || name == "Id") continue;
        if ((name == "RpmLimit" || name == "TpmLimit" || name == "OAuthData") && (value == 0 || value == "")) continue;
        if (name == "RpmLimit" || name == "TpmLimit")
            return wrong("`" + name + "` of an account is not kept here: limits belong to keys, see docs/limits.md");
        if (name == "OAuthData") return wrong("accounts that sign in by OAuth are not served; give an `ApiKey`");
        const auto text = text_in(value, name.substr(0, 100));
        if (!text) return std::unexpected(text.error());
        if (name == "Name") {
            if (!spec.name.empty() && spec.name != *text) return wrong("an account keeps its `Name`");
            spec.name = *text;
        } else if (name == "Provider") {
            spec.kind = kind_from(*text);
        } else if (name == "ApiKey") {
            spec.api_key = Secret(*text);
            spec.api_key_env.clear();
            spec.api_key_file.clear();
        } else if (name == "Status") {
            if (*text != "ACCOUNT_ACTIVE" && *text != "ACCOUNT_INACTIVE")
                return wrong("`Status` can be set to ACCOUNT_ACTIVE and ACCOUNT_INACTIVE");
            spec.disabled = *text == "ACCOUNT_INACTIVE";
        } else if (name == "Metadata") {
            if (auto read = read_metadata(*text, spec); !read) return read;
        } else {
            return wrong("the field `" + name.substr(0, 100) +
                         "` is unknown; there are: Name, Provider, ApiKey, Status, Metadata");
        }
    }
    if (spec.name.empty()) return wrong("`Name` is missing");
    if (spec.kind.empty()) return wrong("`Provider` is missing: " + std::string(names_of_kinds));
    return {};
}

/// By id or name.
std::shared_ptr<const Provider> find(const ProviderService& service, Request request) {
    const std::string& wanted = request.params.at("id");
    const auto catalog = service.snapshot();
    for (const auto& provider : catalog->providers()) {
        if (provider->name == wanted || id_of(provider->name) == wanted) return provider;
    }
    return nullptr;
}

ApiResponse not_there(Request request) {
    return problem(404, "there is no account `" + request.params.at("id") + "`; GET /api/v1/accounts lists them");
}

Result<int> number(Request request, const char* name, int otherwise, int most) {
    const auto found = request.query.find(name);
    if (found == request.query.end()) return otherwise;
    const auto value = whole_number(found->second, 1, most);
    if (!value) return wrong("`" + std::string(name) + "` must be 1 to " + std::to_string(most));
    return static_cast<int>(*value);
}

ApiResponse list(const ProviderService& service, Request request) {
    const auto page = number(request, "Page", 1, 1'000'000), size = number(request, "PageSize", 20, largest_page);
    if (!page) return problem(page.error());
    if (!size) return problem(size.error());
    ordered_json matching = ordered_json::array();
    const auto catalog = service.snapshot();
    for (const auto& provider : catalog->providers()) {
        auto account = account_of(*provider);
        const bool asked = std::ranges::all_of(std::array{"Provider", "Status"}, [&](const char* name) {
            const auto wanted = request.query.find(name);
            return wanted == request.query.end() || account[name] == wanted->second;
        });
        if (asked) matching.push_back(std::move(account));
    }
    ordered_json shown = ordered_json::array();
    const std::size_t first = (static_cast<std::size_t>(*page) - 1) * static_cast<std::size_t>(*size);
    for (std::size_t i = first; i < matching.size() && shown.size() < static_cast<std::size_t>(*size); ++i)
        shown.push_back(matching[i]);
    return json_response(
        {{"Accounts", std::move(shown)}, {"Total", matching.size()}, {"Page", *page}, {"PageSize", *size}});
}

ApiResponse account_response(const ProviderService& service, const Provider& provider) {
    ApiResponse response = json_response({{"Account", account_of(provider)}});
    response.version = service.version_of(provider);
    return response;
}

ApiResponse answered(const ProviderService& service, const std::string& name) {
    const auto provider = service.find(name);
    return provider ? account_response(service, *provider) : problem(409, "the account was removed meanwhile");
}

ApiResponse create(ProviderService& service, Request request) {
    ProviderSpec spec;
    if (auto read = read_account(request.body, spec); !read) return problem(read.error());
    if (auto added = service.add(spec); !added) return problem(added.error());
    return answered(service, spec.name);
}

ApiResponse show(const ProviderService& service, Request request) {
    const auto provider = find(service, request);
    return provider ? account_response(service, *provider) : not_there(request);
}

ApiResponse update(ProviderService& service, Request request) {
    const auto provider = find(service, request);
    if (!provider) return not_there(request);
    auto given = service.stored_spec(provider->name);
    if (!given) return problem(given.error());
    if (auto read = read_account(request.body, given->spec); !read) return problem(read.error());
    if (auto done = service.replace(*given, request.if_version); !done) return problem(done.error());
    return answered(service, given->spec.name);
}

ApiResponse remove(ProviderService& service, Request request) {
    const auto provider = find(service, request);
    if (!provider) return not_there(request);
    if (auto done = service.remove_stored(provider->name, request.if_version); !done) return problem(done.error());
    return json_response({{"Success", true}, {"Message", "removed"}});
}

constexpr const char* account =
    R"({"type":"object","required":["Id","Name","Provider","Status","Metadata"],"properties":{"Id":{"type":"string"},"Name":{"type":"string"},
"Provider":{"type":"string"},"Status":{"enum":["ACCOUNT_ACTIVE","ACCOUNT_INACTIVE","ACCOUNT_ERROR"]},
"Metadata":{"type":"string","description":"JSON: kind, source, models, groups, problem"}}})";

constexpr const char* fields =
    R"("Name":{"type":"string","minLength":1},"Provider":{"type":"string","description":"CLAUDE_CONSOLE, GEMINI, OPENAI_RESPONSES, AZURE_OPENAI, or a provider's kind"},
"ApiKey":{"type":"string","writeOnly":true},"Status":{"enum":["ACCOUNT_ACTIVE","ACCOUNT_INACTIVE"]},
"Metadata":{"type":"string","description":"JSON: base_url, models, groups"}})";

}  // namespace

std::vector<ApiRoute> quotalane_routes(ProviderService& s) {
    using enum Permission;
    const std::string one =
        R"({"type":"object","required":["Account"],"properties":{"Account":)" + std::string(account) + "}}";
    const std::string body =
        R"({"type":"object","properties":{"Id":{"type":["string","integer"]},)" + std::string(fields);
    std::vector<ApiRoute> all;
    all.push_back(
        api_route(read_installation, "GET", "/api/v1/accounts", "listAccounts", "Providers as accounts",
                  R"({"type":"object","required":["Accounts","Total","Page","PageSize"],"properties":{
"Accounts":{"type":"array","items":)" +
                      std::string(account) +
                      R"(},"Total":{"type":"integer"},"Page":{"type":"integer"},"PageSize":{"type":"integer"}}})",
                  [&s](Request r) { return list(s, r); }));
    all.back().query = {{"Page", R"({"type":"integer","minimum":1,"default":1})", "Which page"},
                        {"PageSize", R"({"type":"integer","minimum":1,"maximum":100,"default":20})", "Accounts a page"},
                        {"Provider", R"({"type":"string"})", "Only of this provider"},
                        {"Status", R"({"type":"string"})", "Only in this status"}};
    all.push_back(api_route(operate, "POST", "/api/v1/accounts", "createAccount", "Add a provider as an account", one,
                            [&s](Request r) { return create(s, r); }));
    all.back().request_schema = body + R"(,"required":["Name","Provider"]})";
    all.push_back(api_route(read_installation, "GET", "/api/v1/accounts/{id}", "getAccount",
                            "One account, by id or name", one, [&s](Request r) { return show(s, r); }));
    all.back().resource.kind = "Account";
    all.back().resource.names = {"Id", "Name"};
    all.back().resource.envelope = "Account";
    all.push_back(api_route(operate, "PUT", "/api/v1/accounts/{id}", "updateAccount",
                            "Change an account; what is left out stays", one,
                            [&s](Request r) { return update(s, r); }));
    all.back().request_schema = body + "}";
    all.push_back(api_route(
        operate, "DELETE", "/api/v1/accounts/{id}", "deleteAccount", "Remove an account",
        R"({"type":"object","required":["Success","Message"],"properties":{"Success":{"type":"boolean"},"Message":{"type":"string"}}})",
        [&s](Request r) { return remove(s, r); }));
    return all;
}

}  // namespace lurus::provider
