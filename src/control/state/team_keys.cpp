#include "control/state/team_keys.hpp"

namespace lurus::app {

Result<std::vector<TeamKeys>> team_keys(Identity& identity, const Principal& who) {
    const bool all = who.kind == Principal::Kind::admin_token && who.org.empty();
    std::map<std::string, TeamKeys> of_org;
    // Where no key is left there are still records.
    of_org[std::string(who.home())];
    const auto keys = identity.snapshot();
    for (const auto& key : keys->all()) {
        if (!all && key.org != who.org) continue;
        auto& known = of_org[key.org].team_of;
        if (!key.team.empty()) known.emplace(key.name, key.team);
    }
    std::vector<TeamKeys> out;
    for (auto& [org, entry] : of_org) {
        auto users = all ? identity.record_users(org) : identity.visible_users(who);
        if (!users) return std::unexpected(users.error());
        entry.users = *std::move(users);
        out.push_back(std::move(entry));
    }
    return out;
}

}  // namespace lurus::app
