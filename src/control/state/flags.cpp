#include "control/state/flags.hpp"

#include <algorithm>

#include "core/os/log_setup.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

std::unexpected<Error> must_be(std::string_view what) {
    return fail(ErrorCode::invalid_argument, "`value` must be " + std::string(what));
}

template <auto Part, auto Member>
Json value_in(const config::Config& c) {
    return c.*Part.*Member;
}
template <auto Member>
Json value_of(const config::Config& c) {
    return c.*Member;
}
template <auto Member>
Json gateway_value(const config::Config& c) {
    return c.gateway.*Member;
}
template <auto Member>
Json limited(const config::Config& c) {
    return (c.gateway.limits.*Member).any();
}

Json listeners(const config::Config& c) {
    Json out = Json::array();
    for (const auto& listener : c.gateway.listeners) out.push_back(listener.address);
    return out;
}

Json metrics_for(const config::Config& c) {
    using For = GatewaySettings::MetricsFor;
    switch (c.gateway.metrics_for) {
        case For::open: return "open";
        case For::key: return "key";
        case For::off: return "off";
        case For::elsewhere_key: break;
    }
    return "open here, key elsewhere";
}

Json bodies(const config::Config& c) {
    using Bodies = GatewaySettings::Bodies;
    return c.gateway.log_bodies == Bodies::all ? "all" : c.gateway.log_bodies == Bodies::errors ? "errors" : "none";
}

Result<void> set_bodies(config::Config& c, const Json& value) {
    using Bodies = GatewaySettings::Bodies;
    for (const auto& [name, what] :
         {std::pair("none", Bodies::none), std::pair("errors", Bodies::errors), std::pair("all", Bodies::all)}) {
        if (value != name) continue;
        c.gateway.log_bodies = what;
        return {};
    }
    return must_be("none, errors or all");
}

Result<void> set_log_level_of(config::Config& c, const Json& value) {
    if (!value.is_string() || !is_log_level(value.get_ref<const std::string&>()))
        return must_be("trace, debug, info, warn, error or off");
    c.log_level = value.get<std::string>();
    return {};
}

Result<void> set_api_rpm(config::Config& c, const Json& value) {
    if (!value.is_number_unsigned() || value > 1'000'000) return must_be("a whole number from 0 to 1000000");
    c.api_rpm = value.get<int>();
    return {};
}

Result<void> set_open_signup(config::Config& c, const Json& value) {
    if (!value.is_boolean()) return must_be("true or false");
    if (value.get<bool>() && !c.auth.mail.any())
        return fail(ErrorCode::conflict, "open sign-up takes [mail], because addresses are verified by mail");
    c.auth.open_signup = value.get<bool>();
    return {};
}

template <bool ListenerSettings::* Member>
Json any_listener(const config::Config& c) {
    return std::ranges::any_of(c.gateway.listeners, Member);
}

Json any_tls(const config::Config& c) {
    return std::ranges::any_of(c.gateway.listeners, [](const auto& l) { return !l.certificate_file.empty(); });
}

template <auto rules, auto list>
Json header_list(const config::Config& c) {
    return ((c.gateway.headers.*rules).*list)();
}

Json durability(const config::Config& c) {
    return c.log_strict ? "strict" : "normal";
}

Json master_key(const config::Config& c) {
    return c.master_key.empty() ? "file" : "environment";
}

Json mail(const config::Config& c) {
    return !c.auth.mail.smtp_url.empty() ? "smtp" : !c.auth.mail.sink.empty() ? "folder" : "off";
}

Json oidc(const config::Config& c) {
    Json out = Json::array();
    for (const auto& provider : c.auth.oidc) out.push_back(provider.name);
    return out;
}

Json ldap(const config::Config& c) {
    return !c.auth.ldap.empty();
}

Json limited_models(const config::Config& c) {
    Json out = Json::array();
    for (const auto& each : c.gateway.limits.models) out.push_back(each.model);
    return out;
}

constexpr auto auth = &config::Config::auth;

