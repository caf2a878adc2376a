// [auth], [mail] and [[user]]: who may sign in, and how.
#include <algorithm>
#include <cstdlib>

#include "config/config_sections.hpp"
#include "core/os/platform.hpp"
#include "core/text/mailbox.hpp"

namespace lurus::config {
namespace {

constexpr std::int64_t minute_ms = 60'000;

// A secret that only a variable of the environment holds. Unset, it stays empty: a command needs none of them.
void read_secret(ConfigTable& section, std::string_view key, Config& config, Secret& out) {
    std::string name;
    if (!section.text(key, name) || name.empty()) return;
    config.secret_variables.insert(name);
    if (auto value = platform::variable(name)) out = Secret(*std::move(value));
    if (out.empty()) config.warnings.push_back(section.where(key) + ": the variable " + name + " is not set");
}

bool is_web_address(std::string_view text) {
    return (text.starts_with("https://") || text.starts_with("http://")) &&
           text.find_first_of(" #?") == std::string::npos;
}

void read_roles(ConfigTable& section, std::map<std::string, Role>& out) {
    std::map<std::string, std::string> names;
    if (!section.text_map("roles", names)) return;
    for (const auto& [group, name] : names) {
        const auto role = role_from(name);
        if (role)
            out.emplace(group, *role);
        else
            section.mistake("roles", "." + group + " must be viewer, member, admin or owner");
    }
}

// Credentials cross it: TLS, or this machine.
bool is_private_address(std::string_view url) {
    const auto host = url.substr(std::min(url.size(), url.find("://") + 3));
    return url.starts_with("https://") || host.starts_with("127.0.0.1") || host.starts_with("localhost") ||
           host.starts_with("[::1]");
}

void read_oidc(ConfigTable section, Config& config) {
    OidcSettings oidc;
    for (const auto& [key, out] :
         {std::pair("name", &oidc.name), {"issuer", &oidc.issuer}, {"client_id", &oidc.client_id}}) {
        if (!section.text(key, *out) && !section.has(key)) section.mistake(key, "is missing");
    }
    if (!std::ranges::all_of(oidc.name,
                             [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }))
        section.mistake("name", "must be lower-case letters, digits and -");
    if (std::ranges::find(config.auth.oidc, oidc.name, &OidcSettings::name) != config.auth.oidc.end())
        section.mistake("name", "\"" + oidc.name + "\" is taken by another provider");
    if (!oidc.issuer.empty() && (!is_web_address(oidc.issuer) || !is_private_address(oidc.issuer)))
        section.mistake("issuer", "must be an https address");
    read_secret(section, "client_secret_env", config, oidc.client_secret);
    section.texts("scopes", oidc.scopes);
    if (std::ranges::find(oidc.scopes, "openid") == oidc.scopes.end())
        oidc.scopes.insert(oidc.scopes.begin(), "openid");
    for (const auto& [key, out] : {std::pair("groups_claim", &oidc.groups_claim),
                                   {"email_claim", &oidc.email_claim},
                                   {"name_claim", &oidc.name_claim}}) {
        if (section.text(key, *out) && out->empty()) section.mistake(key, "must name a claim");
    }
    section.flag("trust_email", oidc.trust_email);
    read_roles(section, oidc.roles);
    section.flag("sign_up", oidc.sign_up);
    section.path("ca_file", oidc.ca_file);
    section.duration_ms("timeout", oidc.timeout_ms, 100, minute_ms);
    section.finish();
    config.auth.oidc.push_back(std::move(oidc));
}

bool is_attribute(std::string_view name) {
    return !name.empty() && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
               c == ';';
    });
}

// Of a filter (RFC 4515), where a parenthesis in a value is written \28 or \29.
bool is_balanced(std::string_view filter) {
    int open = 0;
    for (const char c : filter) {
        open += c == '(' ? 1 : c == ')' ? -1 : 0;
        if (open < 0) return false;
    }
    return open == 0;
}

