#include <nlohmann/json.hpp>

#include "config/config.hpp"
#include "core/db/postgres_url.hpp"

namespace lurus::config {
namespace {

using Json = nlohmann::ordered_json;

std::string_view name_of_bodies(GatewaySettings::Bodies bodies) {
    switch (bodies) {
        case GatewaySettings::Bodies::none: return "none";
        case GatewaySettings::Bodies::errors: return "errors";
        case GatewaySettings::Bodies::all: return "all";
    }
    return "none";
}

Json listener_json(const ListenerSettings& listener) {
    Json out{{"address", listener.address}, {"open", listener.open}};
    if (!listener.certificate_file.empty()) {
        out["tls"] = {{"certificate", listener.certificate_file}, {"private_key", listener.private_key_file}};
    }
    return out;
}

Json provider_json(const ProviderSpec& p) {
    Json out{{"name", p.name}, {"kind", p.kind}};
    if (!p.base_url.empty()) out["base_url"] = p.base_url;
    if (!p.api_key.empty()) out["api_key"] = p.api_key.masked();
    if (!p.api_key_env.empty()) out["api_key_env"] = p.api_key_env;
    if (!p.api_key_file.empty()) out["api_key_file"] = p.api_key_file;
    if (!p.models.empty()) out["models"] = p.models;
    if (!p.groups.empty()) out["groups"] = p.groups;
    // A header's value may be a credential.
    for (const auto& [name, value] : p.headers) out["headers"][name] = Secret(value).masked();
    if (!p.api_version.empty()) out["api_version"] = p.api_version;
    if (p.connect_timeout_ms) out["connect_timeout_ms"] = *p.connect_timeout_ms;
    if (p.first_byte_timeout_ms) out["first_byte_timeout_ms"] = *p.first_byte_timeout_ms;
    if (p.idle_timeout_ms) out["idle_timeout_ms"] = *p.idle_timeout_ms;
    if (!p.on_client_gone.empty()) out["on_client_gone"] = p.on_client_gone;
    if (p.ask_usage) out["ask_usage"] = *p.ask_usage;
    if (p.tls_verify) out["tls_verify"] = *p.tls_verify;
    if (!p.ca_file.empty()) out["ca_file"] = p.ca_file;
    if (p.disabled) out["disabled"] = true;
    return out;
}

Json limits_json(const Limits& limits) {
    Json out = Json::object();
    const auto amount = [&](const char* name, std::int64_t value) {
        if (value != 0) out[name] = value;
    };
    amount("rpm", limits.rpm);
    amount("tpm", limits.tpm);
    amount("itpm", limits.itpm);
    amount("otpm", limits.otpm);
    amount("concurrency", limits.concurrency);
    if (limits.budget) out["budget"] = limits.budget->text();
    if (limits.window) out["window"] = name_of(*limits.window);
    return out;
}

Json common_limits_json(const CommonLimits& limits) {
    Json out{{"key", limits_json(limits.key)}, {"user", limits_json(limits.user)}, {"team", limits_json(limits.team)},
             {"org", limits_json(limits.org)}, {"ip", limits_json(limits.ip)},     {"model", Json::array()}};
    for (const auto& model : limits.models) {
        out["model"].push_back({{"model", model.model}});
        out["model"].back().update(limits_json(model.limits));
    }
    return out;
}

Json texts_json(const std::vector<IpRange>& ranges) {
    Json out = Json::array();
    for (const auto& range : ranges) out.push_back(range.text());
    return out;
}

Json key_json(const ConfiguredKey& k) {
    Json out{{"name", k.name}, {"value", k.value.masked()}};
    if (!k.models.empty()) out["models"] = k.models;
    for (const Family family : k.families) out["dialects"].push_back(name_of(family));
    if (!k.rules.deny_models.empty()) out["deny_models"] = k.rules.deny_models;
    if (!k.rules.ips.empty()) out["ips"] = texts_json(k.rules.ips);
    if (!k.rules.user_agents.empty()) out["user_agents"] = k.rules.user_agents;
    if (!k.rules.groups.empty()) out["groups"] = k.rules.groups.names();
    out.update(limits_json(k.rules.limits));
    if (k.expires) out["expires"] = format_time(*k.expires);
    if (k.disabled) out["disabled"] = true;
    if (!k.note.empty()) out["note"] = k.note;
    return out;
}

std::string_view name_of_metrics(GatewaySettings::MetricsFor who) {
    using For = GatewaySettings::MetricsFor;
    switch (who) {
        case For::open: return "open";
        case For::key: return "key";
        case For::off: return "off";
        case For::elsewhere_key: break;
    }
    return "open here, key elsewhere";
}

Json roles_json(const std::map<std::string, Role>& roles) {
    Json out = Json::object();
    for (const auto& [group, role] : roles) out[group] = name_of(role);
    return out;
}

Json auth_json(const AuthSettings& a) {
    Json out = {{"open_signup", a.open_signup},
                {"min_password_length", a.min_password_length},
                {"access_token_ms", a.access_token_ms},
                {"session_days", a.session_ms / 86'400'000},
                {"public_url", a.public_url}};
    for (const auto& o : a.oidc) {
        out["oidc"].push_back({{"name", o.name},
                               {"issuer", o.issuer},
                               {"client_id", o.client_id},
                               {"client_secret", o.client_secret.empty() ? "" : o.client_secret.masked()},
                               {"scopes", o.scopes},
                               {"groups_claim", o.groups_claim},
                               {"roles", roles_json(o.roles)},
                               {"sign_up", o.sign_up},
                               {"ca_file", o.ca_file},
                               {"timeout_ms", o.timeout_ms}});
    }
    for (const auto& l : a.ldap) {
        out["ldap"] = {{"url", l.url},
                       {"bind_dn", l.bind_dn},
                       {"bind_password", l.bind_password.empty() ? "" : l.bind_password.masked()},
                       {"base", l.base},
                       {"filter", l.filter},
                       {"email_attribute", l.email_attribute},
                       {"groups_attribute", l.groups_attribute},
                       {"roles", roles_json(l.roles)},
                       {"sign_up", l.sign_up},
                       {"ca_file", l.ca_file},
                       {"timeout_ms", l.timeout_ms}};
    }
    return out;
}

Json mail_json(const MailSettings& m) {
    return {{"smtp", m.smtp_url}, {"sink", m.sink},       {"from", m.from},
            {"user", m.user},     {"ca_file", m.ca_file}, {"password", m.password.empty() ? "" : m.password.masked()}};
}

}  // namespace

std::string to_json(const Config& config) {
    const GatewaySettings& g = config.gateway;
    Json out;
    out["file"] = config.file.empty() ? Json(nullptr) : Json(config.file.string());
    out["data_dir"] = config.data_dir.string();
    out["demo"] = config.demo;
    Json& server = out["server"];
    server["listeners"] = Json::array();
    for (const auto& listener : g.listeners) server["listeners"].push_back(listener_json(listener));
    server["threads"] = g.threads;
    server["api_rpm"] = config.api_rpm;
    server["max_body"] = g.max_body_bytes;
    server["max_upload"] = g.max_upload_bytes;
    server["body_memory"] = g.body_memory_bytes;
    server["body_wait_ms"] = g.body_wait_ms;
    server["cors_origins"] = g.cors_origins;
    server["allowed_hosts"] = g.allowed_hosts;
    server["metrics"] = name_of_metrics(g.metrics_for);
    server["max_header"] = g.max_header_bytes;
    server["max_connections"] = g.max_connections;
    server["header_timeout_ms"] = g.header_timeout_ms;
    server["body_timeout_ms"] = g.body_timeout_ms;
    server["idle_timeout_ms"] = g.idle_timeout_ms;
    server["write_timeout_ms"] = g.write_timeout_ms;
    server["heartbeat_ms"] = g.heartbeat_ms;
    server["drain_timeout_ms"] = g.drain_timeout_ms;
    server["trusted_proxies"] = texts_json(g.trusted_proxies);
    if (g.trust_unix) server["trusted_proxies"].push_back("unix");
    out["headers"] = {{"drop_from_clients", g.headers.from_clients.drop()},
                      {"pass_from_clients", g.headers.from_clients.pass()},
                      {"drop_from_vendors", g.headers.from_vendors.drop()},
                      {"pass_from_vendors", g.headers.from_vendors.pass()}};
    out["log"] = {{"enabled", g.log_enabled},
                  {"bodies", name_of_bodies(g.log_bodies)},
                  {"bodies_keys", g.log_bodies_keys},
                  {"bodies_cap", g.log_bodies_cap},
                  {"refused_per_minute", g.log_refused_per_minute},
                  {"retention_days", config.log_retention_days},
                  {"level", config.log_level}};
    out["billing"] = {{"durability", config.log_strict ? "strict" : "normal"}};
    if (config.postgres) {
        const auto shown = sql::read_postgres_url(config.postgres->url, 2);
        out["postgres"] = {{"at", shown ? shown->shown : ""}, {"mode", name_of(config.postgres->mode)}};
        if (config.postgres->mirror_max_age_ms > 0)
            out["postgres"]["mirror_max_age_ms"] = config.postgres->mirror_max_age_ms;
    }
    out["keys"] = {{"prefix", config.key_prefix}};
    out["limits"] = common_limits_json(g.limits);
    out["auth"] = auth_json(config.auth);
    out["mail"] = mail_json(config.auth.mail);
    out["user"] = Json::array();
    for (const auto& user : config.users) out["user"].push_back({{"email", user.email}, {"role", name_of(user.role)}});
    out["master_key"] = config.master_key.empty() ? "file" : "LURUS_MASTER_KEY";
    out["provider"] = Json::array();
    for (const auto& provider : config.providers) out["provider"].push_back(provider_json(provider));
    out["route"] = Json::array();
    out["default"] = Json::object();
    for (const auto& route : config.routes) {
        if (route.family) {
            out["default"][std::string(name_of(*route.family))] = route.to;
        } else {
            out["route"].push_back({{"model", route.model}, {"to", route.to}});
        }
    }
    out["key"] = Json::array();
    for (const auto& key : config.keys) out["key"].push_back(key_json(key));
    if (!config.warnings.empty()) out["warnings"] = config.warnings;
    return out.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lurus::config
