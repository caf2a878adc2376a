#include "modules/signin/service.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "core/crypto/random_text.hpp"
#include "core/crypto/sha256.hpp"
#include "core/http/url.hpp"
#include "core/text/ascii.hpp"
#include "lurus/ids.hpp"
#include "lurus/request_context.hpp"
#include "modules/signin/cookie.hpp"

namespace lurus {
namespace signin {

std::string normal_email(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return lower_case(text);
}

SignInService::SignInService(CredentialStore& store, SecretBox box, Users& users, const Clock& clock, Argon2Cost cost,
                             OutsideCalls* outside)
    : store_(store),
      box_(box),
      users_(users),
      clock_(clock),
      outside_(outside),
      hasher_(cost),
      keys_(store_, std::move(box), clock),
      addresses_({.free_failures = 20}),
      mails_({.free_failures = 3, .first_wait = 300'000'000, .longest_wait = 3600'000'000}) {
    users_.on_erase([this](std::string_view user) {
        if (auto done = store_.forget(user); !done)
            spdlog::error("erasing a user's credentials: {}", done.error().message);
    });
}

AuthSettings SignInService::settings() const {
    const std::scoped_lock lock(mutex_);
    return settings_;
}

std::shared_ptr<DirectoryClient> SignInService::directory() const {
    const std::scoped_lock lock(mutex_);
    return directory_;
}

Result<bool> SignInService::has_password(const std::string& email) const {
    const auto user = users_.find_by_email(email);
    if (!user && user.error().code == ErrorCode::not_found) return false;
    if (!user) return std::unexpected(user.error());
    const auto stored = store_.password(user->id);
    if (!stored) return std::unexpected(stored.error());
    return stored->has_value();
}

void SignInService::set_address(std::string url) {
    const std::scoped_lock lock(mutex_);
    address_ = std::move(url);
}

class SignInService::Prepared final : public PreparedConfiguration {
public:
    Prepared(SignInService& service, AuthSettings settings) : settings_(std::move(settings)), service_(service) {
        for (const auto& provider : settings_.oidc)
            oidc_.push_back(std::make_shared<OidcClient>(provider, service_.clock_, service_.outside_));
        if (!settings_.ldap.empty())
            directory_ = std::make_shared<DirectoryClient>(settings_.ldap.front(), service_.clock_, service_.outside_);
    }

    Result<void> store() override {
        // Who becomes an owner comes first, so that another may cease to be the last one.
        std::ranges::stable_sort(users, std::ranges::greater(), &FixedUser::role);
        for (const auto& user : users) {
            if (auto done = service_.store_user(user); !done) return std::unexpected(of_user(user.email, done.error()));
        }
        return {};
    }
    void commit() override {
        const std::scoped_lock lock(service_.mutex_);
        service_.settings_ = std::move(settings_);
        service_.oidc_ = std::move(oidc_);
        service_.directory_ = std::move(directory_);
    }
    static Error of_user(const std::string& email, const Error& error) {
        return Error(error.code, "user `" + email + "` of the configuration: " + error.message,
                     ErrorSubject("user", email));
    }

