// Whom a request to sign in would wait for: whoever waits for nobody is answered on a control-plane thread, whatever
// hangs elsewhere.
#include <nlohmann/json.hpp>

#include "modules/signin/service.hpp"

namespace lurus::signin {
namespace {

constexpr int most_calls = 8;  // to one directory or provider at a time

}  // namespace

std::optional<OutsideLane> SignInService::login_lane(const ApiRequest& request) const {
    if (!directory()) return std::nullopt;
    // The handler judges the body; what is no text here is refused there before anybody is asked.
    const auto body = nlohmann::json::parse(request.body, nullptr, false);
    const auto email = body.is_object() ? body.find("email") : body.end();
    if (email == body.end() || !email->is_string()) return std::nullopt;
    const auto kept = has_password(normal_email(email->get<std::string>()));
    if (kept && *kept) return std::nullopt;
    return OutsideLane{"directory", most_calls};
}

// Who is signed in is not found out yet. They wait for their own directory at most, never behind anonymous sign-ins.
std::optional<OutsideLane> SignInService::confirming_lane(const ApiRequest&) const {
    if (!directory()) return std::nullopt;
    return OutsideLane{"directory, of who is signed in", most_calls};
}

std::optional<OutsideLane> SignInService::oidc_lane(const ApiRequest& request) const {
    const auto client = oidc_client(request.params.at("name"));
    if (!client) return std::nullopt;
    return OutsideLane{"oidc:" + (*client)->settings().name, most_calls};
}

std::optional<OutsideLane> SignInService::mail_lane(const ApiRequest&) const {
    if (settings().mail.smtp_url.empty()) return std::nullopt;
    return OutsideLane{"mail", most_calls};
}

}  // namespace lurus::signin
