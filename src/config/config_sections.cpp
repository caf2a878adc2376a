#include "config/config_sections.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <charconv>

#include "config/config_limits.hpp"
#include "core/os/log_setup.hpp"
#include "core/os/platform.hpp"
#include "core/text/ascii.hpp"

namespace lurus::config {
namespace {

constexpr int hour_ms = 3'600'000;

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    });
}

bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

struct HostPort {
    std::string host, port;
};

HostPort split_address(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) return {};
    std::string host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string::npos) {
        return {};
    }
    return {host, text.substr(colon + 1)};
}

// `provider` alone keeps the client's model name.
std::string target_of(const std::string& text) {
    return text.find('/') == std::string::npos ? text + "/*" : text;
}

bool read_targets(ConfigTable& section, std::string_view key, std::vector<std::string>& out) {
    if (!section.texts(key, out)) return false;
    for (auto& target : out) {
        target = target_of(target);
        if (target.starts_with('/') || target.ends_with('/') || !is_plain(target)) {
            section.mistake(key, "must name \"provider\" or \"provider/model\", not \"" + target + "\"");
            return false;
        }
    }
    if (out.empty()) section.mistake(key, "must name at least one \"provider/model\"");
    return !out.empty();
}

void read_tls(ConfigTable section, ListenerSettings& tls) {
    section.path("certificate", tls.certificate_file);
    section.path("private_key", tls.private_key_file);
    section.finish();
    if (tls.certificate_file.empty() != tls.private_key_file.empty()) {
        section.mistake(tls.certificate_file.empty() ? "private_key" : "certificate",
                        "needs both certificate and private_key (PEM files)");
    }
}

void add_listener(ListenerSettings listener, const std::string& where, ConfigContext& context, Config& config) {
    const std::string given = listener.address;
    listener.address = normal_address(given);
    if (listener.address.empty()) {
        context.mistake(where, "\"" + given +
                                   "\" is not an address to listen on; write \"127.0.0.1:18100\", \"[::1]:18100\", "
                                   "\"0.0.0.0:18100\" or \"unix:/path/to/socket\"");
        return;
    }
    if (listener.address.starts_with("unix:")) {
        if (!platform::has_local_sockets())
            context.mistake(where, "\"" + given +
                                       "\": on this system lurus listens on TCP alone; write \"127.0.0.1:PORT\", which "
                                       "only this machine reaches");
        listener.certificate_file = listener.private_key_file = "";
    }
    if (listener.open && !is_local_address(listener.address)) {
        context.mistake(
            where, "open = true serves without a key and is for loopback addresses only, not for " + listener.address);
        return;
    }
    const bool taken = std::ranges::any_of(config.gateway.listeners, [&](const auto& other) {
        return other.address == listener.address && !listener.address.ends_with(":0");
    });
    if (taken) {
        context.mistake(where, listener.address + " is listed twice");
        return;
    }
    if (listener.certificate_file.empty() && !is_local_address(listener.address)) {
        config.warnings.push_back(
            where + ": " + listener.address +
            " is reachable from other machines without TLS: keys and prompts cross the network readable");
    }
    if (!listener.certificate_file.empty()) config.positions.emplace("listener " + listener.address, where);
    config.gateway.listeners.push_back(std::move(listener));
}

// A field's name (RFC 9110 §5.1), whose `*` is a wildcard here.
bool is_header_pattern(std::string_view text) {
    return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
        return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || std::string_view("!#$%&'*+-.^_`|~?").contains(c);
    });
}

void read_trusted_proxies(ConfigTable& section, GatewaySettings& gateway) {
    std::vector<std::string> texts;
    section.texts("trusted_proxies", texts);
    for (const auto& text : texts) {
        if (text == "unix") {
            gateway.trust_unix = true;
            continue;
        }
        const auto range = IpRange::parse(text);
        if (range) {
            gateway.trusted_proxies.push_back(*range);
        } else {
            section.mistake("trusted_proxies", "takes \"unix\" and ranges: " + range.error().message);
        }
    }
}

