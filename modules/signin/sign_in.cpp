// Signing in and out, refreshing, the list of sessions.
#include <nlohmann/json.hpp>

#include "core/crypto/random_text.hpp"
#include "core/crypto/sha256.hpp"
#include "core/http/problem.hpp"
#include "modules/signin/attempt.hpp"
#include "modules/signin/cookie.hpp"
#include "modules/signin/ldap.hpp"
#include "modules/signin/service.hpp"
#include "modules/signin/totp.hpp"

namespace lurus::signin {
namespace {

constexpr std::int64_t prune_every = 3600'000'000;  // microseconds

Error wrong_credentials() {
    return Error(ErrorCode::unauthenticated, "the address or the password is wrong");
}

std::string cut(std::string_view text) {
    return std::string(text.substr(0, 200));
}

}  // namespace

// Whoever does not exist, has no password or may not sign in costs as much time and gets the same answer.
Result<SignInService::Proved> SignInService::check_password(const std::string& email, const std::string& password,
                                                            std::string* why) {
    auto user = users_.find_by_email(email);
    if (!user && user.error().code != ErrorCode::not_found && user.error().code != ErrorCode::invalid_argument)
        return std::unexpected(user.error());
    std::optional<StoredPassword> stored;
    if (user) {
        auto read = store_.password(user->id);
        if (!read) return std::unexpected(read.error());
        stored = *std::move(read);
    }
    if (!stored) {
        // The directory is asked about whoever has no password here: it alone knows whether there is somebody.
        if (const auto asked = directory()) return check_directory(*asked, email, password, why);
        hasher_.pretend(password);
        return std::unexpected(wrong_credentials());
    }
    const PasswordCheck verdict = hasher_.verify(password, stored->hash);
    const bool may = user->status == UserStatus::active || user->status == UserStatus::invited;
    if (verdict == PasswordCheck::wrong || !may) return std::unexpected(wrong_credentials());
    if (verdict == PasswordCheck::outdated) {
        const auto better = hasher_.hash(password);
        if (!better) return std::unexpected(better.error());
        const auto version = store_.rehash_password(user->id, *better, stored->version);
        // Who signs in at once may have been faster.
        if (!version && version.error().code != ErrorCode::conflict) return std::unexpected(version.error());
        if (version) stored->version = *version;
    }
    return Proved{*std::move(user), "password", stored->version, {}};
}

// What keeps everybody out is for whoever runs the gateway: who asks, who may be anybody, learns no address from it.
Result<SignInService::Proved> SignInService::check_directory(DirectoryClient& directory, const std::string& typed,
                                                             const std::string& password, std::string* why) {
    const auto person = directory.check(typed, password);
    if (!person && person.error().code == ErrorCode::unauthenticated) return std::unexpected(wrong_credentials());
    if (!person)
        return fail(ErrorCode::unavailable,
                    "signing in with the directory is not possible now; try again later, or tell whoever runs the "
                    "gateway");
    auto address = ldap_address(*person, typed);
    if (!address) return std::unexpected(address.error());
    const LdapSettings& how = directory.settings();
    Outside outside;
    outside.provider = "ldap";
    outside.subject = person->dn;
    outside.email = *std::move(address);
    outside.name = person->name;
    outside.email_verified = true;  // the directory's own word
    outside.role = role_of_groups(how.roles, person->groups);
    outside.groups = shown_names(person->groups);
    outside.roles_wanted = !how.roles.empty();
    outside.sign_up = how.sign_up;
    outside.by_address = true;
    auto admitted = admit(outside);
    if (!admitted && why != nullptr) *why = "ldap: " + admitted.error().message + came_with(outside);
    if (!admitted) return std::unexpected(admitted.error());
    return Proved{std::move(admitted->user), "ldap", 0, std::move(admitted->role_kept)};
}

std::optional<ApiResponse> SignInService::check_second_factor(const User& user, const std::optional<StoredTotp>& factor,
                                                              const nlohmann::json& body) {
    if (!factor || !factor->confirmed) return std::nullopt;
    const std::string code = text_in(body, "totp"), recovery = text_in(body, "recovery_code");
    if (code.empty() && recovery.empty()) {
        ApiResponse wanted = problem(401, "a second factor is needed: send `totp` or `recovery_code` as well");
        auto extended = nlohmann::ordered_json::parse(wanted.body);
        extended["totp_required"] = true;
        wanted.body = extended.dump();
        return wanted;
    }
    const UnixMicros now = clock_.now();
    if (!recovery.empty()) {
        const auto taken = store_.take_recovery_code(user.id, recovery_hash(user.id, recovery), now);
        if (!taken) return problem(taken.error());
        if (*taken) return std::nullopt;
        return problem(401, "the recovery code is wrong or was used");
    }
    const auto secret = box_.open(factor->sealed, "totp " + user.id);
    if (!secret) return problem(secret.error());
    if (const auto step = totp_step(*secret, code, now)) {
        const auto taken = store_.take_totp_step(user.id, factor->version, *step);
        if (!taken) return problem(taken.error());
        if (*taken) return std::nullopt;
    }
    return problem(401, "the second factor's code is wrong or was used");
}

ApiResponse SignInService::login(const ApiRequest& request) {
    const auto body = body_of(request, {"!email", "!password", "totp", "recovery_code", "session?"});
    if (!body) return problem(body.error());
    const std::string email = normal_email(text_in(*body, "email"));
    SignInAttempt attempt(*this, request, email);
    User unknown;
    unknown.email = cut(email);
    if (auto refused = attempt.refusal()) {
        tell("sign-in refused", request, unknown, "too many tries");
        return *refused;
    }
    std::string why;
    auto proved = check_password(email, text_in(*body, "password"), &why);
    if (!proved) {
        if (proved.error().code == ErrorCode::unavailable)
            attempt.undecided();
        else
            tell("sign-in refused", request, unknown, why.empty() ? proved.error().message : why);
        return problem(proved.error());
    }
    if (!proved->role_kept.empty()) tell("role kept", request, proved->user, proved->role_kept);
    if (proved->user.status == UserStatus::invited) {
        tell("sign-in refused", request, proved->user, "the address is not verified yet");
        return problem(403, "the address is not verified yet; the mail that was sent to it holds a link");
    }
    const auto factor = store_.totp(proved->user.id);
    if (!factor) {
        attempt.undecided();
        return problem(factor.error());
    }
    if (auto refused = check_second_factor(proved->user, *factor, *body)) {
        if (refused->status >= 500) attempt.undecided();
        if (refused->status == 401) tell("sign-in refused", request, proved->user, "second factor");
        return *refused;
    }
    attempt.succeeded();
    return start_session(request, proved->user, proved->method, flag_in(*body, "session"));
}

ApiResponse SignInService::start_session(const ApiRequest& request, const User& user, const std::string& method,
                                         bool browser) {
    const AuthSettings set = settings();
    const UnixMicros now = clock_.now();
    SignInSession session;
    session.user = user.id;
    session.method = method;
    session.created = now;
    session.expires = now + set.session_ms * 1000;
    session.address = request.remote_address;
    session.user_agent = cut(request.header("user-agent"));
    session.browser = browser;
    bool prune = false;
    {
        const std::scoped_lock lock(mutex_);
        session.id = ids_.next(now).hex();
        prune = now - pruned_ > prune_every;
        if (prune) pruned_ = now;
    }
    if (prune) (void)store_.prune(now, now - KeyRing::verifies_for);  // the next one tries again
    const auto secret = make_key(browser ? "lss_" : "lrt_");
    if (!secret) return problem(secret.error());
    const SecretHash hash = sha256(secret->reveal());
    const std::optional<SecretHash> none;
    const std::optional<SecretHash> some = hash;
    if (auto added = store_.add_session(session, browser ? some : none, browser ? none : some); !added)
        return problem(added.error());
    tell("signed in", request, user, method);
    if (!browser) {
        const auto tokens = token_body(session, user, *secret);
        return tokens ? json_answer(200, *tokens) : problem(tokens.error());
    }
    ApiResponse response = json_answer(200, {{"expires_in", set.session_ms / 1000},
                                             {"user", {{"id", user.id}, {"email", user.email}, {"name", user.name}}}});
    response.headers.emplace_back("set-cookie", set_cookie(Cookie::session, cookie_kind(request, set.public_url),
                                                           secret->reveal(), set.session_ms / 1000));
    return response;
}

ApiResponse SignInService::refresh(const ApiRequest& request) {
    const auto body = body_of(request, {"!refresh_token"});
    if (!body) return problem(body.error());
    const auto next = make_key("lrt_");
    if (!next) return problem(next.error());
    const auto rotated = store_.rotate(sha256(text_in(*body, "refresh_token")), sha256(next->reveal()), clock_.now());
    if (!rotated) return problem(rotated.error());
    switch (rotated->outcome) {
        case Rotation::unknown: return problem(401, "the refresh token is not known here; sign in again");
        case Rotation::ended: return problem(401, "the session is over; sign in again");
        case Rotation::reused: {
            User user;
            user.id = rotated->session.user;
            tell("refresh token reused", request, user, "the session was ended");
            return problem(401,
                           "this refresh token was used before, so somebody else may have it: the session was ended; "
                           "sign in again");
        }
        case Rotation::rotated: break;
    }
    const auto user = users_.find(rotated->session.user);
    if (!user && user.error().code != ErrorCode::not_found) return problem(user.error());
    if (!user || user->status != UserStatus::active) return problem(401, "the session is over; sign in again");
    const auto tokens = token_body(rotated->session, *user, *next);
    return tokens ? json_answer(200, *tokens) : problem(tokens.error());
}

ApiResponse SignInService::logout(const ApiRequest& request) {
    const auto body = body_of(request, {"all?"});
    if (!body) return problem(body.error());
    const auto user = person(request);
    if (!user) return problem(user.error());
    const auto ended = flag_in(*body, "all")
                           ? store_.end_sessions(user->id, "signed out everywhere", clock_.now())
                           : store_.end_session(request.principal.credential.value_or(""), "signed out", clock_.now());
    if (!ended) return problem(ended.error());
    tell("signed out", request, *user);
    ApiResponse response = no_content();
    if (request.principal.by_cookie) {
        response.headers.emplace_back("set-cookie",
                                      set_cookie(Cookie::session, cookie_kind(request, settings().public_url), "", 0));
    }
    return response;
}

ApiResponse SignInService::list_sessions(const ApiRequest& request) {
    const auto user = person(request);
    if (!user) return problem(user.error());
    const auto sessions = store_.sessions(user->id, clock_.now());
    if (!sessions) return problem(sessions.error());
    auto data = nlohmann::ordered_json::array();
    for (const auto& session : *sessions) {
        data.push_back({{"id", session.id},
                        {"method", session.method},
                        {"created", format_time(session.created)},
                        {"expires", format_time(session.expires)},
                        {"address", session.address},
                        {"user_agent", session.user_agent},
                        {"browser", session.browser},
                        {"current", request.principal.credential == session.id}});
    }
    return json_answer(200, {{"data", data}});
}

ApiResponse SignInService::end_session(const ApiRequest& request) {
    const auto user = person(request);
    if (!user) return problem(user.error());
    const auto& id = request.params.at("id");
    const auto session = store_.session(id);
    if (!session) return problem(session.error());
    // Somebody else's is answered as one that is not there.
    if (!*session || (*session)->user != user->id || !(*session)->live_at(clock_.now()))
        return problem(404, "you have no such session");
    if (auto ended = store_.end_session(id, "ended from another session", clock_.now()); !ended)
        return problem(ended.error());
    tell("signed out", request, *user, "another session");
    return no_content();
}

}  // namespace lurus::signin
