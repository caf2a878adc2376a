#include "modules/provider/api/provider_json.hpp"

#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/http/url.hpp"

namespace lurus::provider {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::unexpected<Error> bad(const std::string& what) {
    return fail(ErrorCode::invalid_argument, what);
}

std::unexpected<Error> unknown_family(const std::string& name) {
    return bad("the family '" + name.substr(0, 100) + "' is unknown; it is anthropic, openai or gemini");
}

/// Reads an object's fields by name; a field that nobody reads is an error.
class Reader {
public:
    using Take = std::function<bool(const json&)>;  // false: of the wrong type

    Reader& field(std::string name, std::string type, Take take) {
        fields_.push_back(Field{std::move(name), std::move(type), std::move(take)});
        return *this;
    }
    Reader& text(std::string name, std::string& out) {
        return field(std::move(name), "a string", [&out](const json& value) {
            if (value.is_string()) out = value.get<std::string>();
            return value.is_string();
        });
    }
    Reader& number(std::string name, std::optional<int>& out) {
        return field(std::move(name), "a whole number", [&out](const json& value) {
            if (!value.is_number_integer() || value < std::numeric_limits<int>::min() ||
                value > std::numeric_limits<int>::max())
                return false;
            out = value.get<int>();
            return true;
        });
    }
    Reader& flag(std::string name, std::function<void(bool)> take) {
        return field(std::move(name), "true or false", [take = std::move(take)](const json& value) {
            if (value.is_boolean()) take(value.get<bool>());
            return value.is_boolean();
        });
    }
    Reader& texts(std::string name, std::vector<std::string>& out) {
        return field(std::move(name), "an array of strings", [&out](const json& value) {
            if (!value.is_array()) return false;
            for (const json& item : value) {
                if (!item.is_string()) return false;
                out.push_back(item.get<std::string>());
            }
            return true;
        });
    }

    Result<void> read(std::string_view body) const {
        const json parsed = json::parse(body, nullptr, false);
        if (!parsed.is_object()) return bad("the body is not a JSON object");
        for (const auto& [key, value] : parsed.items()) {
            const Field* known = nullptr;
            for (const Field& field : fields_) {
                if (field.name == key) known = &field;
            }
            if (known == nullptr)
                return bad("the field '" + key.substr(0, 100) + "' is unknown; there are: " + names());
            if (!value.is_null() && !known->take(value)) return bad("the field '" + key + "' must be " + known->type);
        }
        return {};
    }

private:
    struct Field {
        std::string name;
        std::string type;
        Take take;
    };
    [[nodiscard]] std::string names() const {
        std::string out;
        for (const Field& field : fields_) out += (out.empty() ? "" : ", ") + field.name;
        return out;
    }
    std::vector<Field> fields_;
};

/// What a credential's source names, if it is of that kind: `env:NAME`, `file:PATH`.
ordered_json named_by(const std::string& source, std::string_view kind) {
    return source.starts_with(kind) ? ordered_json(source.substr(kind.size())) : ordered_json(nullptr);
}

template <auto Member>
void take(ProviderSpec& to, const ProviderSpec& from) {
    to.*Member = from.*Member;
}
using Spec = ProviderSpec;
constexpr std::pair<std::string_view, void (*)(Spec&, const Spec&)> changeable[] = {
    {"kind", take<&Spec::kind>},
    {"base_url", take<&Spec::base_url>},
    {"api_key", take<&Spec::api_key>},
    {"api_key_env", take<&Spec::api_key_env>},
    {"api_key_file", take<&Spec::api_key_file>},
    {"models", take<&Spec::models>},
    {"groups", take<&Spec::groups>},
    {"headers", take<&Spec::headers>},
    {"api_version", take<&Spec::api_version>},
    {"connect_timeout_ms", take<&Spec::connect_timeout_ms>},
    {"first_byte_timeout_ms", take<&Spec::first_byte_timeout_ms>},
    {"idle_timeout_ms", take<&Spec::idle_timeout_ms>},
    {"on_client_gone", take<&Spec::on_client_gone>},
    {"ask_usage", take<&Spec::ask_usage>},
    {"tls_verify", take<&Spec::tls_verify>},
    {"ca_file", take<&Spec::ca_file>},
    {"disabled", take<&Spec::disabled>},
};

ordered_json time_or_null(UnixMicros time) {
    return time == 0 ? ordered_json(nullptr) : ordered_json(format_time(time));
}

}  // namespace

