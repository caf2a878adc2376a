// Signing in by what somebody else vouches for.
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "core/crypto/random_text.hpp"
#include "core/crypto/sha256.hpp"
#include "core/http/problem.hpp"
#include "modules/signin/cookie.hpp"
#include "modules/signin/service.hpp"

namespace lurus::signin {
namespace {

constexpr std::int64_t sign_in_lives = 600;       // seconds between the start and the way back
constexpr std::int64_t code_lives = 300'000'000;  // microseconds until a code was carried to the command
constexpr const char* code_purpose = "code";

bool is_challenge(std::string_view text) {
    return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else
            out += c;
    }
    return out;
}

std::string code_page(std::string_view email, std::string_view code) {
    return R"(<!doctype html><html lang="en"><meta charset="utf-8">)"
           R"(<meta name="viewport" content="width=device-width"><title>Lurus</title><h1>Signed in</h1><p>As )" +
           escaped(email) + ". Paste this code where <code>lurus login</code> asks for it:<p><code id=\"code\">" +
           escaped(code) +
           "</code><p>It works once, for five minutes, and only there. If you did not run <code>lurus login</code> "
           "yourself just now, close this page and give the code to nobody.</html>\n";
}

/// What a browser is told of a provider that does not do its part: its addresses are for whoever runs the gateway.
ApiResponse provider_away(const std::string& name, const Error& why) {
    if (why.code == ErrorCode::unauthenticated)
        return problem(401, "the provider `" + name +
                                "` did not confirm this sign-in; begin again, or tell whoever runs the gateway");
    return problem(
        503, "signing in with `" + name + "` is not possible now; try again later, or tell whoever runs the gateway");
}

Error no_role() {
    return Error(ErrorCode::permission_denied, "none of your groups has a role here; ask whoever runs the gateway");
}

}  // namespace

Result<void> SignInService::link_outside(const Outside& person, const std::optional<OutsideLink>& known,
                                         const User& user) {
    if (known && known->user == user.id) return {};
    OutsideLink link;
    link.user = user.id;
    link.version = known ? known->version : 0;
    auto done = store_.link_outside(person.provider, person.subject, link, clock_.now());
    if (done || done.error().code != ErrorCode::conflict) return done;
    // The same person may have signed in twice at once.
    const auto now = store_.outside_user(person.provider, person.subject);
    if (!now) return std::unexpected(now.error());
    return *now && (*now)->user == user.id ? Result<void>() : done;
}

Result<std::string> SignInService::take_mapped_role(const Outside& person, const User& user) {
    if (!person.roles_wanted) return std::string();
    for (int tries = 2;;) {
        const auto last = users_.is_last_owner(default_org, user.id);
        if (!last) return std::unexpected(last.error());
        if (*last && person.role == Role::owner) return std::string();
        if (*last)
            return "the last owner stays owner, although their groups at " + person.provider + " give " +
                   (person.role ? "`" + std::string(name_of(*person.role)) + "`" : "no role");
        if (!person.role) return std::unexpected(no_role());
        const auto done = users_.set_role(default_org, user.id, *person.role);
        if (done) return std::string();
        // The other owner may have ceased to be one in between.
        if (done.error().code != ErrorCode::conflict || --tries == 0) return std::unexpected(done.error());
    }
}

