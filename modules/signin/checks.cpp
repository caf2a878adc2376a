// Whether people could sign in now: everybody outside whom that takes is asked.
#include <future>
#include <nlohmann/json.hpp>

#include "modules/signin/service.hpp"

namespace lurus::signin {
namespace {

using Json = nlohmann::ordered_json;

constexpr int most_checks = 2;  // at a time
constexpr std::chrono::seconds mail_limit{10};

Json check_of(const char* kind, const std::string& name, const std::string& address, const std::string& problem,
              const std::string& fix) {
    return {{"kind", kind},
            {"name", name},
            {"address", address},
            {"problem", problem.empty() ? Json(nullptr) : Json(problem)},
            {"fix", fix.empty() ? Json(nullptr) : Json(fix)}};
}

std::string provider_fix(const std::string& problem) {
    if (problem.find("roots") != std::string::npos || problem.find("certificate") != std::string::npos)
        return "set ca_file in its [[auth.oidc]] to the PEM file of the authority that signed its certificate";
    if (problem.find("another issuer") != std::string::npos)
        return "set issuer in its [[auth.oidc]] to exactly what the provider calls itself";
    return "see whether it is reachable from this machine, and issuer in its [[auth.oidc]]";
}

Json checked_provider(const OidcClient& client) {
    const OidcSettings& how = client.settings();
    const auto trouble = client.trouble();
    const std::string problem = trouble ? trouble->message : std::string();
    return check_of("oidc", how.name, how.issuer, problem, trouble ? provider_fix(problem) : "");
}

Json checked_directory(const DirectoryClient& client) {
    const auto trouble = client.trouble();
    return check_of("ldap", "ldap", client.settings().url, trouble ? trouble->what : "", trouble ? trouble->fix : "");
}

/// `last`: why the last mail was not sent.
Json checked_mail(const MailSettings& settings, const std::string& last, const OutsideLimit& limit) {
    const auto greeted = greet_smtp(settings, limit);
    if (!greeted)
        return check_of("mail", "mail", settings.smtp_url, greeted.error().message,
                        "see smtp, user, password_env and ca_file of [mail], and whether the server is reachable");
    if (last.empty()) return check_of("mail", "mail", settings.smtp_url, "", "");
    return check_of("mail", "mail", settings.smtp_url, "the last mail was not sent: " + last,
                    "see whether the recipient's address is right, and `from` of [mail] one that the server takes");
}

}  // namespace

std::optional<OutsideLane> SignInService::checks_lane(const ApiRequest&) const {
    return OutsideLane{"checks of signing in", most_checks};
}

// Beside each other: each may take its whole timeout.
ApiResponse SignInService::check_outside(const ApiRequest&) {
    std::vector<std::shared_ptr<OidcClient>> providers;
    {
        const std::scoped_lock lock(mutex_);
        providers = oidc_;
    }
    std::vector<std::future<Json>> asked;
    if (const auto client = directory())
        asked.push_back(std::async(std::launch::async, [client] { return checked_directory(*client); }));
    if (const MailSettings mail = settings().mail; !mail.smtp_url.empty()) {
        std::string last;
        {
            const std::scoped_lock lock(mutex_);
            last = mail_problem_;
        }
        asked.push_back(std::async(std::launch::async, [mail, last, limit = limit_within(outside_, mail_limit)] {
            return checked_mail(mail, last, limit);
        }));
    }
    for (const auto& client : providers)
        asked.push_back(std::async(std::launch::async, [client] { return checked_provider(*client); }));
    Json data = Json::array();
    for (auto& each : asked) data.push_back(each.get());
    return json_answer(200, {{"data", data}});
}

}  // namespace lurus::signin