ordered_json to_json(const Provider& provider, const ListState& list) {
    ordered_json out;
    out["name"] = provider.name;
    out["kind"] = provider.kind;
    out["source"] = provider.source;
    out["usable"] = provider.problem.empty();
    out["problem"] = provider.problem.empty() ? ordered_json(nullptr) : ordered_json(provider.problem);
    out["warning"] = provider.warning.empty() ? ordered_json(nullptr) : ordered_json(provider.warning);
    out["disabled"] = provider.disabled;
    ordered_json endpoints = ordered_json::object();
    for (const auto& [family, endpoint] : provider.endpoints) {
        endpoints[std::string(name_of(family))] = {{"base_url", provider.local ? "" : to_string(endpoint.base)},
                                                   {"auth", name_of(endpoint.auth)}};
    }
    out["endpoints"] = std::move(endpoints);
    out["base_url"] = provider.base_url.empty() ? ordered_json(nullptr) : ordered_json(provider.base_url);
    out["account"] = provider.account;
    out["groups"] = provider.groups.names();
    out["credential"] = {
        {"source", provider.credential_source},
        {"hint", provider.credential.empty() ? ordered_json(nullptr) : ordered_json(provider.credential.masked())}};
    out["api_key_env"] = named_by(provider.credential_source, "env:");
    out["api_key_file"] = named_by(provider.credential_source, "file:");
    ordered_json secrets = ordered_json::array();
    if (provider.credential_source == "stored" || provider.credential_source == "api_key") secrets.push_back("api_key");
    if (!provider.headers.empty()) secrets.push_back("headers");
    out["secrets"] = std::move(secrets);
    out["models"] = provider.models;
    ordered_json headers = ordered_json::array();
    for (const auto& [name, value] : provider.headers) headers.push_back(name);
    out["headers"] = std::move(headers);
    out["api_version"] = provider.azure_api_version;
    out["connect_timeout_ms"] = provider.connect_timeout_ms;
    out["first_byte_timeout_ms"] = provider.first_byte_timeout_ms;
    out["idle_timeout_ms"] = provider.idle_timeout_ms;
    out["on_client_gone"] = provider.on_client_gone == OnClientGone::drain ? "drain" : "cancel";
    out["ask_usage"] = provider.ask_usage;
    out["tls_verify"] = provider.tls_verify;
    out["ca_file"] = provider.ca_file;
    out["models_fetched"] = time_or_null(list.fetched);
    out["models_listed"] = list.models;
    return out;
}

ordered_json to_json(const RouteSpec& route, std::string_view source) {
    ordered_json out;
    out["id"] = route_id(route);
    out["model"] = route.model;
    out["family"] = route.family ? ordered_json(name_of(*route.family)) : ordered_json(nullptr);
    out["to"] = route.to;
    out["source"] = source;
    return out;
}

ordered_json to_json(const Preset& preset) {
    ordered_json out;
    out["kind"] = preset.name;
    out["alias"] = preset.alias.empty() ? ordered_json(nullptr) : ordered_json(preset.alias);
    out["title"] = preset.title;
    ordered_json endpoints = ordered_json::object();
    for (const auto& endpoint : preset.endpoints) {
        const bool shown = preset.name != "demo";
        endpoints[std::string(name_of(endpoint.family))] = {{"base_url", shown ? endpoint.base : ""},
                                                            {"auth", name_of(endpoint.auth)}};
    }
    out["endpoints"] = std::move(endpoints);
    out["needs_base_url"] = preset.needs_base_url();
    out["needs_key"] = preset.needs_key;
    out["key_env"] = preset.key_env.empty() ? ordered_json(nullptr) : ordered_json(preset.key_env);
    out["lists_models"] = !preset.list_path.empty();
    out["models"] = preset.models;
    return out;
}