// `https://app.example.com`, `http://localhost:*`, `https://*.example.com`, `vscode-webview://*`, `null`, `*`
bool is_origin_pattern(std::string_view text) {
    if (text == "*" || text == "null") return true;
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos || scheme == 0) return false;
    const auto plain = [](std::string_view part, std::string_view more) {
        return std::ranges::all_of(part, [more](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || more.find(c) != std::string_view::npos;
        });
    };
    if (!plain(text.substr(0, scheme), "+-.")) return false;
    std::string_view host = text.substr(scheme + 3);
    const std::size_t colon = host.rfind(':');
    if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
        const std::string_view port = host.substr(colon + 1);
        if (port != "*" && (port.empty() || port.size() > 5 ||
                            !std::ranges::all_of(port, [](char c) { return c >= '0' && c <= '9'; })))
            return false;
        host = host.substr(0, colon);
    }
    if (host == "*") return true;
    if (host.starts_with("*.")) host.remove_prefix(2);
    return !host.empty() && plain(host, "-._[]:");
}

void read_metrics(ConfigTable& section, GatewaySettings& gateway) {
    std::string who;
    if (!section.choice("metrics", who, {"open", "key", "off"})) return;
    using For = GatewaySettings::MetricsFor;
    gateway.metrics_for = who == "open" ? For::open : who == "key" ? For::key : For::off;
}

void warn_of_metrics(const std::string& where, Config& config) {
    if (config.gateway.metrics_for != GatewaySettings::MetricsFor::open) return;
    for (const auto& listener : config.gateway.listeners) {
        if (is_local_address(listener.address)) continue;
        config.warnings.push_back(where + ": anybody who reaches " + listener.address +
                                  " reads /metrics, with the names of providers and models; metrics = \"key\" asks "
                                  "for a key");
    }
}

void lower_all(std::vector<std::string>& texts) {
    for (std::string& text : texts) std::ranges::transform(text, text.begin(), lower);
}

void read_browsers(ConfigTable& section, Config& config) {
    GatewaySettings& g = config.gateway;
    section.texts("cors_origins", g.cors_origins);
    section.texts("allowed_hosts", g.allowed_hosts);
    lower_all(g.cors_origins);
    lower_all(g.allowed_hosts);
    for (std::string& origin : g.cors_origins) {
        if (origin.ends_with('/') && !origin.ends_with("://")) origin.pop_back();
        if (!is_origin_pattern(origin)) {
            section.mistake("cors_origins", "holds \"" + origin +
                                                "\", which is no origin: write \"https://app.example.com\", "
                                                "\"http://localhost:*\", \"https://*.example.com\", \"null\" or \"*\"");
        }
    }
    for (const std::string& host : g.allowed_hosts) {
        const bool name = !host.empty() && std::ranges::all_of(host, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        });
        if (!name && !IpAddress::parse(host))
            section.mistake("allowed_hosts", "holds \"" + host +
                                                 "\": write names without scheme and port, such as "
                                                 "\"host.docker.internal\"");
    }
}

void warn_of_browsers(const std::string& where, Config& config) {
    const GatewaySettings& g = config.gateway;
    if (std::ranges::find(g.cors_origins, "*") == g.cors_origins.end()) return;
    if (std::ranges::none_of(g.listeners, &ListenerSettings::open)) return;
    config.warnings.push_back(where +
                              ": with \"*\" and an open listener, any web page that somebody here opens can use "
                              "the vendors' accounts");
}

}  // namespace

