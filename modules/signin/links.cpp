// What the pages ask before they show a form: how one may sign in, and whether a link is still good.
#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"
#include "core/http/problem.hpp"
#include "modules/signin/service.hpp"

namespace lurus::signin {

ApiResponse SignInService::list_methods(const ApiRequest&) {
    const AuthSettings set = settings();
    auto providers = nlohmann::ordered_json::array();
    for (const auto& provider : set.oidc)
        providers.push_back({{"name", provider.name}, {"start", "/api/v1/auth/oidc/" + provider.name + "/start"}});
    return json_answer(200, {{"directory", !set.ldap.empty()},
                             {"providers", providers},
                             {"open_signup", set.open_signup},
                             {"reset_by_mail", set.mail.any()},
                             {"min_password_length", set.min_password_length}});
}

// Who holds a token may use it, so may see what it is for.
ApiResponse SignInService::check_link(const ApiRequest& request) {
    const auto body = body_of(request, {"!purpose", "!token"});
    if (!body) return problem(body.error());
    const std::string purpose = text_in(*body, "purpose"), token = text_in(*body, "token");
    nlohmann::ordered_json answer = {{"purpose", purpose}};
    const ApiResponse over = problem(403, "this link is wrong, was used or has expired");
    if (purpose == "setup") {
        const auto good = users_.is_setup_token(Secret(token));
        if (!good) return problem(good.error());
        return *good ? json_answer(200, answer) : over;
    }
    const bool invitation = purpose == "invitation";
    if (!invitation && purpose != "verify" && purpose != "reset")
        return problem(400, "`purpose` must be setup, invitation, verify or reset");
    const auto ticket = store_.ticket(sha256(token), invitation ? "invite" : purpose, clock_.now());
    if (!ticket) return problem(ticket.error());
    if (!*ticket) return over;
    const std::string& subject = (*ticket)->subject;
    const auto user = invitation ? users_.find_by_email(subject) : users_.find(subject);
    if (!user && user.error().code != ErrorCode::not_found) return problem(user.error());
    if (!invitation) {
        if (!user) return over;
        answer["email"] = user->email;
        return json_answer(200, answer);
    }
    const auto detail = nlohmann::json::parse((*ticket)->detail, nullptr, false);
    const auto names = users_.names();
    if (!names) return problem(names.error());
    const std::string org = detail.value("org", "");
    const auto name = names->find(org);
    answer["email"] = subject;
    answer["role"] = detail.value("role", "");
    answer["org"] = name == names->end() ? org : name->second;
    answer["account"] = user && user->status == UserStatus::active;
    return json_answer(200, answer);
}

}  // namespace lurus::signin
