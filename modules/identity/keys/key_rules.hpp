#pragma once
// A key's rules and limits as JSON: in the management API's bodies, and as they are stored.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "modules/identity/keys/limits_json.hpp"

namespace lurus::identity {

/// The members' names, which are the configuration's too.
std::vector<std::string_view> rule_fields();

/// Which rules a body sets; empty = stays.
struct RulesChange {
    std::optional<std::vector<std::string>> deny_models, user_agents;
    std::optional<std::vector<IpRange>> ips;
    std::optional<AccountGroups> groups;
    LimitsChange limits;

    void apply(KeyRules& rules) const;
    /// Whether it sets or lifts how much may be used, or of which accounts.
    [[nodiscard]] bool sets_limits() const;
};

/// `invalid_argument` names the member and what it must be. Other members of the object are not looked at.
Result<RulesChange> rules_change_from(const nlohmann::json& object);

/// All members, unset ones null or empty.
void add_rules(nlohmann::ordered_json& out, const KeyRules& rules);

/// What is set, as one JSON object.
std::string stored_rules(const KeyRules& rules);
Result<KeyRules> rules_from_stored(std::string_view text);

/// JSON Schema members, for settable bodies and for answers; each begins and ends without a comma.
std::string settable_rules_schema();
std::string shown_rules_schema();
std::string required_rules_schema();

Result<void> check_rules(const KeyRules& rules);

}  // namespace lurus::identity
