#pragma once
// Port: how somebody proves who they are, and what says so afterwards: passwords, second factors, outside providers;
// sessions, tokens, cookies. Who there is and what they may do is `Users`' and `Principal`'s.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/outside.hpp"
#include "lurus/prepared.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"
#include "lurus/users.hpp"

namespace lurus {

/// Both empty: there is no mail.
struct MailSettings {
    std::string sink;      // a folder that mails are written to, one file each, instead of being sent
    std::string smtp_url;  // `smtps://host:465`, or `smtp://host:587`, which must offer STARTTLS unless it is loopback
    std::string user;
    Secret password;
    std::string from;
    std::string ca_file;  // PEM, roots beside the system's

    [[nodiscard]] bool any() const { return !sink.empty() || !smtp_url.empty(); }
};

/// An OpenID Connect provider: authorization code with PKCE.
struct OidcSettings {
    std::string name;    // in the path: /api/v1/auth/oidc/{name}/start
    std::string issuer;  // `https://accounts.example.com`; its discovery document is fetched from there
    std::string client_id;
    Secret client_secret;
    std::vector<std::string> scopes{"openid", "email", "profile"};
    /// Each a claim's name, or a path of names into it: `realm_access.roles`.
    std::string groups_claim = "groups", email_claim = "email", name_claim = "name";
    std::map<std::string, Role> roles;  // group -> role; the highest counts
    bool trust_email = false;           // an address about which no `email_verified` is said is taken as verified
    bool sign_up = false;               // makes a user for whoever the provider vouches for
    std::string ca_file;
    int timeout_ms = 10'000;  // of the beginning of a sign-in, and of its end, all calls of each together
};

/// A directory: searched with its own account, then bound as who was found.
struct LdapSettings {
    std::string url;  // `ldaps://host`, or `ldap://host`, which is asked for StartTLS
    std::string bind_dn;
    Secret bind_password;
    std::string base;
    std::string filter = "(mail={email})";  // {email} is escaped
    std::string email_attribute = "mail";   // holds the addresses of an entry; what is typed must be one of them
    std::string groups_attribute = "memberOf";
    std::map<std::string, Role> roles;  // a group's name or DN -> role; the highest counts
    bool sign_up = true;
    std::string ca_file;
    int timeout_ms = 5000;  // of one sign-in, both connections with TLS included
};

/// Replaced whole when the configuration is read again.
struct AuthSettings {
    bool open_signup = false;
    int min_password_length = 12;
    int access_token_ms = 15 * 60'000;
    std::int64_t session_ms = 30ll * 86'400'000;  // a session and its refresh tokens
    std::string public_url;                       // `https://lurus.example.com`; empty = the first address listened on
    MailSettings mail;
    std::vector<OidcSettings> oidc;
    std::vector<LdapSettings> ldap;  // at most one
};

/// A user fixed in the configuration, made at the start when they are not there.
struct ConfiguredUser {
    std::string email;
    Secret password;
    Role role = Role::member;
};

struct SignInSettings {
    std::filesystem::path data_dir;   // of the master key
    Secret master_key;                // empty = the data folder's master.key
    OutsideCalls* outside = nullptr;  // whose stop ends calls to directories, providers and mail servers; may be null
};

/// Something that happened to somebody's sign-in.
struct SignInEvent {
    std::string what;  // `signed in`, `sign-in refused`, `refresh token reused`, `password changed` ...
    std::string user;  // id; empty when there is no such user
    std::string email;
    std::string address;  // the other side's
    std::string detail;
    RequestContext* context = nullptr;  // of the request or the work it belongs to; for the time of the call
};

/// Any thread; may block.
class SignIn {
public:
    virtual ~SignIn() = default;
    /// Hashes the passwords of `users`, which takes a while; its `store` makes and changes them.
    virtual Result<std::unique_ptr<PreparedConfiguration>> prepare(const AuthSettings& settings,
                                                                   const std::vector<ConfiguredUser>& users) = 0;
    /// Takes over what another process changed. Blocks on the database.
    virtual Result<void> refresh() = 0;
    /// The first address listened on, for links where no `public_url` is set.
    virtual void set_address(std::string url) = 0;
    /// A `PrincipalSource`.
    virtual Result<Principal> principal(const ApiRequest& request, std::string_view bearer) = 0;
    /// Set before the first request.
    virtual void on_event(std::function<void(const SignInEvent&)> callback) = 0;
    /// Asked before a change that nobody who is signed in makes, such as a reset; where it fails, nothing is changed.
    /// The change itself is told by `on_event`, with the same context. Set before the first request.
    virtual void before_change(std::function<Result<void>(const SignInEvent&)> callback) = 0;
    /// Waits for what goes on after an answer, such as mails; each has a limit.
    virtual void settle() = 0;
    /// `/api/v1/auth/...`.
    [[nodiscard]] virtual std::vector<ApiRoute> api() = 0;
};

class CredentialStore;

/// `store` and `users` outlive it.
Result<std::unique_ptr<SignIn>> make_sign_in(const SignInSettings& settings, CredentialStore& store, Users& users,
                                             const Clock& clock);

}  // namespace lurus
