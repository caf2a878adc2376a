#include "modules/identity/keys/key_bounds.hpp"

#include <algorithm>

#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/text/ascii.hpp"
#include "core/text/glob.hpp"
#include "modules/identity/keys/key_json.hpp"
#include "modules/identity/keys/key_rules.hpp"

namespace lurus::identity {
namespace {

using Json = nlohmann::ordered_json;
using Texts = std::vector<std::string>;

std::unexpected<Error> lifted(std::string_view field, std::string_view what) {
    return fail(ErrorCode::permission_denied, "an administrator set `" + std::string(field) +
                                                  "` of this key: you may narrow it, not lift it (" +
                                                  std::string(what) + ")");
}

std::string listed(const Texts& texts) {
    std::string out;
    for (const auto& text : texts) out += (out.empty() ? "`" : ", `") + text + "`";
    return out;
}

Texts lowered(Texts texts) {
    for (auto& text : texts) text = lower_case(text);
    return texts;
}

/// Whether all that the globs of `wanted` match is matched by one of `bound`.
bool within(const Texts& wanted, const Texts& bound) {
    return std::ranges::all_of(wanted, [&](const std::string& one) {
        return std::ranges::any_of(bound, [&](const std::string& glob) { return glob_covers(glob, one); });
    });
}

bool within(const std::vector<IpRange>& wanted, const std::vector<IpRange>& bound) {
    return std::ranges::all_of(wanted, [&](const IpRange& one) {
        return std::ranges::any_of(
            bound, [&](const IpRange& range) { return range.bits <= one.bits && range.contains(one.network); });
    });
}

bool within(const std::vector<Family>& wanted, const std::vector<Family>& bound) {
    return std::ranges::all_of(wanted, [&](Family one) { return std::ranges::find(bound, one) != bound.end(); });
}

/// Of lists of what is allowed, where an empty one allows all.
template <class List>
bool lifts(const std::optional<List>& wanted, const List& bound) {
    return wanted && !bound.empty() && (wanted->empty() || !within(*wanted, bound));
}

Texts range_texts(const std::vector<IpRange>& ranges) {
    Texts out;
    for (const auto& range : ranges) out.push_back(range.text());
    return out;
}

Texts family_names(const std::vector<Family>& families) {
    Texts out;
    for (const Family family : families) out.emplace_back(name_of(family));
    return out;
}

Result<void> keep_expiry(KeyBounds& bounds, const KeyInfo& key, const KeyChange& change, UnixMicros now) {
    if ((!change.expires && !change.expires_after) || (!bounds.expires && !bounds.expires_after)) return {};
    const UnixMicros first = key.use ? key.use->first() : 0;
    const UnixMicros latest = bounds.expires ? *bounds.expires : (first != 0 ? first : now) + *bounds.expires_after;
    const auto at = change.expires.value_or(std::nullopt);
    const auto after = change.expires_after.value_or(std::nullopt);
    if (at && *at <= latest) {
        bounds.expires = latest;
        bounds.expires_after.reset();
        return {};
    }
    const bool unused = bounds.expires_after && first == 0;
    if (!at && after && unused && *after <= *bounds.expires_after) return {};
    return lifted(bounds.expires ? "expires" : "expires_after", "it ends at " + format_time(latest) + " at the latest");
}

}  // namespace

Result<void> keep_bounds(KeyBounds& bounds, const KeyInfo& key, const KeyChange& change, UnixMicros now) {
    if (bounds.disabled && change.disabled == false) return lifted("disabled", "ask them to enable it");
    if (lifts(change.models, bounds.models)) return lifted("models", listed(bounds.models));
    if (lifts(change.families, bounds.families)) return lifted("families", listed(family_names(bounds.families)));
    if (lifts(change.rules.ips, bounds.ips)) return lifted("ips", listed(range_texts(bounds.ips)));
    std::optional<Texts> agents;
    if (change.rules.user_agents) agents = lowered(*change.rules.user_agents);
    if (lifts(agents, lowered(bounds.user_agents))) return lifted("user_agents", listed(bounds.user_agents));
    if (change.rules.deny_models && !within(bounds.deny_models, *change.rules.deny_models))
        return lifted("deny_models", "keep " + listed(bounds.deny_models));
    if (change.team && !bounds.team.empty() && *change.team != bounds.team)
        return fail(ErrorCode::permission_denied,
                    "an administrator put this key into its team; ask them to take it out");
    return keep_expiry(bounds, key, change, now);
}

void set_bounds(KeyBounds& bounds, const KeyChange& change) {
    if (change.disabled) bounds.disabled = *change.disabled;
    if (change.team) bounds.team = *change.team;
    if (change.models) bounds.models = *change.models;
    if (change.families) bounds.families = *change.families;
    if (change.rules.ips) bounds.ips = *change.rules.ips;
    if (change.rules.user_agents) bounds.user_agents = *change.rules.user_agents;
    if (change.rules.deny_models) bounds.deny_models = *change.rules.deny_models;
    set_expiry(bounds, change);
}

KeyBounds bounds_of(const KeyInfo& key) {
    KeyBounds bounds;
    bounds.disabled = key.disabled;
    bounds.expires = key.expires;
    bounds.expires_after = key.expires_after;
    bounds.team = key.team;
    bounds.models = key.models;
    bounds.families = key.families;
    bounds.deny_models = key.rules.deny_models;
    bounds.ips = key.rules.ips;
    bounds.user_agents = key.rules.user_agents;
    return bounds;
}

Result<void> follow_revoked(KeyInfo& key, const KeyInfo& revoked, UnixMicros now) {
    key.rules.limits = revoked.rules.limits;
    key.rules.groups = revoked.rules.groups;
    if (!revoked.bounds) return {};
    KeyBounds bounds = *revoked.bounds;
    bounds.team.clear();
    if (bounds.disabled || (bounds.expires && *bounds.expires <= now)) {
        return fail(ErrorCode::permission_denied,
                    "an administrator ended your key `" + key.name + "`, and this would be the same again; ask them");
    }
    const auto take = [](auto& own, const auto& bound) {
        if (own.empty()) own = bound;
    };
    take(key.models, bounds.models);
    take(key.families, bounds.families);
    take(key.rules.ips, bounds.ips);
    take(key.rules.user_agents, bounds.user_agents);
    for (const auto& denied : bounds.deny_models) {
        if (!within(Texts{denied}, key.rules.deny_models)) key.rules.deny_models.push_back(denied);
    }
    if (!key.expires && !key.expires_after) {
        key.expires = bounds.expires;
        key.expires_after = bounds.expires_after;
    }
    KeyChange wanted;
    wanted.models = key.models;
    wanted.families = key.families;
    wanted.rules.ips = key.rules.ips;
    wanted.rules.user_agents = key.rules.user_agents;
    if (key.expires) wanted.expires = key.expires;
    if (key.expires_after) wanted.expires_after = key.expires_after;
    if (auto ok = keep_bounds(bounds, key, wanted, now); !ok) return ok;
    key.bounds = std::make_shared<const KeyBounds>(std::move(bounds));
    return {};
}

Json json_of(const KeyBounds& bounds) {
    Json out = Json::object();
    if (bounds.disabled) out["disabled"] = true;
    if (bounds.expires) out["expires"] = format_time(*bounds.expires);
    if (bounds.expires_after) out["expires_after"] = duration_text(*bounds.expires_after);
    if (!bounds.team.empty()) out["team"] = bounds.team;
    if (!bounds.models.empty()) out["models"] = bounds.models;
    if (!bounds.families.empty()) out["families"] = family_names(bounds.families);
    if (!bounds.deny_models.empty()) out["deny_models"] = bounds.deny_models;
    if (!bounds.ips.empty()) out["ips"] = range_texts(bounds.ips);
    if (!bounds.user_agents.empty()) out["user_agents"] = bounds.user_agents;
    return out;
}

// Times to the microsecond: those that are shown are rounded.
std::string stored_bounds(const KeyBounds& bounds) {
    Json out = json_of(bounds);
    out.erase("expires");
    out.erase("expires_after");
    if (bounds.expires) out["expires_us"] = *bounds.expires;
    if (bounds.expires_after) out["expires_after_us"] = *bounds.expires_after;
    return out.dump();
}

Result<KeyBounds> bounds_from_stored(std::string_view text) {
    const auto parsed = nlohmann::json::parse(text, nullptr, false);
    if (!parsed.is_object()) return fail(ErrorCode::corrupt, "not a JSON object");
    KeyBounds bounds;
    const auto rules = rules_change_from(parsed);
    if (!rules) return fail(ErrorCode::corrupt, rules.error().message);
    bounds.deny_models = rules->deny_models.value_or(Texts());
    bounds.user_agents = rules->user_agents.value_or(Texts());
    bounds.ips = rules->ips.value_or(std::vector<IpRange>());
    const auto models = texts_of(parsed, "models"), families = texts_of(parsed, "families");
    const auto team = text_of(parsed, "team");
    const auto disabled = flag_of(parsed, "disabled");
    if (!models || !families || !team || !disabled) return fail(ErrorCode::corrupt, "a member is of another kind");
    bounds.models = models->value_or(Texts());
    for (const auto& name : families->value_or(Texts())) {
        const auto family = family_from(name);
        if (!family) return fail(ErrorCode::corrupt, "`families` names none of ours");
        bounds.families.push_back(*family);
    }
    bounds.team = team->value_or("");
    bounds.disabled = disabled->value_or(false);
    for (const auto& [field, into] :
         {std::pair("expires_us", &bounds.expires), std::pair("expires_after_us", &bounds.expires_after)}) {
        const auto at = parsed.find(field);
        if (at == parsed.end() || at->is_null()) continue;
        if (!at->is_number_integer()) return fail(ErrorCode::corrupt, "a time is no number");
        *into = at->get<std::int64_t>();
    }
    return bounds;
}

}  // namespace lurus::identity