constexpr Flag all_flags[] = {
    {"demo", "the demo provider answers while no other is declared or stored", true, value_of<&config::Config::demo>,
     nullptr},
    {"master_key", "where the key that seals stored secrets comes from", true, master_key, nullptr},
    {"server.listen", "where it listens", true, listeners, nullptr},
    {"server.open", "a listener serves without a key", true, any_listener<&ListenerSettings::open>, nullptr},
    {"server.tls", "a listener speaks TLS", true, any_tls, nullptr},
    {"server.threads", "threads that relay; 0 = one a core", true, gateway_value<&GatewaySettings::threads>, nullptr},
    {"server.api_rpm", "requests a minute to the management API of each account; 0 = no limit", false,
     value_of<&config::Config::api_rpm>, set_api_rpm},
    {"server.max_body", "bytes of the largest request", false, gateway_value<&GatewaySettings::max_body_bytes>,
     nullptr},
    {"server.max_upload", "bytes of the largest file that passes without being held", false,
     gateway_value<&GatewaySettings::max_upload_bytes>, nullptr},
    {"server.body_memory", "bytes of all requests' bodies at a time; 0 = a quarter of the usable memory", false,
     gateway_value<&GatewaySettings::body_memory_bytes>, nullptr},
    {"server.metrics", "who reads /metrics: open (everybody), key (who has a key or the admin token) or off", false,
     metrics_for, nullptr},
    {"server.cors_origins", "web pages that may use the gateway", false, gateway_value<&GatewaySettings::cors_origins>,
     nullptr},
    {"server.allowed_hosts", "names that open listeners answer to besides localhost", false,
     gateway_value<&GatewaySettings::allowed_hosts>, nullptr},
    {"server.max_connections", "clients at once", false, gateway_value<&GatewaySettings::max_connections>, nullptr},
    {"server.heartbeat", "milliseconds of silence before a keepalive is sent; 0 = never", false,
     gateway_value<&GatewaySettings::heartbeat_ms>, nullptr},
    {"headers.drop_from_clients", "fields of requests that vendors do not get, beside those that are known", false,
     header_list<&HeaderSettings::from_clients, &HeaderRules::drop>, nullptr},
    {"headers.pass_from_clients", "fields of requests that vendors get though they would be dropped", false,
     header_list<&HeaderSettings::from_clients, &HeaderRules::pass>, nullptr},
    {"headers.drop_from_vendors", "fields of answers that clients do not get, beside those that are known", false,
     header_list<&HeaderSettings::from_vendors, &HeaderRules::drop>, nullptr},
    {"headers.pass_from_vendors", "fields of answers that clients get though they would be dropped", false,
     header_list<&HeaderSettings::from_vendors, &HeaderRules::pass>, nullptr},
    {"log.enabled", "a record of every request is kept, in SQLite", false, gateway_value<&GatewaySettings::log_enabled>,
     nullptr},
    {"log.bodies", "whose requests' and answers' bodies are kept: none, errors (of those that failed) or all", false,
     bodies, set_bodies},
    {"log.bodies_keys", "names of the keys that this is for; empty = every key", false,
     gateway_value<&GatewaySettings::log_bodies_keys>, nullptr},
    {"log.bodies_cap", "bytes after which a kept body is cut", false, gateway_value<&GatewaySettings::log_bodies_cap>,
     nullptr},
    {"log.refused_per_minute", "records of refused requests that each address may cause a minute", false,
     gateway_value<&GatewaySettings::log_refused_per_minute>, nullptr},
    {"log.retention_days", "days that records are kept; 0 = for good", true,
     value_of<&config::Config::log_retention_days>, nullptr},
    {"log.level", "what the process's own log tells: trace, debug, info, warn, error or off", false,
     value_of<&config::Config::log_level>, set_log_level_of},
    {"billing.durability", "what a record survives before its answer ends: normal or strict", true, durability,
     nullptr},
    {"keys.prefix", "how new keys begin", true, value_of<&config::Config::key_prefix>, nullptr},
    {"limits.key", "keys without limits of their own have some", false, limited<&CommonLimits::key>, nullptr},
    {"limits.user", "each user has limits", false, limited<&CommonLimits::user>, nullptr},
    {"limits.team", "each team has limits", false, limited<&CommonLimits::team>, nullptr},
    {"limits.org", "each organisation has limits", false, limited<&CommonLimits::org>, nullptr},
    {"limits.ip", "each address has limits", false, limited<&CommonLimits::ip>, nullptr},
    {"limits.model", "models that have limits", false, limited_models, nullptr},
    {"auth.open_signup", "anybody may make an account; else by invitation", false,
     value_in<auth, &AuthSettings::open_signup>, set_open_signup},
    {"auth.min_password_length", "characters of a new password at least", false,
     value_in<auth, &AuthSettings::min_password_length>, nullptr},
    {"auth.oidc", "OpenID Connect providers that people sign in by", false, oidc, nullptr},
    {"auth.ldap", "a directory is asked about who has no password here", false, ldap, nullptr},
    {"mail", "how mails leave: smtp, folder or off", false, mail, nullptr},
};

Error stale_flag(const std::string& name) {
    return Error(ErrorCode::stale, "the flag '" + name + "' was changed meanwhile; read it again");
}

}  // namespace