void read_ldap(ConfigTable section, Config& config) {
    LdapSettings ldap;
    section.text("url", ldap.url);
    section.text("bind_dn", ldap.bind_dn);
    read_secret(section, "bind_password_env", config, ldap.bind_password);
    section.text("base", ldap.base);
    section.text("filter", ldap.filter);
    section.text("email_attribute", ldap.email_attribute);
    section.text("groups_attribute", ldap.groups_attribute);
    read_roles(section, ldap.roles);
    section.flag("sign_up", ldap.sign_up);
    section.path("ca_file", ldap.ca_file);
    section.duration_ms("timeout", ldap.timeout_ms, 100, minute_ms);
    section.finish();
    if (ldap.url.empty()) return;
    if (!ldap.url.starts_with("ldaps://") && !ldap.url.starts_with("ldap://"))
        section.mistake("url", "must be \"ldaps://host\" or \"ldap://host\" (with StartTLS)");
    if (ldap.filter.find("{email}") == std::string::npos) section.mistake("filter", "must hold {email}");
    if (!is_balanced(ldap.filter))
        section.mistake("filter", "must be an LDAP filter such as \"(mail={email})\"; its parentheses do not match");
    if (!is_attribute(ldap.email_attribute))
        section.mistake("email_attribute", "must be the name of an attribute, such as \"mail\"");
    if (ldap.bind_dn.empty()) section.mistake("bind_dn", "is missing: the account that searches");
    config.auth.ldap.push_back(std::move(ldap));
}

}  // namespace

void read_auth(ConfigTable section, Config& config) {
    AuthSettings& auth = config.auth;
    section.flag("open_signup", auth.open_signup);
    section.integer("min_password_length", auth.min_password_length, 8, 128);
    section.duration_ms("access_token", auth.access_token_ms, minute_ms, 24 * 60 * minute_ms);
    int days = 30;
    section.integer("session_days", days, 1, 365);
    auth.session_ms = days * std::int64_t{86'400'000};
    if (section.text("public_url", auth.public_url) && !auth.public_url.empty() && !is_web_address(auth.public_url))
        section.mistake("public_url", "must be an address such as \"https://lurus.example.com\"");
    for (auto& provider : section.tables("oidc")) read_oidc(std::move(provider), config);
    read_ldap(section.table("ldap"), config);
    section.finish();
    if (auth.open_signup && !auth.mail.any())
        section.mistake("open_signup", "takes [mail], because addresses are verified by mail");
}

void read_mail(ConfigTable section, Config& config) {
    MailSettings& mail = config.auth.mail;
    section.text("smtp", mail.smtp_url);
    section.path("sink", mail.sink);
    section.text("from", mail.from);
    section.text("user", mail.user);
    read_secret(section, "password_env", config, mail.password);
    section.path("ca_file", mail.ca_file);
    section.finish();
    if (!mail.smtp_url.empty() && !mail.smtp_url.starts_with("smtp://") && !mail.smtp_url.starts_with("smtps://"))
        section.mistake("smtp", "must be \"smtps://host:465\" or \"smtp://host:587\"");
    if (!mail.smtp_url.empty() && !mail.sink.empty()) section.mistake("sink", "and smtp exclude each other");
    if (const auto sender = parse_sender(mail.from); mail.any() && !sender)
        section.mistake(
            "from", "must be the sender's address, such as \"Lurus <lurus@example.com>\": " + sender.error().message);
}

void read_user(ConfigTable section, Config& config) {
    ConfiguredUser user;
    if (!section.text("email", user.email)) {
        if (!section.has("email")) section.mistake("email", "is missing");
    } else if (const auto mailbox = parse_mailbox(user.email); !mailbox) {
        section.mistake("email", "must be an e-mail address, not \"" + user.email + "\": " + mailbox.error().message);
    } else if (!config.positions.emplace("user " + user.email, section.where()).second) {
        section.mistake("email",
                        "\"" + user.email + "\" is taken by the user at " + config.positions["user " + user.email]);
    }
    if (!section.has("password_env"))
        section.mistake("password_env", "is missing: the variable that holds the password");
    read_secret(section, "password_env", config, user.password);
    std::string role = "member";
    section.choice("role", role, {"viewer", "member", "admin", "owner"});
    user.role = role_from(role).value_or(Role::member);
    section.finish();
    config.users.push_back(std::move(user));
}

}  // namespace lurus::config