std::string normal_address(const std::string& text) {
    if (text.starts_with("unix:")) return text.size() > 5 && text.size() < 108 && is_plain(text) ? text : "";
    auto [host, port] = split_address(text);
    unsigned number = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
    if (port.empty() || error != std::errc() || end != port.data() + port.size() || number > 65535) return "";
    if (host.empty() || host == "*") host = "0.0.0.0";
    if (host == "localhost") host = "127.0.0.1";
    boost::system::error_code bad;
    const auto address = boost::asio::ip::make_address(host, bad);
    if (bad) return "";
    return (address.is_v6() ? "[" + address.to_string() + "]" : address.to_string()) + ":" + std::to_string(number);
}

bool is_local_address(const std::string& normal) {
    if (normal.starts_with("unix:")) return true;
    boost::system::error_code bad;
    const auto address = boost::asio::ip::make_address(split_address(normal).host, bad);
    return !bad && address.is_loopback();
}

void read_server(ConfigTable section, const std::vector<std::string>& listen_flags, ConfigContext& context,
                 Config& config) {
    GatewaySettings& g = config.gateway;
    std::vector<std::string> listen{"127.0.0.1:18100"};
    const bool listen_set = section.texts("listen", listen);
    const bool from_variable = listen_set && section.where("listen").starts_with("LURUS_");
    section.integer("threads", g.threads, 0, 1024);
    section.integer("api_rpm", config.api_rpm, 0, 1'000'000);

    ListenerSettings common;
    section.flag("open", common.open);
    read_tls(section.table("tls"), common);

    section.bytes("max_body", g.max_body_bytes, 1024, 8ll << 30);
    section.bytes("max_upload", g.max_upload_bytes, 1024, 1ll << 50);
    std::int64_t header = g.max_header_bytes;
    if (section.bytes("max_header", header, 1024, 1 << 20)) g.max_header_bytes = static_cast<int>(header);
    section.integer("max_connections", g.max_connections, 1, 1'000'000);
    section.duration_ms("header_timeout", g.header_timeout_ms, 1, hour_ms);
    section.duration_ms("body_timeout", g.body_timeout_ms, 1, hour_ms);
    section.duration_ms("idle_timeout", g.idle_timeout_ms, 1, 24 * hour_ms);
    section.duration_ms("write_timeout", g.write_timeout_ms, 1, 24 * hour_ms);
    section.duration_ms("heartbeat", g.heartbeat_ms, 0, hour_ms);
    section.duration_ms("drain_timeout", g.drain_timeout_ms, 0, 24 * hour_ms);
    section.bytes("body_memory", g.body_memory_bytes, 0, 1ll << 50);
    if (g.body_memory_bytes > 0 && g.body_memory_bytes < g.max_body_bytes)
        section.mistake("body_memory", "is less than max_body: a body of that size would never fit");
    section.duration_ms("body_wait", g.body_wait_ms, 0, hour_ms);
    read_metrics(section, g);
    read_browsers(section, config);
    read_trusted_proxies(section, g);
    auto listeners = section.tables("listener");
    section.finish();

    if (!listen_flags.empty()) {
        for (const auto& address : listen_flags) {
            ListenerSettings listener = common;
            listener.address = address;
            add_listener(listener, "--listen", context, config);
        }
    } else if (listen_set || listeners.empty()) {
        for (const auto& address : listen) {
            ListenerSettings listener = common;
            listener.address = address;
            add_listener(listener, section.where("listen"), context, config);
        }
    }
    const bool replaced = !listen_flags.empty() || from_variable;
    for (auto& each : listeners) {
        ListenerSettings listener;
        if (!each.text("address", listener.address)) each.mistake("address", "is missing");
        each.flag("open", listener.open);
        read_tls(each.table("tls"), listener);
        each.finish();
        if (!replaced && !listener.address.empty()) add_listener(listener, each.where("address"), context, config);
    }
    warn_of_browsers(section.where("cors_origins"), config);
    warn_of_metrics(section.where("metrics"), config);
    if (g.listeners.empty() && context.clean()) section.mistake("listen", "must hold at least one address");
}

