#include "cli/cli_format.hpp"
#include "cli/cmd_action.hpp"
#include "cli/doctor.hpp"

namespace lurus::cli {

std::vector<Finding> check_sign_in(Cli& cli, const config::Config& config) {
    using Level = Finding::Level;
    const AuthSettings& auth = config.auth;
    if (auth.ldap.empty() && auth.oidc.empty() && auth.mail.smtp_url.empty()) return {};
    const auto checks = cli.get("/api/v1/auth/checks");
    if (!checks) return {{Level::broken, "signing in", checks.error().message, ""}};
    std::vector<Finding> out;
    for (const auto& each : list_of(*checks)) {
        const std::string kind = text_of(each, "kind"), problem = text_of(each, "problem");
        const std::string what = kind == "ldap"   ? "directory"
                                 : kind == "oidc" ? "sign-in " + text_of(each, "name")
                                                  : kind;
        if (problem.empty())
            out.push_back({Level::good, what, text_of(each, "address") + " answers as it should", ""});
        else
            out.push_back({Level::broken, what, problem, text_of(each, "fix")});
    }
    return out;
}

}  // namespace lurus::cli