    std::vector<FixedUser> users;

private:
    AuthSettings settings_;
    std::vector<std::shared_ptr<OidcClient>> oidc_;
    std::shared_ptr<DirectoryClient> directory_;
    SignInService& service_;
};

Result<std::unique_ptr<PreparedConfiguration>> SignInService::prepare(const AuthSettings& settings,
                                                                      const std::vector<ConfiguredUser>& users) {
    auto prepared = std::make_unique<Prepared>(*this, settings);
    for (const auto& user : users) {
        auto fixed = prepare_user(user);
        if (!fixed) return std::unexpected(Prepared::of_user(user.email, fixed.error()));
        prepared->users.push_back(*std::move(fixed));
    }
    return prepared;
}

// What somebody wrote into the file was meant: its password is judged by no rule, only never empty.
Result<SignInService::FixedUser> SignInService::prepare_user(const ConfiguredUser& wanted) {
    if (wanted.password.empty()) return fail(ErrorCode::invalid_argument, "the password is empty");
    FixedUser fixed;
    fixed.email = wanted.email;
    fixed.role = wanted.role;
    fixed.password = wanted.password;
    const auto user = users_.find_by_email(wanted.email);
    if (!user && user.error().code != ErrorCode::not_found) return std::unexpected(user.error());
    if (user) {
        const auto stored = store_.password(user->id);
        if (!stored) return std::unexpected(stored.error());
        if (*stored) {
            if (hasher_.verify(wanted.password.reveal(), (*stored)->hash) != PasswordCheck::wrong) return fixed;
            fixed.version = (*stored)->version;
        }
    }
    auto hash = hasher_.hash(wanted.password.reveal());
    if (!hash) return std::unexpected(hash.error());
    fixed.hash = *std::move(hash);
    return fixed;
}

Result<void> SignInService::store_user(const FixedUser& wanted) {
    auto user = users_.find_by_email(wanted.email);
    if (!user && user.error().code == ErrorCode::not_found) {
        NewUser fresh;
        fresh.email = wanted.email;
        fresh.status = UserStatus::active;
        fresh.email_verified = true;
        fresh.role = wanted.role;
        user = users_.create(fresh);
        // Another process starts with the same configuration.
        if (!user && user.error().code == ErrorCode::conflict) user = users_.find_by_email(wanted.email);
    }
    if (!user) return std::unexpected(user.error());
    if (user->status == UserStatus::invited) {
        if (auto done = users_.set_status(user->id, UserStatus::active); !done) return done;
        if (auto done = users_.set_email_verified(user->id); !done) return done;
    }
    if (auto done = users_.set_role(default_org, user->id, wanted.role); !done) return std::unexpected(done.error());
    return wanted.hash ? store_password(wanted, *user) : Result<void>();
}

Result<void> SignInService::store_password(const FixedUser& wanted, const User& user) {
    auto done = store_.set_password(user.id, *wanted.hash, wanted.version, clock_.now());
    if (done || done.error().code != ErrorCode::conflict) return done;
    // Another process starts with the same configuration, or the password was changed since it was looked at: the
    // configuration's wins.
    const auto stored = store_.password(user.id);
    if (!stored) return std::unexpected(stored.error());
    if (*stored && hasher_.verify(wanted.password.reveal(), (*stored)->hash) != PasswordCheck::wrong) return {};
    return store_.set_password(user.id, *wanted.hash, *stored ? (*stored)->version : 0, clock_.now());
}

Result<void> SignInService::set_new_password(const User& user, const std::string& password,
                                             std::optional<std::int64_t> version) {
    const auto hash = hasher_.hash(password);
    if (!hash) return std::unexpected(hash.error());
    if (!version) {
        const auto stored = store_.password(user.id);
        if (!stored) return std::unexpected(stored.error());
        version = *stored ? (*stored)->version : 0;
    }
    return store_.set_password(user.id, *hash, *version, clock_.now());
}

std::string SignInService::base_url() const {
    const std::scoped_lock lock(mutex_);
    std::string base = settings_.public_url.empty() ? address_ : settings_.public_url;
    while (base.ends_with('/')) base.pop_back();
    return base;
}

// In the fragment, which browsers send to no server and no log.
std::string SignInService::link(std::string_view page, const Secret& token) const {
    return base_url() + "/console/" + std::string(page) + "#token=" + percent_encode(token.reveal());
}

void SignInService::tell(std::string what, const ApiRequest& request, const User& user, std::string detail) const {
    if (!on_event_) return;
    on_event_({std::move(what), user.id, user.email, request.remote_address, std::move(detail), request.context.get()});
}

Result<void> SignInService::intend(std::string what, const ApiRequest& request, const User& user) const {
    if (!before_change_) return {};
    return before_change_({std::move(what), user.id, user.email, request.remote_address, "", request.context.get()});
}

ApiRequest SignInService::after_answer(const ApiRequest& request) {
    ApiRequest later = request;
    later.context = std::make_shared<RequestContext>();
    return later;
}

Result<Secret> SignInService::make_ticket(Ticket ticket) {
    auto token = make_key("lnk_");
    if (!token) return token;
    if (auto added = store_.add_ticket(sha256(token->reveal()), ticket, clock_.now()); !added)
        return std::unexpected(added.error());
    return token;
}

Result<Principal> SignInService::principal_of_session(const std::optional<SignInSession>& session, bool by_cookie) {
    if (!session || !session->live_at(clock_.now()))
        return fail(ErrorCode::unauthenticated, "the session is over; sign in again");
    Principal who;
    who.kind = Principal::Kind::user;
    who.user = session->user;
    who.by_cookie = by_cookie;
    who.credential = session->id;
    who.until = session->expires;
    return who;
}

Result<Principal> SignInService::principal(const ApiRequest& request, std::string_view bearer) {
    if (bearer.empty()) {
        const auto cookie = cookie_value(request, Cookie::session, settings().public_url);
        if (cookie.empty()) return Principal();
        const auto session = store_.session_of_cookie(sha256(cookie));
        if (!session) return std::unexpected(session.error());
        return principal_of_session(*session, true);
    }
    const auto payload = keys_.verify("at+jwt", bearer);
    if (!payload) {
        if (payload.error().code != ErrorCode::unauthenticated) return std::unexpected(payload.error());
        return fail(ErrorCode::unauthenticated, "this is neither the admin token nor an access token of this server");
    }
    const auto claims = nlohmann::json::parse(*payload, nullptr, false);
    const UnixMicros now = clock_.now();
    if (!claims.is_object() || claims.value("aud", "") != "lurus" || claims.value("exp", 0ll) <= now / 1'000'000)
        return fail(ErrorCode::unauthenticated, "the access token has expired; refresh it");
    if (claims.value("kind", "") == "service") {
        Principal who;
        who.kind = Principal::Kind::service;
        who.member = claims.value("sub", "");
        who.org = claims.value("org", "");
        who.scope = claims.value("scope_bits", 0u);
        who.credential = claims.value("jti", "");
        who.until = claims.value("exp", 0ll) * 1'000'000;
        return who;
    }
    const auto session = store_.session(claims.value("sid", ""));
    if (!session) return std::unexpected(session.error());
    return principal_of_session(*session, false);
}

std::vector<ApiRoute> SignInService::api() {
    return sign_in_routes(*this);
}

}  // namespace signin

Result<std::unique_ptr<SignIn>> make_sign_in(const SignInSettings& settings, CredentialStore& store, Users& users,
                                             const Clock& clock) {
    auto box = settings.master_key.empty() ? SecretBox::from_file(settings.data_dir)
                                           : SecretBox::from_text(settings.master_key);
    if (!box && !settings.master_key.empty()) return fail(box.error().code, "LURUS_MASTER_KEY: " + box.error().message);
    if (!box) return std::unexpected(box.error());
    return std::make_unique<signin::SignInService>(store, *std::move(box), users, clock, signin::Argon2Cost(),
                                                   settings.outside);
}

}  // namespace lurus
