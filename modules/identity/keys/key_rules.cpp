#include "modules/identity/keys/key_rules.hpp"

#include "core/http/api_body.hpp"
#include "modules/identity/keys/key_text.hpp"

namespace lurus::identity {
namespace {

using nlohmann::json;
using Json = nlohmann::ordered_json;

constexpr std::size_t max_entries = 256;

Result<void> ranges_of(const json& object, RulesChange& change) {
    const auto texts = texts_of(object, "ips");
    if (!texts) return std::unexpected(texts.error());
    if (!*texts) return {};
    change.ips.emplace();
    for (const auto& text : **texts) {
        const auto range = IpRange::parse(text);
        if (!range) return fail(ErrorCode::invalid_argument, "`ips`: " + range.error().message);
        change.ips->push_back(*range);
    }
    return {};
}

Result<void> groups_of(const json& object, RulesChange& change) {
    const auto names = texts_of(object, "groups");
    if (!names) return std::unexpected(names.error());
    if (!*names) return {};
    auto groups = AccountGroups::of(**names);
    if (!groups) return fail(ErrorCode::invalid_argument, "`groups`: " + groups.error().message);
    change.groups = *std::move(groups);
    return {};
}

std::vector<std::string> texts(const std::vector<IpRange>& ranges) {
    std::vector<std::string> out;
    for (const auto& range : ranges) out.push_back(range.text());
    return out;
}

}  // namespace

std::vector<std::string_view> rule_fields() {
    std::vector<std::string_view> out = {"deny_models", "ips", "user_agents", "groups"};
    for (const auto field : limit_fields()) out.push_back(field);
    return out;
}

void RulesChange::apply(KeyRules& rules) const {
    if (deny_models) rules.deny_models = *deny_models;
    if (user_agents) rules.user_agents = *user_agents;
    if (ips) rules.ips = *ips;
    if (groups) rules.groups = *groups;
    limits.apply(rules.limits);
}

bool RulesChange::sets_limits() const {
    return groups || limits.any();
}

Result<RulesChange> rules_change_from(const json& object) {
    RulesChange change;
    auto denied = texts_of(object, "deny_models");
    if (!denied) return std::unexpected(denied.error());
    change.deny_models = *std::move(denied);
    auto agents = texts_of(object, "user_agents");
    if (!agents) return std::unexpected(agents.error());
    change.user_agents = *std::move(agents);
    for (const auto part : {ranges_of, groups_of}) {
        if (auto done = part(object, change); !done) return std::unexpected(done.error());
    }
    const auto limits = limits_change_from(object);
    if (!limits) return std::unexpected(limits.error());
    change.limits = *limits;
    return change;
}

void add_rules(Json& out, const KeyRules& rules) {
    out["deny_models"] = rules.deny_models;
    out["ips"] = texts(rules.ips);
    out["user_agents"] = rules.user_agents;
    out["groups"] = rules.groups.names();
    add_limits(out, rules.limits);
}

std::string stored_rules(const KeyRules& rules) {
    Json all = Json::object();
    add_rules(all, rules);
    Json out = Json::object();
    for (const auto& [name, value] : all.items()) {
        if (!value.is_null() && !(value.is_array() && value.empty())) out[name] = value;
    }
    return out.dump();
}

Result<KeyRules> rules_from_stored(std::string_view text) {
    const auto parsed = json::parse(text, nullptr, false);
    if (!parsed.is_object()) return fail(ErrorCode::corrupt, "not a JSON object");
    const auto change = rules_change_from(parsed);
    if (!change) return fail(ErrorCode::corrupt, change.error().message);
    KeyRules rules;
    change->apply(rules);
    return rules;
}

std::string settable_rules_schema() {
    return R"("deny_models":{"type":"array","items":{"type":"string"},"description":"names or globs that the key may not use, whatever `models` says"},)"
           R"("ips":{"type":"array","items":{"type":"string"},"description":"addresses or CIDR ranges the key may be used from; empty = all"},)"
           R"("user_agents":{"type":"array","items":{"type":"string"},"description":"globs, any case, of the clients it may be used by; empty = all"},)"
           R"("groups":{"type":"array","maxItems":64,"items":{"type":"string"},"description":"it is served by accounts of these groups only; empty = by all; takes change_limits"},)" +
           settable_limits_schema();
}

std::string shown_rules_schema() {
    return R"("deny_models":{"type":"array","items":{"type":"string"}},"ips":{"type":"array","items":{"type":"string"}},)"
           R"("user_agents":{"type":"array","items":{"type":"string"}},"groups":{"type":"array","items":{"type":"string"}},)" +
           shown_limits_schema();
}

std::string required_rules_schema() {
    std::string out;
    for (const auto field : rule_fields()) out += (out.empty() ? "\"" : ",\"") + std::string(field) + "\"";
    return out;
}

Result<void> check_rules(const KeyRules& rules) {
    const auto named = [](std::string_view field, const Result<void>& checked) -> Result<void> {
        if (checked) return {};
        return fail(ErrorCode::invalid_argument, "`" + std::string(field) + "`: " + checked.error().message);
    };
    if (auto ok = named("deny_models", check_models(rules.deny_models)); !ok) return ok;
    if (rules.ips.size() > max_entries || rules.user_agents.size() > max_entries)
        return fail(ErrorCode::invalid_argument, "`ips` and `user_agents` take up to 256 entries each");
    for (const auto& glob : rules.user_agents) {
        if (auto ok = check_note(glob); !ok || glob.empty() || glob.size() > 256)
            return fail(ErrorCode::invalid_argument,
                        "`user_agents`: each is a glob of 1 to 256 bytes, such as `claude-cli/*`");
    }
    return {};
}

}  // namespace lurus::identity
