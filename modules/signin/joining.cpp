// How somebody becomes a user: the one-time setup, an invitation, open sign-up.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"
#include "core/http/problem.hpp"
#include "core/text/mailbox.hpp"
#include "modules/signin/attempt.hpp"
#include "modules/signin/service.hpp"

namespace lurus::signin {
namespace {

constexpr std::int64_t day = 86'400'000'000;  // microseconds
constexpr std::int64_t invitation_lives = 7 * day;
constexpr std::int64_t verification_lives = day;

ApiResponse wrong_link() {
    return problem(403, "the link is wrong, was used or has expired");
}

nlohmann::json inviter_of(const Principal& principal) {
    return {{"kind", name_of(principal.kind)}, {"user", principal.user}, {"member", principal.member}};
}

}  // namespace

ApiResponse SignInService::set_up(const ApiRequest& request) {
    const auto body = body_of(request, {"!token", "!email", "!password", "name", "session?"});
    if (!body) return problem(body.error());
    const std::string password = text_in(*body, "password"), email = normal_email(text_in(*body, "email"));
    if (auto ok = check_strength(password, email, settings().min_password_length); !ok) return problem(ok.error());
    User wanted;
    wanted.email = email;
    if (auto ok = intend("owner made", request, wanted); !ok) return problem(ok.error());
    const auto owner = users_.make_owner(Secret(text_in(*body, "token")), email, text_in(*body, "name"));
    if (!owner) return problem(owner.error());
    if (auto done = set_new_password(*owner, password); !done) return problem(done.error());
    tell("owner made", request, *owner);
    return start_session(request, *owner, "password", flag_in(*body, "session"));
}

// The answer and its time are the same whether the address is new or not: only its owner learns that, by mail.
ApiResponse SignInService::register_user(const ApiRequest& request) {
    const auto body = body_of(request, {"!email", "!password", "name"});
    if (!body) return problem(body.error());
    const AuthSettings set = settings();
    if (!set.open_signup) return problem(403, "sign-up is by invitation here");
    const std::string email = normal_email(text_in(*body, "email")), password = text_in(*body, "password");
    if (const auto mailbox = parse_mailbox(email); !mailbox) return problem(400, "`email`: " + mailbox.error().message);
    if (auto ok = check_strength(password, email, set.min_password_length); !ok) return problem(ok.error());
    const std::int64_t now = clock_.monotonic_us();
    const std::string from = throttle_address(request.remote_address);
    if ((!from.empty() && addresses_.begin("mails from " + from, now) != 0) || mails_.begin(email, now) != 0)
        return problem(429, "too many sign-ups from here; try again later");
    auto hash = hasher_.hash(password);
    if (!hash) return problem(hash.error());
    const bool taken = background_.post([this, request = after_answer(request), email, name = text_in(*body, "name"),
                                         hash = *std::move(hash)] {
        NewUser fresh;
        fresh.email = email;
        fresh.name = name;
        fresh.status = UserStatus::invited;  // until the mail's link was followed
        User wanted;
        wanted.email = email;
        const bool known = users_.find_by_email(email).has_value();
        if (!known && !intend("signed up", request, wanted)) return;
        const auto user = users_.create(fresh);
        if (!user && user.error().code == ErrorCode::conflict) {
            send({email, "You have an account already",
                  "Somebody, hopefully you, tried to sign up to Lurus with this address, which has an account already. "
                  "Sign "
                  "in, or reset the password if you forgot it.\n"});
        }
        if (!user) return;
        Ticket ticket;
        ticket.purpose = "verify";
        ticket.subject = user->id;
        ticket.expires = clock_.now() + verification_lives;
        const auto token = make_ticket(std::move(ticket));
        if (!token || !store_.set_password(user->id, hash, 0, clock_.now())) return;
        tell("signed up", request, *user);
        send({email, "Verify your address",
              "Welcome to Lurus. Confirm within a day that this address is yours:\n\n" + link("verify", *token) +
                  "\n\nDid you not sign up? Then ignore this mail.\n"});
    });
    if (!taken) return problem(503, "too much waits to be sent; try again in a minute");
    return json_answer(202, {{"message", "a mail is on its way; its link finishes the sign-up"}});
}

ApiResponse SignInService::verify_address(const ApiRequest& request) {
    const auto body = body_of(request, {"!token"});
    if (!body) return problem(body.error());
    const SecretHash hash = sha256(text_in(*body, "token"));
    auto ticket = store_.ticket(hash, "verify", clock_.now());
    if (!ticket) return problem(ticket.error());
    if (!*ticket) return wrong_link();
    const auto user = users_.find((*ticket)->subject);
    if (!user) return problem(user.error());
    if (auto ok = intend("address verified", request, *user); !ok) return problem(ok.error());
    ticket = store_.take_ticket(hash, "verify", clock_.now());
    if (!ticket) return problem(ticket.error());
    if (!*ticket) return wrong_link();
    if (auto done = users_.set_email_verified(user->id); !done) return problem(done.error());
    if (user->status == UserStatus::invited) {
        if (auto done = users_.set_status(user->id, UserStatus::active); !done) return problem(done.error());
    }
    tell("address verified", request, *user);
    return no_content();
}

ApiResponse SignInService::invite(const ApiRequest& request) {
    const auto body = body_of(request, {"!email", "role"});
    if (!body) return problem(body.error());
    const std::string named = text_in(*body, "role"), email = normal_email(text_in(*body, "email"));
    const auto role = named.empty() ? std::optional(Role::member) : role_from(named);
    if (!role) return problem(400, "`role` must be viewer, member, admin or owner");
    if (const auto mailbox = parse_mailbox(email); !mailbox) return problem(400, "`email`: " + mailbox.error().message);
    if (auto ok = request.principal.check_gives(*role); !ok) return problem(ok.error());
    if (auto ok = check_invited_member(request.principal, email, *role); !ok) return problem(ok.error());
    const std::string org(request.principal.home());
    const auto names = users_.names();
    if (!names) return problem(names.error());
    const auto known = names->find(org);
    const std::string org_name = known == names->end() ? org : known->second;
    const auto detail = [&](bool mailed) {
        return nlohmann::json{
            {"org", org}, {"role", name_of(*role)}, {"mailed", mailed}, {"inviter", inviter_of(request.principal)}}
            .dump();
    };
    LinkMail what;
    what.ticket.purpose = "invite";
    what.ticket.subject = email;
    what.ticket.detail = detail(false);
    what.ticket.expires = clock_.now() + invitation_lives;
    what.mailed_detail = detail(true);
    what.page = "invitation";
    what.mail = {email, "You are invited to " + org_name + " on Lurus",
                 (request.principal.name.empty() ? "Somebody" : request.principal.name) +
                     " invites you to the organisation " + org_name + " on a Lurus gateway, as " +
                     std::string(name_of(*role)) + ". Choose a password within a week:\n\n{link}\n"};
    nlohmann::ordered_json answer = {{"email", email},
                                     {"role", name_of(*role)},
                                     {"org", org},
                                     {"org_name", org_name},
                                     {"expires", format_time(what.ticket.expires)},
                                     {"mailed", false}};
    User invited;
    invited.email = email;
    tell("invited", request, invited, std::string(name_of(*role)));
    if (auto done = deliver(std::move(what), answer); !done) return problem(done.error());
    return json_answer(201, answer);
}

// Invitations that were made before their inviter was written down count as made by somebody of the role they give.
Result<std::optional<Role>> SignInService::rank_of_inviter(const nlohmann::json& invitation,
                                                           const std::string& org) const {
    const auto inviter = invitation.find("inviter");
    if (inviter == invitation.end()) return role_from(invitation.value("role", ""));
    Principal who;
    const std::string kind = inviter->value("kind", "");
    if (kind == name_of(Principal::Kind::admin_token)) return Role::owner;
    who.kind = kind == name_of(Principal::Kind::service) ? Principal::Kind::service : Principal::Kind::user;
    who.user = inviter->value("user", "");
    who.member = inviter->value("member", "");
    const auto now = users_.in_organisation(std::move(who), org);
    if (!now) {
        const bool gone = now.error().code == ErrorCode::unauthenticated || now.error().code == ErrorCode::not_found;
        return gone ? Result<std::optional<Role>>(std::nullopt) : std::unexpected(now.error());
    }
    return now->may(Permission::change_people) ? std::optional(now->role) : std::nullopt;
}

Result<void> SignInService::check_invited_member(const Principal& inviter, const std::string& email, Role role) {
    const auto user = users_.find_by_email(email);
    if (!user && user.error().code == ErrorCode::not_found) return {};
    if (!user) return std::unexpected(user.error());
    const auto memberships = users_.memberships(user->id);
    if (!memberships) return std::unexpected(memberships.error());
    const auto here = std::ranges::find(*memberships, inviter.home(), &Member::org);
    if (here == memberships->end()) return {};
    if (auto ok = check_rank(inviter.role, here->role); !ok) return ok;
    // Who holds the link of somebody who never signed in can be that person.
    if (user->status == UserStatus::invited) return inviter.check_gives(here->role);
    if (here->role < role) return {};
    return fail(ErrorCode::conflict, "`" + email + "` is a member already, as `" + std::string(name_of(here->role)) +
                                         "`, and an invitation takes no role away; change the member's role instead");
}

ApiResponse SignInService::accept(const ApiRequest& request) {
    const auto body = body_of(request, {"!token", "password", "name", "session?"});
    if (!body) return problem(body.error());
    const SecretHash hash = sha256(text_in(*body, "token"));
    const auto ticket = store_.ticket(hash, "invite", clock_.now());
    if (!ticket) return problem(ticket.error());
    if (!*ticket) return wrong_link();
    const auto detail = nlohmann::json::parse((*ticket)->detail, nullptr, false);
    const auto role = role_from(detail.value("role", ""));
    const std::string org = detail.value("org", ""), email = (*ticket)->subject, password = text_in(*body, "password");
    if (!role || org.empty()) return problem(500, "the invitation is damaged; ask for another");
    const auto rank = rank_of_inviter(detail, org);
    if (!rank) return problem(rank.error());
    if (!*rank || **rank < *role)
        return problem(403, "who invited you may not give this role any more; ask for another invitation");
    auto user = users_.find_by_email(email);
    if (!user && user.error().code != ErrorCode::not_found) return problem(user.error());
    if (user && (user->status == UserStatus::disabled || user->status == UserStatus::erased))
        return problem(403, "this account may not sign in");
    // Who has an account keeps their password: the link gives the membership and nothing else.
    const bool known = user && user->status == UserStatus::active;
    // A link that was handed over says nothing of who reads the address.
    const bool mailed = detail.value("mailed", false);
    if (user && !known && !mailed) {
        // A link that the inviting admin holds must not take over somebody whom another organisation invited.
        const auto memberships = users_.memberships(user->id);
        if (!memberships) return problem(memberships.error());
        if (!std::ranges::all_of(*memberships, [&](const Member& m) { return m.org == org; }))
            return problem(409, "this address was invited elsewhere as well; accept that invitation first");
        if (!std::ranges::all_of(*memberships, [&](const Member& m) { return m.role <= **rank; }))
            return problem(403, "this address was given a role above that of who invited it; ask who has that role");
    }
    if (!known) {
        if (auto ok = check_strength(password, email, settings().min_password_length); !ok) return problem(ok.error());
    }
    User wanted = user ? *user : User();
    wanted.email = email;
    if (auto ok = intend("invitation accepted", request, wanted); !ok) return problem(ok.error());
    const auto taken = store_.take_ticket(hash, "invite", clock_.now());
    if (!taken) return problem(taken.error());
    if (!*taken) return wrong_link();
    if (!user) {
        NewUser fresh;
        fresh.email = email;
        fresh.name = text_in(*body, "name");
        fresh.status = UserStatus::active;
        fresh.email_verified = mailed;
        fresh.org = org;
        fresh.role = *role;
        user = users_.create(fresh);
        if (!user) return problem(user.error());
    } else {
        if (auto done = users_.raise_role(org, user->id, *role); !done) return problem(done.error());
    }
    tell("invitation accepted", request, *user, std::string(name_of(*role)));
    if (known) return no_content();
    if (user->status == UserStatus::invited) {
        if (auto done = users_.set_status(user->id, UserStatus::active); !done) return problem(done.error());
    }
    if (mailed && !user->email_verified) {
        if (auto done = users_.set_email_verified(user->id); !done) return problem(done.error());
    }
    if (auto done = set_new_password(*user, password); !done) return problem(done.error());
    return start_session(request, *user, "password", flag_in(*body, "session"));
}

}  // namespace lurus::signin