ordered_json to_json(const std::vector<StoredModelList::Model>& models) {
    ordered_json out = ordered_json::array();
    for (const auto& model : models) out.push_back({{"id", model.id}, {"created", time_or_null(model.created)}});
    return out;
}

Result<ProviderSpec> provider_from_json(std::string_view body) {
    ProviderSpec spec;
    std::string key;
    Reader reader;
    reader.text("name", spec.name)
        .text("kind", spec.kind)
        .text("base_url", spec.base_url)
        .text("api_key", key)
        .text("api_key_env", spec.api_key_env)
        .text("api_key_file", spec.api_key_file)
        .texts("models", spec.models)
        .texts("groups", spec.groups)
        .field("headers", "an object of strings",
               [&](const json& value) {
                   if (!value.is_object()) return false;
                   for (const auto& [name, text] : value.items()) {
                       if (!text.is_string()) return false;
                       spec.headers[name] = text.get<std::string>();
                   }
                   return true;
               })
        .text("api_version", spec.api_version)
        .number("connect_timeout_ms", spec.connect_timeout_ms)
        .number("first_byte_timeout_ms", spec.first_byte_timeout_ms)
        .number("idle_timeout_ms", spec.idle_timeout_ms)
        .text("on_client_gone", spec.on_client_gone)
        .flag("ask_usage", [&](bool value) { spec.ask_usage = value; })
        .flag("tls_verify", [&](bool value) { spec.tls_verify = value; })
        .text("ca_file", spec.ca_file)
        .flag("disabled", [&](bool value) { spec.disabled = value; });
    auto read = reader.read(body);
    spec.api_key = Secret(std::move(key));
    if (!read) return std::unexpected(read.error());
    return spec;
}

Result<ProviderSpec> changed_provider(const ProviderSpec& before, std::string_view body) {
    const auto given = provider_from_json(body);
    if (!given) return given;
    const json named = json::parse(body);
    if (named.empty()) return bad("the body names nothing to change");
    if (named.contains("name")) return bad("a provider keeps its name: add another, then remove this one");
    const bool gives_credential =
        !given->api_key.empty() || !given->api_key_env.empty() || !given->api_key_file.empty();
    ProviderSpec changed = before;
    if (gives_credential) {
        changed.api_key = Secret();
        changed.api_key_env.clear();
        changed.api_key_file.clear();
    }
    for (const auto& [name, take_it] : changeable) {
        if (named.contains(name)) take_it(changed, *given);
    }
    if (changed.base_url == before.base_url && changed.kind == before.kind) return changed;
    if (!before.api_key.empty() && !gives_credential && !named.contains("api_key"))
        return bad("with another `base_url` or `kind` the credential must be given again");
    if (!before.headers.empty() && !named.contains("headers"))
        return bad("with another `base_url` or `kind` the `headers` must be given again");
    return changed;
}

std::string route_id(const RouteSpec& route) {
    return route.family ? "default:" + std::string(name_of(*route.family)) : route.model;
}

Result<RouteSpec> changed_route(const RouteSpec& before, std::string_view body) {
    RouteSpec changed = before;
    changed.to.clear();
    if (auto read = Reader().texts("to", changed.to).read(body); !read) return std::unexpected(read.error());
    return changed;
}

Result<RouteSpec> route_from_json(std::string_view body) {
    RouteSpec route;
    std::string family;
    Reader reader;
    reader.text("model", route.model).texts("to", route.to).text("family", family);
    if (auto read = reader.read(body); !read) return std::unexpected(read.error());
    if (!family.empty()) {
        route.family = family_from(family);
        if (!route.family) return unknown_family(family);
        if (route.model.empty()) route.model = "*";
    }
    return route;
}

Result<TestRequest> test_request_from_json(std::string_view body) {
    TestRequest request;
    std::string family;
    Reader reader;
    reader.text("model", request.model).text("family", family);
    if (auto read = reader.read(body.empty() ? "{}" : body); !read) return std::unexpected(read.error());
    if (!family.empty()) {
        request.family = family_from(family);
        if (!request.family) return unknown_family(family);
    }
    return request;
}

}  // namespace lurus::provider
