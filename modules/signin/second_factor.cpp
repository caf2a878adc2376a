// Enrolling, confirming and removing a second factor.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/http/problem.hpp"
#include "modules/signin/service.hpp"
#include "modules/signin/totp.hpp"

namespace lurus::signin {

ApiResponse SignInService::show_totp(const ApiRequest& request) {
    const auto user = person(request);
    if (!user) return problem(user.error());
    const auto factor = store_.totp(user->id);
    if (!factor) return problem(factor.error());
    const bool enabled = *factor && (*factor)->confirmed;
    return json_answer(200, {{"enabled", enabled}, {"recovery_codes", enabled ? (*factor)->recovery_codes : 0}});
}

ApiResponse SignInService::enrol_totp(const ApiRequest& request) {
    const auto body = body_of(request, {"!password"});
    if (!body) return problem(body.error());
    const auto proved = confirmed_person(request, text_in(*body, "password"));
    if (!proved) return problem(proved.error());
    const User& user = proved->user;
    const auto secret = make_totp_secret();
    if (!secret) return problem(secret.error());
    const auto sealed = box_.seal(secret->reveal(), "totp " + user.id);
    if (!sealed) return problem(sealed.error());
    if (auto stored = store_.enrol_totp(user.id, *sealed, clock_.now()); !stored) return problem(stored.error());
    const auto text = totp_secret_text(*secret);
    const auto uri = totp_uri(*secret, user.email);
    if (!text || !uri) return problem(text ? uri.error() : text.error());
    return json_answer(200, {{"secret", std::string(text->reveal())}, {"uri", std::string(uri->reveal())}});
}

ApiResponse SignInService::confirm_totp(const ApiRequest& request) {
    const auto body = body_of(request, {"!code"});
    if (!body) return problem(body.error());
    const auto user = person(request);
    if (!user) return problem(user.error());
    const auto factor = store_.totp(user->id);
    if (!factor) return problem(factor.error());
    if (!*factor || (*factor)->confirmed) return problem(409, "there is no second factor that waits to be confirmed");
    const auto secret = box_.open((*factor)->sealed, "totp " + user->id);
    if (!secret) return problem(secret.error());
    const auto step = totp_step(*secret, text_in(*body, "code"), clock_.now());
    if (!step) return problem(403, "the code is wrong; is the device's clock right?");
    const auto codes = make_recovery_codes();
    if (!codes) return problem(codes.error());
    std::vector<SecretHash> hashes;
    auto shown = nlohmann::ordered_json::array();
    for (const auto& code : *codes) {
        hashes.push_back(recovery_hash(user->id, code.reveal()));
        shown.push_back(std::string(code.reveal()));
    }
    if (auto done = store_.confirm_totp(user->id, (*factor)->version, *step, hashes, clock_.now()); !done)
        return problem(done.error());
    tell("second factor added", request, *user);
    return json_answer(200, {{"recovery_codes", shown}});
}

// The password and the factor itself: a stolen session alone must not be able to take it away.
ApiResponse SignInService::disable_totp(const ApiRequest& request) {
    const auto body = body_of(request, {"!password", "totp", "recovery_code"});
    if (!body) return problem(body.error());
    const auto proved = confirmed_person(request, text_in(*body, "password"));
    if (!proved) return problem(proved.error());
    const User& user = proved->user;
    const auto factor = store_.totp(user.id);
    if (!factor) return problem(factor.error());
    if (auto refused = check_second_factor(user, *factor, *body)) {
        if (refused->status == 401) return problem(403, "the second factor's code is missing, wrong or was used");
        return *refused;
    }
    if (*factor) {
        if (auto done = store_.drop_totp(user.id, (*factor)->version); !done) return problem(done.error());
    }
    tell("second factor removed", request, user);
    return no_content();
}

Result<void> SignInService::check_outranks(const Principal& who, const User& user) {
    const Error absent(ErrorCode::not_found, "there is no such user");
    if (who.kind == Principal::Kind::admin_token) return {};
    if (who.kind != Principal::Kind::user)
        return fail(ErrorCode::permission_denied, "this is for people who are signed in, not for a token of a service");
    if (who.user == user.id)
        return fail(
            ErrorCode::permission_denied,
            "this is your own second factor: remove it with your password and a code, or let another owner do it");
    if (who.may(Permission::operate)) return {};
    const auto theirs = users_.memberships(user.id), own = users_.memberships(who.user);
    if (!theirs) return std::unexpected(theirs.error());
    if (!own) return std::unexpected(own.error());
    if (std::ranges::none_of(*theirs, [&](const Member& place) { return place.org == who.org; }))
        return std::unexpected(absent);
    // One sign-in opens all of somebody's organisations: whoever takes its second factor away answers for each.
    for (const auto& place : *theirs) {
        const auto mine = std::ranges::find_if(
            *own, [&](const Member& member) { return member.org == place.org && !member.disabled; });
        const bool outranks = mine != own->end() &&
                              (mine->role == Role::owner || (mine->role == Role::admin && place.role < Role::admin));
        if (!outranks)
            return fail(ErrorCode::permission_denied,
                        "only an owner may remove the second factor of an admin or an owner, and who belongs to other "
                        "organisations as well is for the owners of the installation");
    }
    return {};
}

// By address, by their id, or by that of a membership, which lists of members show.
Result<User> SignInService::user_called(const std::string& called) {
    if (called.find('@') != std::string::npos) return users_.find_by_email(normal_email(called));
    const auto member = users_.member(called);
    auto user = users_.find(member && !member->user.empty() ? member->user : called);
    if (user && user->status == UserStatus::erased) return fail(ErrorCode::not_found, "there is no such user");
    return user;
}

ApiResponse SignInService::reset_totp(const ApiRequest& request) {
    const auto body = body_of(request, {"!user"});
    if (!body) return problem(body.error());
    const auto user = user_called(text_in(*body, "user"));
    if (!user) return problem(user.error());
    if (user->status == UserStatus::erased) return problem(404, "there is no such user");
    if (auto ok = check_outranks(request.principal, *user); !ok) return problem(ok.error());
    const auto factor = store_.totp(user->id);
    if (!factor) return problem(factor.error());
    if (!*factor || !(*factor)->confirmed) return problem(404, "this user has no second factor");
    if (auto done = store_.reset_totp(user->id, (*factor)->version, clock_.now()); !done) return problem(done.error());
    const Principal& who = request.principal;
    const std::string by = who.kind == Principal::Kind::user ? who.name : "the administrator of the machine";
    tell("second factor removed by somebody else", request, *user, "by " + by + "; all sessions ended");
    const bool mailed = settings().mail.any();
    send({user->email, "Your second factor was removed",
          "The second factor of your Lurus account " + user->email + " was removed by " + by +
              ", and everybody who was signed in to it is signed out. Your password alone opens it now: sign in and "
              "add a new one.\n\nDid you not ask for this? Change your password and tell whoever runs the gateway.\n"});
    return json_answer(200, {{"user", user->id}, {"email", user->email}, {"mailed", mailed}});
}

}  // namespace lurus::signin