Result<SignInService::Admitted> SignInService::admit(const Outside& person) {
    const auto linked = store_.outside_user(person.provider, person.subject);
    if (!linked) return std::unexpected(linked.error());
    const std::string email = normal_email(person.email);
    Result<User> user = fail(ErrorCode::not_found, "");
    bool unproved = false;
    if (person.by_address) {
        const auto kept = has_password(email);
        if (!kept) return std::unexpected(kept.error());
        if (*kept)
            return fail(ErrorCode::permission_denied, "this address has a password of its own here; sign in with that");
    } else if (*linked) {
        user = users_.find((*linked)->user);
    }
    if (!user && user.error().code == ErrorCode::not_found) {
        if (email.empty() || !person.email_verified)
            return fail(ErrorCode::permission_denied, "the provider does not vouch for your e-mail address");
        user = users_.find_by_email(email);
        unproved = user && !user->email_verified;
    }
    if (!user && user.error().code == ErrorCode::not_found) {
        if (person.roles_wanted && !person.role) return std::unexpected(no_role());
        if (!person.sign_up)
            return fail(ErrorCode::permission_denied, "you have no account here; ask for an invitation");
        NewUser fresh;
        fresh.email = email;
        fresh.name = person.name;
        fresh.status = UserStatus::active;
        fresh.email_verified = true;
        fresh.role = person.role.value_or(Role::member);
        user = users_.create(fresh);
    }
    if (!user) return std::unexpected(user.error());
    if (user->status == UserStatus::disabled || user->status == UserStatus::erased)
        return fail(ErrorCode::permission_denied, "this account may not sign in");
    auto kept = take_mapped_role(person, *user);
    if (!kept) return std::unexpected(kept.error());
    // Whoever made this account never showed that the address is theirs: what they set goes.
    if (unproved) {
        if (auto done = store_.forget(user->id); !done) return std::unexpected(done.error());
    }
    if (user->status == UserStatus::invited) {
        if (auto done = users_.set_status(user->id, UserStatus::active); !done) return std::unexpected(done.error());
    }
    if (!user->email_verified) {
        if (auto done = users_.set_email_verified(user->id); !done) return std::unexpected(done.error());
    }
    if (auto done = link_outside(person, *linked, *user); !done) return std::unexpected(done.error());
    return Admitted{*std::move(user), *std::move(kept)};
}

std::string SignInService::came_with(const Outside& person) {
    std::string out = "; address " + (person.email.empty() ? "none" : shown_names({person.email}));
    if (!person.email_verified) out += ", not verified";
    if (person.roles_wanted) out += "; groups " + (person.groups.empty() ? "none" : person.groups);
    return out;
}

Result<std::shared_ptr<OidcClient>> SignInService::oidc_client(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    for (const auto& client : oidc_) {
        if (client->settings().name == name) return client;
    }
    return fail(ErrorCode::not_found, "no provider is configured under this name");
}

ApiResponse SignInService::start_oidc(const ApiRequest& request) {
    const std::string& name = request.params.at("name");
    const auto client = oidc_client(name);
    if (!client) return problem(client.error());
    const auto given = [&](const char* field) {
        const auto at = request.query.find(field);
        return at == request.query.end() ? std::string() : at->second;
    };
    const std::string challenge = given("challenge");
    if (!challenge.empty() && !is_challenge(challenge))
        return problem(400, "`challenge` must be a SHA-256 as 64 hex digits");
    const auto begun = (*client)->begin(base_url() + "/api/v1/auth/oidc/" + name + "/callback");
    if (!begun) {
        tell("sign-in refused", request, User(), "oidc:" + name + ": " + begun.error().message);
        return provider_away(name, begun.error());
    }
    Ticket ticket;
    ticket.purpose = "oidc";
    ticket.subject = name;
    ticket.detail = nlohmann::json{{"nonce", begun->nonce},
                                   {"verifier", begun->verifier},
                                   {"challenge", challenge},
                                   {"tokens", given("tokens") == "true"}}
                        .dump();
    ticket.expires = clock_.now() + sign_in_lives * 1'000'000;
    if (auto added = store_.add_ticket(sha256(begun->state), ticket, clock_.now()); !added)
        return problem(added.error());
    nlohmann::ordered_json answer = {{"location", begun->url}};
    // The cookie of this sign-in belongs to the host that the provider sends the browser back to.
    if (!challenge.empty()) answer["page"] = base_url() + "/api/v1/auth/oidc/" + name + "/start?challenge=" + challenge;
    ApiResponse response = json_answer(303, answer);
    response.headers.emplace_back("location", begun->url);
    response.headers.emplace_back("set-cookie", set_cookie(Cookie::oidc, cookie_kind(request, settings().public_url),
                                                           begun->state, sign_in_lives));
    return response;
}