void read_headers(ConfigTable section, Config& config) {
    const auto patterns = [&](std::string_view key) {
        std::vector<std::string> out;
        section.texts(key, out);
        for (const std::string& pattern : out) {
            if (!is_header_pattern(pattern))
                section.mistake(key, "takes names of header fields, with * and ?: " + pattern);
        }
        return out;
    };
    auto drop = patterns("drop_from_clients");
    auto pass = patterns("pass_from_clients");
    HeaderSettings& headers = config.gateway.headers;
    headers.from_clients = HeaderRules(default_drops_from_clients(), std::move(drop), std::move(pass));
    drop = patterns("drop_from_vendors");
    pass = patterns("pass_from_vendors");
    headers.from_vendors = HeaderRules(default_drops_from_vendors(), std::move(drop), std::move(pass));
    section.finish();
}

void read_log(ConfigTable section, Config& config) {
    section.flag("enabled", config.gateway.log_enabled);
    std::string bodies = "none";
    section.choice("bodies", bodies, {"none", "errors", "all"});
    config.gateway.log_bodies = bodies == "all"      ? GatewaySettings::Bodies::all
                                : bodies == "errors" ? GatewaySettings::Bodies::errors
                                                     : GatewaySettings::Bodies::none;
    section.texts("bodies_keys", config.gateway.log_bodies_keys);
    section.bytes("bodies_cap", config.gateway.log_bodies_cap, 1024, 256ll << 20);
    section.integer("refused_per_minute", config.gateway.log_refused_per_minute, 0, 10'000);
    section.integer("retention_days", config.log_retention_days, 0, 36'500);
    section.choice("level", config.log_level, {"trace", "debug", "info", "warn", "error", "off"});
    section.finish();
}

void read_billing(ConfigTable section, Config& config) {
    std::string durability = "normal";
    section.choice("durability", durability, {"normal", "strict"});
    config.log_strict = durability == "strict";
    section.finish();
}

void read_keys(ConfigTable section, Config& config) {
    if (section.text("prefix", config.key_prefix) &&
        (config.key_prefix.empty() || config.key_prefix.size() > 16 || !is_name(config.key_prefix))) {
        section.mistake("prefix", "must be 1 to 16 letters, digits, - or _");
    }
    section.finish();
}

void read_default_routes(ConfigTable section, Config& config) {
    for (const Family family : {Family::anthropic, Family::openai, Family::gemini}) {
        RouteSpec route;
        route.model = "*";
        route.family = family;
        if (!read_targets(section, name_of(family), route.to)) continue;
        config.positions.emplace("default " + std::string(name_of(family)), section.where(name_of(family)));
        config.routes.push_back(std::move(route));
    }
    section.finish();
}

void read_provider(ConfigTable section, Config& config) {
    ProviderSpec p;
    if (!section.text("name", p.name)) {
        if (!section.has("name")) section.mistake("name", "is missing");
    } else if (!is_name(p.name)) {
        section.mistake("name", "must be 1 to 64 letters, digits, -, _ or .");
    } else if (!config.positions.emplace("provider " + p.name, section.where()).second) {
        section.mistake("name",
                        "\"" + p.name + "\" is taken by the provider at " + config.positions["provider " + p.name]);
    }
    if (!section.text("kind", p.kind) && !section.has("kind")) {
        section.mistake("kind",
                        "is missing: a preset such as anthropic, openai, gemini, openai-compatible, ollama or demo");
    }
    section.text("base_url", p.base_url);
    std::string key;
    int sources = 0;
    if (section.text("api_key", key)) ++sources;
    p.api_key = Secret(std::move(key));
    if (section.text("api_key_env", p.api_key_env)) ++sources;
    if (section.path("api_key_file", p.api_key_file)) ++sources;
    if (sources > 1) section.mistake("name", "\"" + p.name + "\": give one of api_key, api_key_env and api_key_file");
    section.texts("models", p.models);
    section.texts("groups", p.groups);
    if (const auto groups = AccountGroups::of(p.groups); !groups)
        section.mistake("groups", "is wrong: " + groups.error().message);
    if (section.text_map("headers", p.headers)) {
        for (const auto& [name, value] : p.headers) {
            if (!is_name(name) || !is_plain(value))
                section.mistake("headers", "." + name + " is not a header that can be sent");
        }
    }
    section.text("api_version", p.api_version);
    const auto timeout = [&](std::string_view name, std::optional<int>& out) {
        int value = 0;
        if (section.duration_ms(name, value, 1, 24 * hour_ms)) out = value;
    };
    timeout("connect_timeout", p.connect_timeout_ms);
    timeout("first_byte_timeout", p.first_byte_timeout_ms);
    timeout("idle_timeout", p.idle_timeout_ms);
    section.choice("on_client_gone", p.on_client_gone, {"cancel", "drain"});
    bool ask_usage = true;
    if (section.flag("ask_usage", ask_usage)) p.ask_usage = ask_usage;
    bool verify = true;
    if (section.flag("tls_verify", verify)) p.tls_verify = verify;
    if (!verify)
        config.warnings.push_back(section.where("tls_verify") + ": provider " + p.name +
                                  "'s certificate is not checked");
    section.path("ca_file", p.ca_file);
    section.flag("disabled", p.disabled);
    section.finish();
    config.providers.push_back(std::move(p));
}

void read_route(ConfigTable section, Config& config) {
    RouteSpec r;
    if (!section.text("model", r.model)) {
        if (!section.has("model")) section.mistake("model", "is missing: the name or glob that clients ask for");
    } else if (r.model.empty() || !is_plain(r.model)) {
        section.mistake("model", "must be a model's name or a glob");
    } else if (!config.positions.emplace("route " + r.model, section.where()).second) {
        section.mistake("model", "\"" + r.model + "\" has a route already at " + config.positions["route " + r.model]);
    }
    if (!read_targets(section, "to", r.to) && !section.has("to")) {
        section.mistake("to", "is missing: [\"provider/upstream-model\", ...] in the order to try");
    }
    section.finish();
    config.routes.push_back(std::move(r));
}

void read_key(ConfigTable section, Config& config) {
    ConfiguredKey k;
    if (!section.text("name", k.name)) {
        if (!section.has("name")) section.mistake("name", "is missing");
    } else if (k.name.empty() || k.name.size() > 64 || !is_plain(k.name)) {
        section.mistake("name", "must be 1 to 64 characters");
    } else if (!config.positions.emplace("key " + k.name, section.where()).second) {
        section.mistake("name", "\"" + k.name + "\" is taken by the key at " + config.positions["key " + k.name]);
    }
    std::string value;
    if (!section.text("value", value)) {
        if (!section.has("value")) section.mistake("value", "is missing");
    } else if (value.empty() || !is_plain(value) || value.find(' ') != std::string::npos) {
        section.mistake("value", "must be printable characters without spaces");
    } else if (value.size() < 16) {
        config.warnings.push_back(section.where("value") + ": the key " + k.name + " is short enough to be guessed");
    }
    k.value = Secret(std::move(value));
    section.texts("models", k.models);
    std::vector<std::string> dialects;
    section.texts("dialects", dialects);
    for (const auto& name : dialects) {
        if (name == "all") {
            k.families.clear();
            break;
        }
        const auto family = name == "claude" ? std::optional(Family::anthropic) : family_from(name);
        if (family) {
            k.families.push_back(*family);
        } else {
            section.mistake("dialects", "knows all, claude (or anthropic), openai and gemini, not \"" + name + "\"");
        }
    }
    read_key_rules(section, k.rules);
    section.time("expires", k.expires);
    section.flag("disabled", k.disabled);
    section.text("note", k.note);
    section.finish();
    config.keys.push_back(std::move(k));
}

}  // namespace lurus::config