std::span<const Flag> flags() {
    return all_flags;
}

const Flag* find_flag(std::string_view name) {
    const auto* found = std::ranges::find(all_flags, name, &Flag::name);
    return found == std::end(all_flags) ? nullptr : found;
}

std::string where_set(const config::Config& config, std::string_view flag) {
    if (flag == "master_key") return config.master_key.empty() ? "" : "LURUS_MASTER_KEY";
    const auto set_by = [&](const std::string& name) {
        // The whole option, or a part of it: `limits.key` by `limits.key.rpm`.
        const auto found = config.origins.lower_bound(name);
        const bool is_it =
            found != config.origins.end() && (found->first == name || found->first.starts_with(name + "."));
        return is_it ? found->second : std::string();
    };
    std::string where = set_by(std::string(flag));
    // What a listener has of its own.
    if (where.empty() && (flag == "server.listen" || flag == "server.open" || flag == "server.tls"))
        where = set_by("server.listener");
    return where;
}

Result<bool> StoredFlags::refresh() {
    const std::scoped_lock lock(mutex_);
    if (auto read = read_again(); !read) return std::unexpected(read.error());
    return is_new_;
}

void StoredFlags::in_force() {
    const std::scoped_lock lock(mutex_);
    is_new_ = false;
}

Result<void> StoredFlags::read_again() {
    // Asked first: what is changed while the flags are read is read again the next time.
    const auto head = store_.changes().head();
    if (!head) return std::unexpected(head.error());
    if (*head == seen_) return {};
    auto rows = store_.all();
    if (!rows) return std::unexpected(rows.error());
    std::map<std::string, StoredFlag> flags;
    for (auto& row : *rows) {
        std::string name = row.name;
        flags.emplace(std::move(name), std::move(row));
    }
    const auto same = [](const auto& a, const auto& b) {
        return a.first == b.first && a.second.version == b.second.version;
    };
    if (!std::ranges::equal(flags, flags_, same)) is_new_ = true;
    flags_ = std::move(flags);
    seen_ = *head;
    return {};
}

Result<std::int64_t> StoredFlags::version_to_change(const std::string& name, std::optional<std::int64_t> wanted) {
    if (auto read = read_again(); !read) return std::unexpected(read.error());
    const auto known = flags_.find(name);
    const std::int64_t version = known == flags_.end() ? 0 : known->second.version;
    if (wanted && *wanted != version) return std::unexpected(stale_flag(name));
    return version;
}

Result<void> StoredFlags::set(const std::string& name, const Json& value, UnixMicros now,
                              std::optional<std::int64_t> wanted) {
    const std::scoped_lock lock(mutex_);
    const auto before = version_to_change(name, wanted);
    if (!before) return std::unexpected(before.error());
    StoredFlag flag;
    flag.name = name;
    flag.value = value.dump();
    flag.version = *before;
    const auto version = store_.set(flag, now);
    // Another process may have been faster after this one had looked.
    if (!version && wanted && version.error().code == ErrorCode::conflict) return std::unexpected(stale_flag(name));
    if (!version) return std::unexpected(version.error());
    flag.version = *version;
    flags_.insert_or_assign(name, std::move(flag));
    is_new_ = true;
    return {};
}

Result<void> StoredFlags::unset(const std::string& name, std::optional<std::int64_t> wanted) {
    const std::scoped_lock lock(mutex_);
    const auto before = version_to_change(name, wanted);
    if (!before) return std::unexpected(before.error());
    if (*before == 0) return {};
    auto done = store_.unset(name, *before);
    if (done) {
        flags_.erase(name);
        is_new_ = true;
    }
    if (!done && wanted && done.error().code == ErrorCode::conflict) return std::unexpected(stale_flag(name));
    return done;
}

std::int64_t StoredFlags::version_of(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto known = flags_.find(name);
    return known == flags_.end() ? 0 : known->second.version;
}

std::map<std::string, Json> StoredFlags::all() const {
    const std::scoped_lock lock(mutex_);
    std::map<std::string, Json> values;
    for (const auto& [name, flag] : flags_) values.emplace(name, Json::parse(flag.value, nullptr, false));
    return values;
}

void take_stored(const StoredFlags& stored, config::Config& config) {
    for (const auto& [name, value] : stored.all()) {
        const Flag* flag = find_flag(name);
        if (flag == nullptr || flag->set == nullptr) continue;  // of another version of this program
        if (auto taken = flag->set(config, value); !taken) {
            config.warnings.push_back("the stored flag " + name + " is left out: " + taken.error().message);
            continue;
        }
        config.origins.insert_or_assign(name, "stored");
    }
}

}  // namespace lurus::control
