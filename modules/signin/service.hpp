#pragma once
// Sign-in over one store: each public function beside the port's is the handler of one route.

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "lurus/ids.hpp"
#include "lurus/signin.hpp"
#include "lurus/store/credentials.hpp"
#include "modules/signin/body.hpp"
#include "modules/signin/directory_client.hpp"
#include "modules/signin/key_ring.hpp"
#include "modules/signin/mail.hpp"
#include "modules/signin/oidc.hpp"
#include "modules/signin/password.hpp"
#include "modules/signin/throttle.hpp"

namespace lurus::signin {

class SignInService final : public SignIn {
public:
    SignInService(CredentialStore& store, SecretBox box, Users& users, const Clock& clock, Argon2Cost cost = {},
                  OutsideCalls* outside = nullptr);

    Result<std::unique_ptr<PreparedConfiguration>> prepare(const AuthSettings& settings,
                                                           const std::vector<ConfiguredUser>& users) override;
    Result<void> refresh() override {
        if (auto done = store_.refresh(); !done) return done;
        return keys_.refresh();
    }
    void set_address(std::string url) override;
    Result<Principal> principal(const ApiRequest& request, std::string_view bearer) override;
    void on_event(std::function<void(const SignInEvent&)> callback) override { on_event_ = std::move(callback); }
    void before_change(std::function<Result<void>(const SignInEvent&)> callback) override {
        before_change_ = std::move(callback);
    }
    void settle() override { background_.settle(); }
    std::vector<ApiRoute> api() override;

    // sign_in.cpp
    ApiResponse login(const ApiRequest& request);
    ApiResponse refresh(const ApiRequest& request);
    ApiResponse logout(const ApiRequest& request);
    ApiResponse list_sessions(const ApiRequest& request);
    ApiResponse end_session(const ApiRequest& request);
    // tokens.cpp
    ApiResponse jwks(const ApiRequest& request);
    ApiResponse rotate_keys(const ApiRequest& request);
    ApiResponse service_token(const ApiRequest& request);
    // passwords.cpp
    ApiResponse change_password(const ApiRequest& request);
    ApiResponse ask_reset(const ApiRequest& request);
    ApiResponse make_reset_link(const ApiRequest& request);
    ApiResponse confirm_reset(const ApiRequest& request);
    ApiResponse import_password(const ApiRequest& request);
    // joining.cpp
    ApiResponse set_up(const ApiRequest& request);
    ApiResponse register_user(const ApiRequest& request);
    ApiResponse verify_address(const ApiRequest& request);
    ApiResponse invite(const ApiRequest& request);
    ApiResponse accept(const ApiRequest& request);
    // links.cpp
    ApiResponse list_methods(const ApiRequest& request);
    ApiResponse check_link(const ApiRequest& request);
    // outside.cpp
    ApiResponse start_oidc(const ApiRequest& request);
    ApiResponse finish_oidc(const ApiRequest& request);
    ApiResponse redeem_code(const ApiRequest& request);
    // second_factor.cpp
    ApiResponse show_totp(const ApiRequest& request);
    ApiResponse enrol_totp(const ApiRequest& request);
    ApiResponse confirm_totp(const ApiRequest& request);
    ApiResponse disable_totp(const ApiRequest& request);
    ApiResponse reset_totp(const ApiRequest& request);

    // checks.cpp
    ApiResponse check_outside(const ApiRequest& request);
    std::optional<OutsideLane> checks_lane(const ApiRequest& request) const;
    // lanes.cpp: whom each of the handlers above would wait for, as `ApiRoute::outside_lane`
    std::optional<OutsideLane> login_lane(const ApiRequest& request) const;
    std::optional<OutsideLane> confirming_lane(const ApiRequest& request) const;
    std::optional<OutsideLane> oidc_lane(const ApiRequest& request) const;
    std::optional<OutsideLane> mail_lane(const ApiRequest& request) const;

private:
    /// A try at somebody's credentials, counted until it ends well.
    class SignInAttempt;
    struct Proved {
        User user;
        std::string method;
        std::int64_t password_version = 0;  // of the one that was right; 0 = none is kept here
        std::string role_kept;              // as in Admitted
    };

    [[nodiscard]] AuthSettings settings() const;
    [[nodiscard]] std::string link(std::string_view page, const Secret& token) const;
    void tell(std::string what, const ApiRequest& request, const User& user, std::string detail = {}) const;

    /// The request for work that is done after it was answered: what that tells is of its own.
    static ApiRequest after_answer(const ApiRequest& request);
    /// Before what `tell` says afterwards is done by somebody who is not signed in.
    [[nodiscard]] Result<void> intend(std::string what, const ApiRequest& request, const User& user) const;

