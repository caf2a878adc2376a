#include "modules/provider/catalog/build.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/http/url.hpp"
#include "core/os/platform.hpp"
#include "core/text/ascii.hpp"
#include "core/text/glob.hpp"
#include "modules/provider/catalog/from_files.hpp"
#include "modules/provider/demo/demo.hpp"

namespace lurus::provider {
namespace {

constexpr int max_timeout_ms = 24 * 3600 * 1000;

std::string in_quotes(std::string_view text) {
    return "'" + std::string(text.substr(0, 100)) + "'";
}

bool is_alnum(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// Collects the first thing that is wrong.
class Checker {
public:
    explicit Checker(std::string name) : where_("provider " + in_quotes(name) + ": "), name_(std::move(name)) {}
    [[nodiscard]] std::unexpected<Error> bad(const std::string& what) const {
        return fail(ErrorCode::invalid_argument, where_ + what, ErrorSubject("provider", name_));
    }

private:
    std::string where_, name_;
};

Result<void> check_headers(const Checker& checker, const ProviderSpec& spec) {
    constexpr std::string_view framing[] = {
        "host",    "content-length", "transfer-encoding",   "connection", "keep-alive",       "te",
        "trailer", "upgrade",        "proxy-authorization", "expect",     "content-encoding", "accept-encoding"};
    for (const auto& [name, value] : spec.headers) {
        const std::string low = lower_case(name);
        if (low.empty() || !std::ranges::all_of(low, [](char c) { return is_alnum(c) || c == '-' || c == '_'; })) {
            return checker.bad("the header name " + in_quotes(name) + " holds other than letters, digits, - and _");
        }
        if (std::ranges::find(framing, low) != std::end(framing))
            return checker.bad("the header " + in_quotes(name) + " is the relay's own to set");
        if (!std::ranges::all_of(
                value, [](char c) { return c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7F); })) {
            return checker.bad("the value of the header " + in_quotes(name) + " holds control characters");
        }
    }
    return {};
}

Result<int> timeout_of(const Checker& checker, const char* name, std::optional<int> value, int otherwise) {
    if (!value) return otherwise;
    if (*value < 1 || *value > max_timeout_ms) {
        return checker.bad(std::string(name) + " is " + std::to_string(*value) + "; it is milliseconds from 1 to " +
                           std::to_string(max_timeout_ms));
    }
    return *value;
}

Url known_url(std::string_view text) {
    return Url::parse(text).value_or(Url{});
}

bool same_place(const Url& a, const Url& b) {
    return a.host == b.host && a.port == b.port && a.tls == b.tls;
}

void drop_version(std::string& path) {
    const auto slash = path.rfind('/');
    if (slash != std::string::npos && is_version_segment(std::string_view(path).substr(slash + 1))) path.resize(slash);
}

/// Bases for each of the preset's endpoints. A given base on one of the vendor's own hosts counts for the family that
/// its path belongs to, the others take that site's usual ones; on any other host it is the base of all families.
std::vector<Url> bases_of(const Preset& preset, const std::optional<Url>& given) {
    std::vector<Url> bases;
    if (!given) {
        for (const auto& endpoint : preset.endpoints) bases.push_back(known_url(endpoint.base));
        return bases;
    }
    const auto use_site = [&](const std::vector<std::string_view>& site) {
        if (site.size() < 2 || site.front().empty() || !same_place(known_url(site.front()), *given)) return false;
        const bool claude = given->path.contains("anthropic") || given->path.contains("claude");
        // Google's own paths say nothing of where its OpenAI endpoint is.
        const bool google = preset.endpoints.front().family == Family::gemini && !given->path.contains("openai");
        for (std::size_t i = 0; i < site.size(); ++i) {
            const bool mine = !google && (preset.endpoints[i].family == Family::anthropic) == claude &&
                              preset.endpoints[i].family != Family::gemini;
            bases.push_back(mine && !given->path.empty() ? *given : known_url(site[i]));
        }
        return true;
    };
    std::vector<std::string_view> main_site;
    for (const auto& endpoint : preset.endpoints) main_site.push_back(endpoint.base);
    if (use_site(main_site)) return bases;
    for (const auto& site : preset.other_sites) {
        if (use_site(site.bases)) return bases;
    }
    for (const auto& endpoint : preset.endpoints) {
        Url base = *given;
        const bool google = preset.endpoints.front().family == Family::gemini;
        if (google && !base.exact) {
            // What mirrors Google has its OpenAI endpoint where Google has it.
            if (base.path.ends_with("/openai")) base.path.resize(base.path.size() - 7);
            drop_version(base.path);
            if (endpoint.family == Family::openai) base.path += "/v1beta/openai";
        }
        // `http://host/v1` is an OpenAI habit; Gemini's requests bring a version of their own.
        if (preset.endpoints.size() > 1 && endpoint.family != Family::openai && !base.exact) drop_version(base.path);
        bases.push_back(std::move(base));
    }
    return bases;
}

bool on_own_host(const Preset& preset, const Url& base) {
    if (std::ranges::any_of(preset.endpoints,
                            [&](const auto& e) { return !e.base.empty() && same_place(known_url(e.base), base); }))
        return true;
    return std::ranges::any_of(preset.other_sites,
                               [&](const auto& s) { return same_place(known_url(s.bases.front()), base); });
}

void take_variable(Provider& provider, const std::string& name) {
    provider.credential_source = "env:" + name;
    const std::string value = platform::variable(name).value_or("");
    const std::string_view text = trimmed(value);
    if (text.empty()) {
        provider.problem = "no credential: the environment variable " + name + " is not set";
    } else {
        provider.credential = Secret(std::string(text));
    }
}

Result<void> take_credential(const Checker& checker, const Preset& preset, const ProviderSpec& spec, bool own_host,
                             const Provider* before, Provider& provider) {
    const int sources = int(!spec.api_key.empty()) + int(!spec.api_key_env.empty()) + int(!spec.api_key_file.empty());
    if (sources > 1) return checker.bad("give one of api_key, api_key_env and api_key_file");
    if (preset.name == "demo" && sources > 0) return checker.bad("the demo takes no credential");
    if (!spec.api_key.empty()) {
        provider.credential_source = provider.source == "store" ? "stored" : "api_key";
        provider.credential = Secret(std::string(trimmed(spec.api_key.reveal())));
    } else if (!spec.api_key_env.empty()) {
        take_variable(provider, spec.api_key_env);
    } else if (!spec.api_key_file.empty()) {
        take_file(provider, spec.api_key_file, before);
    } else if (own_host && preset.needs_key && !preset.key_env.empty()) {
        // Only for the vendor's own addresses: nobody else gets the vendor's key unasked.
        take_variable(provider, std::string(preset.key_env));
        if (!provider.problem.empty()) {
            provider.problem =
                "no credential: give api_key, api_key_env or api_key_file, or set " + std::string(preset.key_env);
        }
    } else {
        provider.credential_source = "none";
    }
    if (!printable(provider.credential.reveal())) {
        provider.credential = Secret();
        provider.problem = "the credential from " + provider.credential_source + " holds spaces or control characters";
    }
    return {};
}

}  // namespace

bool is_provider_name(std::string_view name) {
    return !name.empty() && name.size() <= 64 && is_alnum(name.front()) &&
           std::ranges::all_of(name, [](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; });
}

Result<Provider> build_provider(const ProviderSpec& spec, std::string source, const Provider* before) {
    const Checker checker(spec.name);
    if (!is_provider_name(spec.name)) {
        return checker.bad("a name is 1 to 64 letters, digits, '.', '_' and '-', and starts with a letter or digit");
    }
    const Preset* preset = find_preset(spec.kind);
    if (preset == nullptr) {
        return checker.bad(
            (spec.kind.empty() ? std::string("kind is missing") : "the kind " + in_quotes(spec.kind) + " is unknown") +
            "; it is one of " + preset_names());
    }
    std::optional<Url> given;
    std::string pasted_version;
    if (!spec.base_url.empty()) {
        if (preset->name == "demo") return checker.bad("the demo takes no base_url");
        std::string_view text = trimmed(spec.base_url);
        // Azure's addresses are copied with it, and it is a setting here.
        if (const auto query = text.find("?api-version="); preset->name == "azure-openai" && query != text.npos) {
            pasted_version = text.substr(query + 13);
            text = text.substr(0, query);
        }
        auto parsed = Url::parse(text);
        if (!parsed) return checker.bad("base_url: " + parsed.error().message);
        given = without_endpoint(std::move(*parsed));
        if (preset->name != "azure-openai" && given->path.contains("/openai/deployments/")) {
            return checker.bad(
                "base_url is of an Azure OpenAI deployment, whose requests need an api-version: take "
                "kind azure-openai with an api_version, or a base_url that ends in /openai/v1");
        }
    } else if (preset->needs_base_url()) {
        return checker.bad("kind " + std::string(preset->name) + " needs a base_url" +
                           (preset->name == "azure-openai" ? ", such as https://RESOURCE.openai.azure.com" : ""));
    }

    Provider provider;
    provider.name = spec.name;
    provider.kind = preset->name;
    provider.source = std::move(source);
    provider.base_url = spec.base_url;
    auto groups = AccountGroups::of(spec.groups);
    if (!groups) return checker.bad("groups: " + groups.error().message);
    provider.groups = *std::move(groups);
    const auto bases = bases_of(*preset, given);
    for (std::size_t i = 0; i < bases.size(); ++i) {
        provider.endpoints.emplace(preset->endpoints[i].family, FamilyEndpoint{bases[i], preset->endpoints[i].auth});
    }
    const bool own_host = !given || on_own_host(*preset, *given);
    if (auto taken = take_credential(checker, *preset, spec, own_host, before, provider); !taken)
        return std::unexpected(taken.error());
    if (provider.credential_source == "none") {
        for (auto& [family, endpoint] : provider.endpoints) endpoint.auth = AuthScheme::none;
    }

    for (const std::string& model : spec.models) {
        if (model.empty() || model.size() > 256 || !printable(model)) {
            return checker.bad("models holds " + in_quotes(model) +
                               "; each is a name or a pattern of at most 256 characters without spaces");
        }
    }
    if (spec.models.empty()) {
        provider.models.assign(preset->models.begin(), preset->models.end());
    } else {
        provider.models = spec.models;
    }
    if (auto checked = check_headers(checker, spec); !checked) return std::unexpected(checked.error());
    for (const auto& [name, value] : spec.headers) {
        for (const auto& [family, endpoint] : provider.endpoints) {
            if (lower_case(name) == header_of(endpoint.auth))
                return checker.bad("the header " + in_quotes(name) + " carries the credential already");
        }
        provider.headers.emplace_back(name, value);
    }

    if (!spec.api_version.empty()) {
        if (preset->name != "azure-openai") return checker.bad("api_version is for kind azure-openai only");
        if (!printable(spec.api_version)) return checker.bad("api_version holds spaces or control characters");
        provider.azure_api_version = spec.api_version;
    } else if (!pasted_version.empty()) {
        if (pasted_version.find_first_of("&#?/") != std::string::npos || !printable(pasted_version))
            return checker.bad("base_url holds a query with more than api-version; give its path only");
        provider.azure_api_version = pasted_version;
    }
    const auto connect =
        timeout_of(checker, "connect_timeout_ms", spec.connect_timeout_ms, provider.connect_timeout_ms);
    if (!connect) return std::unexpected(connect.error());
    const auto first =
        timeout_of(checker, "first_byte_timeout_ms", spec.first_byte_timeout_ms, provider.first_byte_timeout_ms);
    if (!first) return std::unexpected(first.error());
    const auto idle = timeout_of(checker, "idle_timeout_ms", spec.idle_timeout_ms, provider.idle_timeout_ms);
    if (!idle) return std::unexpected(idle.error());
    provider.connect_timeout_ms = *connect;
    provider.first_byte_timeout_ms = *first;
    provider.idle_timeout_ms = *idle;
    if (spec.on_client_gone == "drain") {
        provider.on_client_gone = OnClientGone::drain;
    } else if (!spec.on_client_gone.empty() && spec.on_client_gone != "cancel") {
        return checker.bad("on_client_gone is " + in_quotes(spec.on_client_gone) + "; it is cancel or drain");
    }
    provider.ask_usage = spec.ask_usage.value_or(preset->takes_ask_usage);
    provider.tls_verify = spec.tls_verify.value_or(true);
    take_roots(provider, spec.ca_file, before);
    if (preset->name == "demo") provider.local = demo_vendor();
    if (spec.disabled) {
        provider.disabled = true;
        provider.problem = "it is disabled";
    }
    return provider;
}

Provider builtin_demo() {
    ProviderSpec spec;
    spec.name = "demo";
    spec.kind = "demo";
    return build_provider(spec, "builtin").value();
}

const FamilyEndpoint* list_endpoint(const Provider& provider) {
    const Preset* preset = find_preset(provider.kind);
    if (preset == nullptr || preset->list_path.empty()) return nullptr;
    const auto found = provider.endpoints.find(preset->list_family);
    return found == provider.endpoints.end() ? nullptr : &found->second;
}

ErrorSubject subject_of(const RouteSpec& route) {
    if (route.family) return {"default", std::string(name_of(*route.family))};
    return {"route", route.model};
}

Result<void> check_route(const RouteSpec& route) {
    const auto bad = [&](const std::string& what) {
        return fail(ErrorCode::invalid_argument, "route " + in_quotes(route.model) + ": " + what, subject_of(route));
    };
    if (route.model.empty() || route.model.size() > 256 || !printable(route.model)) {
        return bad("model is a name or a pattern of at most 256 characters without spaces");
    }
    if (route.family && route.model != "*") return bad("a default for a dialect has the model '*'");
    if (route.to.empty()) return bad("'to' is empty; give at least one 'provider/upstream-model'");
    if (route.to.size() > 64) return bad("'to' has more than 64 entries");
    for (const std::string& target : route.to) {
        if (target.empty() || target.size() > 512 || !printable(target)) {
            return bad("'to' holds " + in_quotes(target) +
                       "; each is 'provider/upstream-model', 'provider/*', a route or a model");
        }
    }
    return {};
}

}  // namespace lurus::provider
