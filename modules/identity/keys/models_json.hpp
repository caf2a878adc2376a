#pragma once
// Models that a member, a team or an organisation may use, as JSON: in the management API's bodies, and as stored.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/limits.hpp"

namespace lurus::identity {

/// The members' names, which are a key's too.
std::vector<std::string_view> model_fields();

/// Which lists a body sets; empty = stays, an empty list allows or denies nothing.
struct ModelsChange {
    std::optional<std::vector<std::string>> models, deny_models;

    void apply(ModelRules& rules) const;
    [[nodiscard]] bool any() const { return models || deny_models; }
};

/// `invalid_argument` names the member and what it must be. Other members of the object are not looked at.
Result<ModelsChange> models_change_from(const nlohmann::json& object);

void add_models(nlohmann::ordered_json& out, const ModelRules& rules);

/// What is set, as one JSON object.
std::string stored_models(const ModelRules& rules);
Result<ModelRules> models_from_stored(std::string_view text);

/// JSON Schema members, for settable bodies and for answers; each begins and ends without a comma.
std::string settable_models_schema();
std::string shown_models_schema();
/// The quoted names of all of them.
std::string required_models_schema();

}  // namespace lurus::identity
