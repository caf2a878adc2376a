#include "modules/identity/key_rules.hpp"

#include <array>

#include "modules/identity/key_text.hpp"

namespace lurus::identity {
namespace {

using nlohmann::json;
using Json = nlohmann::ordered_json;

constexpr std::size_t max_entries = 256;

struct Amount {
    const char* name;
    std::int64_t Limits::* limit;
    std::optional<std::int64_t> RulesChange::* change;
    const char* description;
};
constexpr std::array<Amount, 5> amounts = {{
    {"rpm", &Limits::rpm, &RulesChange::rpm, "requests a minute"},
    {"tpm", &Limits::tpm, &RulesChange::tpm, "tokens a minute, in and out"},
    {"itpm", &Limits::itpm, &RulesChange::itpm, "tokens in a minute"},
    {"otpm", &Limits::otpm, &RulesChange::otpm, "tokens out a minute"},
    {"concurrency", &Limits::concurrency, &RulesChange::concurrency, "requests being answered at once"},
}};

Error wrong(std::string_view field, std::string_view expected) {
    return Error(ErrorCode::invalid_argument, "`" + std::string(field) + "` must be " + std::string(expected));
}

Result<std::optional<std::vector<std::string>>> texts_of(const json& object, const char* field) {
    const auto at = object.find(field);
    if (at == object.end()) return std::nullopt;
    std::vector<std::string> out;
    if (!at->is_array()) return std::unexpected(wrong(field, "an array of strings"));
    for (const auto& value : *at) {
        if (!value.is_string()) return std::unexpected(wrong(field, "an array of strings"));
        out.push_back(value.get<std::string>());
    }
    return out;
}

Result<void> amounts_of(const json& object, RulesChange& change) {
    for (const auto& amount : amounts) {
        const auto at = object.find(amount.name);
        if (at == object.end()) continue;
        const bool whole =
            at->is_number_unsigned() && at->get<std::uint64_t>() <= static_cast<std::uint64_t>(max_limit);
        if (!whole && !at->is_null())
            return std::unexpected(wrong(amount.name, "a whole number up to 1000000000; 0 or null = no limit"));
        change.*(amount.change) = at->is_null() ? 0 : at->get<std::int64_t>();
    }
    return {};
}

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

Result<void> budget_of(const json& object, RulesChange& change) {
    const auto at = object.find("budget");
    if (at == object.end()) return {};
    if (at->is_null()) {
        change.budget.emplace();
        return {};
    }
    if (!at->is_string()) return std::unexpected(wrong("budget", "text such as `10 USD/day`, or null"));
    const auto budget = Budget::parse(at->get_ref<const std::string&>());
    if (!budget) return fail(ErrorCode::invalid_argument, "`budget`: " + budget.error().message);
    change.budget.emplace(*budget);
    return {};
}

Result<void> window_of(const json& object, RulesChange& change) {
    const auto at = object.find("window");
    if (at == object.end()) return {};
    if (at->is_null()) {
        change.window.emplace();
        return {};
    }
    const auto kind = at->is_string() ? window_from(at->get_ref<const std::string&>()) : std::nullopt;
    if (!kind) return std::unexpected(wrong("window", "`sliding`, `bucket` or null"));
    change.window.emplace(*kind);
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
    for (const auto& amount : amounts) out.emplace_back(amount.name);
    out.insert(out.end(), {"budget", "window"});
    return out;
}

void RulesChange::apply(KeyRules& rules) const {
    if (deny_models) rules.deny_models = *deny_models;
    if (user_agents) rules.user_agents = *user_agents;
    if (ips) rules.ips = *ips;
    if (groups) rules.groups = *groups;
    for (const auto& amount : amounts) {
        if (const auto& value = this->*(amount.change)) rules.limits.*(amount.limit) = *value;
    }
    if (budget) rules.limits.budget = *budget;
    if (window) rules.limits.window = *window;
}

bool RulesChange::sets_limits() const {
    return groups || rpm || tpm || itpm || otpm || concurrency || budget || window;
}

Result<RulesChange> rules_change_from(const json& object) {
    RulesChange change;
    auto denied = texts_of(object, "deny_models");
    if (!denied) return std::unexpected(denied.error());
    change.deny_models = *std::move(denied);
    auto agents = texts_of(object, "user_agents");
    if (!agents) return std::unexpected(agents.error());
    change.user_agents = *std::move(agents);
    for (const auto part : {ranges_of, groups_of, amounts_of, budget_of, window_of}) {
        if (auto done = part(object, change); !done) return std::unexpected(done.error());
    }
    return change;
}

void add_rules(Json& out, const KeyRules& rules) {
    out["deny_models"] = rules.deny_models;
    out["ips"] = texts(rules.ips);
    out["user_agents"] = rules.user_agents;
    out["groups"] = rules.groups.names();
    const Limits& limits = rules.limits;
    for (const auto& amount : amounts) {
        const std::int64_t value = limits.*(amount.limit);
        out[amount.name] = value != 0 ? Json(value) : Json(nullptr);
    }
    out["budget"] = limits.budget ? Json(limits.budget->text()) : Json(nullptr);
    out["window"] = limits.window ? Json(name_of(*limits.window)) : Json(nullptr);
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
    std::string out =
        R"("deny_models":{"type":"array","items":{"type":"string"},"description":"names or globs that the key may not use, whatever `models` says"},)"
        R"("ips":{"type":"array","items":{"type":"string"},"description":"addresses or CIDR ranges the key may be used from; empty = all"},)"
        R"("user_agents":{"type":"array","items":{"type":"string"},"description":"globs, any case, of the clients it may be used by; empty = all"},)"
        R"("groups":{"type":"array","maxItems":64,"items":{"type":"string"},"description":"it is served by accounts of these groups only; empty = by all; takes change_limits"},)";
    for (const auto& amount : amounts) {
        out += "\"" + std::string(amount.name) +
               R"(":{"type":["integer","null"],"minimum":0,"maximum":1000000000,"description":")" + amount.description +
               R"(; 0 or null = no limit"},)";
    }
    return out +
           R"("budget":{"type":["string","null"],"description":"`10 USD/day`, or per week, month or total; null = none"},)"
           R"("window":{"enum":["sliding","bucket",null],"description":"how a minute is counted; null = sliding"})";
}

std::string shown_rules_schema() {
    std::string out =
        R"("deny_models":{"type":"array","items":{"type":"string"}},"ips":{"type":"array","items":{"type":"string"}},)"
        R"("user_agents":{"type":"array","items":{"type":"string"}},"groups":{"type":"array","items":{"type":"string"}},)";
    for (const auto& amount : amounts) {
        out += "\"" + std::string(amount.name) + R"(":{"type":["integer","null"],"description":")" +
               amount.description + R"("},)";
    }
    return out + R"("budget":{"type":["string","null"]},"window":{"enum":["sliding","bucket",null]})";
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