    /// `why` takes what only the audit is told of a refusal.
    Result<Proved> check_password(const std::string& email, const std::string& password, std::string* why = nullptr);
    Result<Proved> check_directory(DirectoryClient& directory, const std::string& typed, const std::string& password,
                                   std::string* why);
    [[nodiscard]] std::shared_ptr<DirectoryClient> directory() const;  // null = none is configured
    /// Whether the password of whoever has this address is kept here.
    Result<bool> has_password(const std::string& email) const;
    /// Empty on success.
    std::optional<ApiResponse> check_second_factor(const User& user, const std::optional<StoredTotp>& factor,
                                                   const nlohmann::json& body);
    /// The signed-in person, after another look at their password.
    Result<Proved> confirmed_person(const ApiRequest& request, const std::string& password);
    Result<User> person(const ApiRequest& request);
    /// A new session, as tokens or as a cookie.
    ApiResponse start_session(const ApiRequest& request, const User& user, const std::string& method, bool browser);
    Result<std::string> access_token(const SignInSession& session, UnixMicros now);
    Result<nlohmann::ordered_json> token_body(const SignInSession& session, const User& user, const Secret& refresh);
    Result<Principal> principal_of_session(const std::optional<SignInSession>& session, bool by_cookie);

    /// Somebody whom a provider or a directory vouches for.
    struct Outside {
        std::string provider, subject, email, name;
        bool email_verified = false;
        std::optional<Role> role;
        std::string groups;         // that came, for the audit
        bool roles_wanted = false;  // without a role they stay out
        bool sign_up = false;
        /// The address alone says who they are, whatever their subject was linked to, and never somebody whose password
        /// is kept here.
        bool by_address = false;
    };
    struct Admitted {
        User user;
        std::string role_kept;  // why a last owner keeps a role that their groups do not give; empty = nothing to tell
    };
    /// Their user, made or linked where that is allowed.
    Result<Admitted> admit(const Outside& person);
    /// Has their groups decide what they are; the last owner stays one. What `Admitted::role_kept` is.
    Result<std::string> take_mapped_role(const Outside& person, const User& user);
    /// What the audit is told of somebody who was not admitted: what they came with.
    static std::string came_with(const Outside& person);
    /// The end of a browser's way through a provider: a code that `redeem_code` takes, shown on a page.
    ApiResponse show_code(const ApiRequest& request, const User& user, const std::string& method,
                          const std::string& challenge);
    Result<User> user_called(const std::string& called);
    /// Whether who asks may take the second factor of `user` away: by their rank wherever that one belongs to.
    Result<void> check_outranks(const Principal& who, const User& user);
    Result<void> link_outside(const Outside& person, const std::optional<OutsideLink>& known, const User& user);
    Result<std::shared_ptr<OidcClient>> oidc_client(const std::string& name) const;
    [[nodiscard]] std::string base_url() const;

    /// `version` is that of the password which it replaces; none = whichever it is.
    Result<void> set_new_password(const User& user, const std::string& password,
                                  std::optional<std::int64_t> version = std::nullopt);
    Result<Secret> make_ticket(Ticket ticket);
    /// What whoever made an invitation to `org` may give now; none = they may not invite any more.
    Result<std::optional<Role>> rank_of_inviter(const nlohmann::json& invitation, const std::string& org) const;
    /// Whether this invitation may be made of somebody who is a member already.
    Result<void> check_invited_member(const Principal& inviter, const std::string& email, Role role);
    /// In the background; what goes wrong is in the log.
    void send(Mail mail);
    /// Sends it now; what goes wrong is in the log as well.
    Result<void> sent(const MailSettings& how, const Mail& mail, const OutsideLimit& limit);
    /// A ticket and the mail that brings its link.
    struct LinkMail {
        Ticket ticket;
        std::string mailed_detail;  // the ticket's detail once its link has reached the address alone
        std::string page;
        Mail mail;  // `{link}` in its text becomes the link
    };
    /// Where no mail is configured, or the mail server does not take this one, the answer holds a link; the one in a
    /// mail that was refused, or may still come, is worth nothing then. Sets `mailed`, and `problem` when a mail was
    /// refused.
    Result<void> deliver(LinkMail what, nlohmann::ordered_json& answer);

    class Prepared;
    /// A user of the configuration, with the hash of their password where another one or none is stored.
    struct FixedUser {
        std::string email;
        Role role = Role::member;
        Secret password;
        std::optional<std::string> hash;
        std::int64_t version = 0;  // of the password that the hash replaces
    };
    Result<FixedUser> prepare_user(const ConfiguredUser& wanted);
    Result<void> store_user(const FixedUser& wanted);
    Result<void> store_password(const FixedUser& wanted, const User& user);

    CredentialStore& store_;
    const SecretBox box_;
    Users& users_;
    const Clock& clock_;
    OutsideCalls* const outside_;  // may be null
    const PasswordHasher hasher_;
    KeyRing keys_;
    Throttle accounts_;
    Throttle addresses_;
    Throttle mails_;  // to one address
    std::function<void(const SignInEvent&)> on_event_;
    std::function<Result<void>(const SignInEvent&)> before_change_;

    mutable std::mutex mutex_;  // what follows
    AuthSettings settings_;
    std::vector<std::shared_ptr<OidcClient>> oidc_;
    std::shared_ptr<DirectoryClient> directory_;  // null = none
    std::string address_;
    IdGenerator ids_;
    UnixMicros pruned_ = 0;
    std::string mail_problem_;  // why the last mail was not sent; empty = it was

    Background background_;  // last: its thread uses the others
};

/// The routes over `service`, which must outlive them.
std::vector<ApiRoute> sign_in_routes(SignInService& service);

/// Lower case, no space around.
std::string normal_email(std::string_view text);

}  // namespace lurus::signin