ApiResponse SignInService::finish_oidc(const ApiRequest& request) {
    const std::string& name = request.params.at("name");
    const auto client = oidc_client(name);
    if (!client) return problem(client.error());
    const auto given = [&](const char* field) {
        const auto at = request.query.find(field);
        return at == request.query.end() ? std::string() : at->second;
    };
    User unknown;
    const auto refused = [&](const std::string& why) {
        tell("sign-in refused", request, unknown, "oidc:" + name + ": " + why);
        return problem(403, why);
    };
    const std::string state = given("state");
    // The browser that comes back must be the one that was sent: else somebody could be signed in as somebody else.
    if (state.empty() || cookie_value(request, Cookie::oidc, settings().public_url) != state)
        return refused("this sign-in was begun elsewhere, or takes longer than ten minutes; begin again");
    const auto ticket = store_.take_ticket(sha256(state), "oidc", clock_.now());
    if (!ticket) return problem(ticket.error());
    if (!*ticket || (*ticket)->subject != name) return refused("this sign-in is over; begin again");
    if (!given("error").empty()) return refused("the provider refused: " + shown_names({given("error")}));
    const auto detail = nlohmann::json::parse((*ticket)->detail, nullptr, false);
    OidcRequest begun;
    begun.state = state;
    begun.nonce = detail.value("nonce", "");
    begun.verifier = detail.value("verifier", "");
    const auto person = (*client)->finish(base_url() + "/api/v1/auth/oidc/" + name + "/callback", given("code"), begun);
    if (!person) {
        spdlog::warn("a sign-in with the provider {} failed: {}", name, person.error().message);
        tell("sign-in refused", request, unknown, "oidc:" + name + ": " + person.error().message);
        return provider_away(name, person.error());
    }
    const OidcSettings& how = (*client)->settings();
    Outside outside;
    outside.provider = "oidc:" + name;
    outside.subject = person->subject;
    outside.email = person->email;
    outside.name = person->name;
    outside.email_verified = person->email_verified;
    outside.role = role_of_groups(how.roles, person->groups);
    outside.groups = person->groups_said;
    outside.roles_wanted = !how.roles.empty();
    outside.sign_up = how.sign_up;
    const auto admitted = admit(outside);
    if (!admitted) {
        unknown.email = normal_email(person->email);
        tell("sign-in refused", request, unknown,
             outside.provider + ": " + admitted.error().message + came_with(outside) + "; issuer " + how.issuer);
        return problem(admitted.error());
    }
    const User& user = admitted->user;
    if (!admitted->role_kept.empty()) tell("role kept", request, user, admitted->role_kept);
    const std::string challenge = detail.value("challenge", "");
    if (!challenge.empty()) return show_code(request, user, outside.provider, challenge);
    const bool tokens = detail.value("tokens", false);
    ApiResponse response = start_session(request, user, outside.provider, !tokens);
    const auto kind = cookie_kind(request, settings().public_url);
    response.headers.emplace_back("set-cookie", set_cookie(Cookie::oidc, kind, "", 0));
    if (!tokens && response.status == 200) {
        response.status = 303;
        response.body.clear();
        response.headers.emplace_back("location", "/console/");
    }
    return response;
}

ApiResponse SignInService::show_code(const ApiRequest& request, const User& user, const std::string& method,
                                     const std::string& challenge) {
    const auto code = make_key("lcd_");
    if (!code) return problem(code.error());
    Ticket ticket;
    ticket.purpose = code_purpose;
    ticket.subject = user.id;
    ticket.detail = nlohmann::json{{"method", method}, {"challenge", challenge}}.dump();
    ticket.expires = clock_.now() + code_lives;
    if (auto added = store_.add_ticket(sha256(code->reveal()), ticket, clock_.now()); !added)
        return problem(added.error());
    ApiResponse page;
    page.content_type = "text/html; charset=utf-8";
    page.body = code_page(user.email, code->reveal());
    page.headers.emplace_back("set-cookie",
                              set_cookie(Cookie::oidc, cookie_kind(request, settings().public_url), "", 0));
    return page;
}

ApiResponse SignInService::redeem_code(const ApiRequest& request) {
    const auto body = body_of(request, {"!code", "!verifier"});
    if (!body) return problem(body.error());
    const auto ticket = store_.take_ticket(sha256(text_in(*body, "code")), code_purpose, clock_.now());
    if (!ticket) return problem(ticket.error());
    if (!*ticket) return problem(403, "the code is wrong, was used or has expired; begin again");
    const auto detail = nlohmann::json::parse((*ticket)->detail, nullptr, false);
    const auto user = users_.find((*ticket)->subject);
    if (!user) return problem(user.error());
    const std::string method = detail.value("method", "");
    if (sha256_hex(text_in(*body, "verifier")) != detail.value("challenge", "")) {
        tell("sign-in refused", request, *user, method + ": the code was brought by another than who began");
        return problem(403, "this code is for another command; begin again");
    }
    if (user->status != UserStatus::active) return problem(403, "this account may not sign in");
    return start_session(request, *user, method, false);
}

}  // namespace lurus::signin
