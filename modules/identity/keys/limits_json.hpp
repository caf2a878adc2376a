#pragma once
// Limits as JSON: in the management API's bodies, and as they are stored.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/limits.hpp"
#include "modules/identity/keys/models_json.hpp"

namespace lurus::identity {

/// The members' names, which are the configuration's too.
std::vector<std::string_view> limit_fields();

/// Which limits a body sets; empty = stays. A limit of 0 and an inner empty optional take it away.
struct LimitsChange {
    std::optional<std::int64_t> rpm, tpm, itpm, otpm, concurrency;
    std::optional<std::optional<Budget>> budget;
    std::optional<std::optional<WindowKind>> window;

    void apply(Limits& limits) const;
    [[nodiscard]] bool any() const;
};

/// `invalid_argument` names the member and what it must be. Other members of the object are not looked at.
Result<LimitsChange> limits_change_from(const nlohmann::json& object);

/// What a member, team or organisation has for all its keys.
struct OwnChange {
    LimitsChange limits;
    ModelsChange models;

    /// To a Member, Team or Org.
    template <class Whose>
    void apply(Whose& whose) const {
        limits.apply(whose.limits);
        models.apply(whose.models);
    }
};

/// The body of a change, which takes `own` fields, limits and models and says at least one; limits and models take
/// `needed` of the principal.
struct LimitedBody {
    nlohmann::json fields;
    OwnChange change;
};
Result<LimitedBody> limited_body_from(const ApiRequest& request, std::vector<std::string_view> own, Permission needed);

/// All members, unset ones null.
void add_limits(nlohmann::ordered_json& out, const Limits& limits);

/// What is set, as one JSON object.
std::string stored_limits(const Limits& limits);
Result<Limits> limits_from_stored(std::string_view text);

/// JSON Schema members, for settable bodies and for answers; each begins and ends without a comma.
std::string settable_limits_schema();
std::string shown_limits_schema();
/// The quoted names of all of them.
std::string required_limits_schema();

}  // namespace lurus::identity
