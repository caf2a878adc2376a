// Changing, resetting and importing passwords.
#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"
#include "core/http/problem.hpp"
#include "modules/signin/attempt.hpp"
#include "modules/signin/service.hpp"

namespace lurus::signin {
namespace {

constexpr std::int64_t reset_lives = 3600'000'000;  // microseconds
constexpr const char* by_mail = "mailed";           // a ticket's detail: its link reached the address

}  // namespace

Result<User> SignInService::person(const ApiRequest& request) {
    if (request.principal.kind != Principal::Kind::user)
        return fail(ErrorCode::permission_denied, "this is for people who are signed in, not for a token of a service");
    return users_.find(request.principal.user);
}

Result<SignInService::Proved> SignInService::confirmed_person(const ApiRequest& request, const std::string& password) {
    auto user = person(request);
    if (!user) return std::unexpected(user.error());
    SignInAttempt attempt(*this, request, user->email);
    if (attempt.refusal()) return fail(ErrorCode::resource_exhausted, "too many failed tries; wait before the next");
    auto proved = check_password(user->email, password);
    if (!proved && proved.error().code == ErrorCode::unauthenticated)
        return fail(ErrorCode::permission_denied, "the current password is wrong");
    if (!proved) {
        attempt.undecided();
        return std::unexpected(proved.error());
    }
    attempt.succeeded();
    if (!proved->role_kept.empty()) tell("role kept", request, *user, proved->role_kept);
    proved->user = *std::move(user);
    return proved;
}

ApiResponse SignInService::change_password(const ApiRequest& request) {
    const auto body = body_of(request, {"!current_password", "!new_password"});
    if (!body) return problem(body.error());
    const auto proved = confirmed_person(request, text_in(*body, "current_password"));
    if (!proved) return problem(proved.error());
    const User& user = proved->user;
    const std::string password = text_in(*body, "new_password");
    if (auto ok = check_strength(password, user.email, settings().min_password_length); !ok) return problem(ok.error());
    const auto done = set_new_password(user, password, proved->password_version);
    if (!done && done.error().code == ErrorCode::conflict)
        return problem(409, "the password was changed elsewhere meanwhile; sign in with the new one");
    if (!done) return problem(done.error());
    tell("password changed", request, user, "all sessions ended");
    send(
        {user.email, "Your password was changed",
         "The password of your Lurus account " + user.email +
             " was changed, and everybody who was signed in to it is signed out.\n\nWas it not you? Reset the password "
             "and tell whoever runs the gateway.\n"});
    return no_content();
}

// Everything that depends on whether there is such a user happens after the answer.
ApiResponse SignInService::ask_reset(const ApiRequest& request) {
    const auto body = body_of(request, {"!email"});
    if (!body) return problem(body.error());
    if (!settings().mail.any())
        return problem(503, "no mail is configured here, so no link can be sent; ask whoever runs the gateway");
    const std::string email = normal_email(text_in(*body, "email"));
    const std::int64_t now = clock_.monotonic_us();
    const std::string from = throttle_address(request.remote_address);
    const bool too_many =
        mails_.begin(email, now) != 0 || (!from.empty() && addresses_.begin("mails from " + from, now) != 0);
    if (!too_many) {
        const bool taken = background_.post([this, request = after_answer(request), email] {
            const auto user = users_.find_by_email(email);
            if (!user || user->status == UserStatus::disabled || user->status == UserStatus::erased) return;
            Ticket ticket;
            ticket.purpose = "reset";
            ticket.subject = user->id;
            ticket.detail = by_mail;
            ticket.expires = clock_.now() + reset_lives;
            const auto token = make_ticket(std::move(ticket));
            if (!token) return;
            tell("password reset asked for", request, *user);
            send({user->email, "Reset your password",
                  "Somebody, hopefully you, asked for a new password for the Lurus account " + user->email +
                      ". Choose one here within an hour:\n\n" + link("reset", *token) +
                      "\n\nOtherwise ignore this mail; nothing has changed.\n"});
        });
        if (!taken) return problem(503, "too much waits to be sent; try again in a minute");
    }
    return json_answer(202, {{"message", "if there is such an account, a link is on its way to it"}});
}

ApiResponse SignInService::make_reset_link(const ApiRequest& request) {
    const auto body = body_of(request, {"email", "user"});
    if (!body) return problem(body.error());
    const std::string email = normal_email(text_in(*body, "email")), called = text_in(*body, "user");
    if (email.empty() == called.empty()) return problem(400, "give `user` (address or id) or `email`, one of them");
    const auto user = email.empty() ? user_called(called) : users_.find_by_email(email);
    if (!user) return problem(user.error());
    if (user->status == UserStatus::disabled) return problem(409, "this account may not sign in; enable it first");
    // Who holds the link can be that person.
    const auto memberships = users_.memberships(user->id);
    if (!memberships) return problem(memberships.error());
    for (const Member& place : *memberships) {
        if (auto ok = request.principal.check_gives(place.role); !ok) return problem(ok.error());
    }
    LinkMail what;
    what.ticket.purpose = "reset";
    what.ticket.subject = user->id;
    what.ticket.expires = clock_.now() + reset_lives;
    what.mailed_detail = by_mail;
    what.page = "reset";
    what.mail = {user->email, "Reset your password",
                 "Whoever runs the gateway asks you to choose a new password for your Lurus account " + user->email +
                     " within an hour:\n\n{link}\n"};
    nlohmann::ordered_json answer = {
        {"email", user->email}, {"expires", format_time(what.ticket.expires)}, {"mailed", false}};
    tell("password reset made", request, *user);
    if (auto done = deliver(std::move(what), answer); !done) return problem(done.error());
    return json_answer(201, answer);
}

ApiResponse SignInService::confirm_reset(const ApiRequest& request) {
    const auto body = body_of(request, {"!token", "!new_password"});
    if (!body) return problem(body.error());
    const SecretHash hash = sha256(text_in(*body, "token"));
    const std::string password = text_in(*body, "new_password");
    // Looked at first and taken last: a weak password must not cost the link.
    auto ticket = store_.ticket(hash, "reset", clock_.now());
    if (!ticket) return problem(ticket.error());
    if (!*ticket) return problem(403, "the link is wrong, was used or has expired; ask for another");
    const auto user = users_.find((*ticket)->subject);
    if (!user) return problem(user.error());
    if (user->status == UserStatus::disabled || user->status == UserStatus::erased)
        return problem(403, "this account may not sign in");
    if (auto ok = check_strength(password, user->email, settings().min_password_length); !ok)
        return problem(ok.error());
    if (auto ok = intend("password reset", request, *user); !ok) return problem(ok.error());
    ticket = store_.take_ticket(hash, "reset", clock_.now());
    if (!ticket) return problem(ticket.error());
    if (!*ticket) return problem(403, "the link is wrong, was used or has expired; ask for another");
    if (auto done = set_new_password(*user, password); !done) return problem(done.error());
    if (!user->email_verified && (*ticket)->detail == by_mail) {
        if (auto done = users_.set_email_verified(user->id); !done) return problem(done.error());
    }
    if (user->status == UserStatus::invited) {
        if (auto done = users_.set_status(user->id, UserStatus::active); !done) return problem(done.error());
    }
    accounts_.succeed("account " + user->email);
    tell("password reset", request, *user, "all sessions ended");
    return no_content();
}

ApiResponse SignInService::import_password(const ApiRequest& request) {
    const auto body = body_of(request, {"!email", "!password_hash", "role"});
    if (!body) return problem(body.error());
    const std::string hash = text_in(*body, "password_hash"), role = text_in(*body, "role");
    if (auto ok = check_imported_hash(hash); !ok) return problem(ok.error());
    const auto wanted = role.empty() ? std::optional(Role::member) : role_from(role);
    if (!wanted) return problem(400, "`role` must be viewer, member, admin or owner");
    if (auto ok = request.principal.check_gives(*wanted); !ok) return problem(ok.error());
    NewUser fresh;
    fresh.email = normal_email(text_in(*body, "email"));
    fresh.status = UserStatus::active;
    fresh.email_verified = true;
    fresh.role = *wanted;
    const auto user = users_.create(fresh);
    if (!user) return problem(user.error());
    if (auto done = store_.set_password(user->id, hash, 0, clock_.now()); !done) return problem(done.error());
    tell("password imported", request, *user);
    return json_answer(201, {{"id", user->id}, {"email", user->email}, {"role", name_of(*wanted)}});
}

}  // namespace lurus::signin
