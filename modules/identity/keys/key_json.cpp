#include "modules/identity/keys/key_json.hpp"

#include <algorithm>
#include <array>

#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "modules/identity/keys/key_bounds.hpp"
#include "modules/identity/keys/key_rules.hpp"

namespace lurus::identity {
namespace {

using nlohmann::json;

Result<std::optional<std::vector<Family>>> families_of(const json& body) {
    const auto names = texts_of(body, "families");
    if (!names) return std::unexpected(names.error());
    if (!*names) return std::nullopt;
    std::vector<Family> out;
    for (const auto& name : **names) {
        if (name == "all") return std::vector<Family>();
        const auto family = name == "claude" ? std::optional(Family::anthropic) : family_from(name);
        if (!family) return std::unexpected(wrong_field("families", "any of `anthropic`, `openai`, `gemini`"));
        if (std::ranges::find(out, *family) == out.end()) out.push_back(*family);
    }
    return out;
}

// Outer empty: absent. Inner empty: null, never expires.
Result<std::optional<std::optional<UnixMicros>>> expires_of(const json& body, UnixMicros now) {
    using Answer = std::optional<std::optional<UnixMicros>>;
    const auto at = body.find("expires");
    if (at == body.end()) return Answer();
    if (at->is_null() || *at == "never") return Answer(std::optional<UnixMicros>());
    if (!at->is_string()) return std::unexpected(wrong_field("expires", "a time, a duration or null"));
    const auto time = expiry_from(at->get_ref<const std::string&>(), now);
    if (!time) return std::unexpected(time.error());
    return Answer(std::optional<UnixMicros>(*time));
}

// Outer empty: absent. Inner empty: null, no such expiry.
Result<std::optional<std::optional<std::int64_t>>> expires_after_of(const json& body) {
    using Answer = std::optional<std::optional<std::int64_t>>;
    const auto at = body.find("expires_after");
    if (at == body.end()) return Answer();
    if (at->is_null() || *at == "never") return Answer(std::optional<std::int64_t>());
    const auto duration =
        at->is_string() ? parse_duration(at->get_ref<const std::string&>()) : std::optional<std::int64_t>();
    if (!duration || *duration <= 0)
        return std::unexpected(wrong_field("expires_after", "a duration such as `30d`, or null"));
    return Answer(std::optional<std::int64_t>(*duration));
}

// A text where null says none.
Result<std::optional<std::string>> name_or_null(const json& body, const char* field) {
    const auto at = body.find(field);
    if (at != body.end() && at->is_null()) return std::string();
    return text_of(body, field);
}

nlohmann::ordered_json time_or_null(const std::optional<UnixMicros>& time) {
    return time ? nlohmann::ordered_json(format_time(*time)) : nlohmann::ordered_json(nullptr);
}

const std::string required_of_key =
    R"("name","org","user","owner","team","tags","hint","note","source","status","created","expires","expires_after",)"
    R"("last_used","old_value_until","old_values","disabled","models","families","set_by_admin","org_name","team_name",)" +
    required_rules_schema();

const std::string properties_of_key =
    R"("name":{"type":"string"},"org":{"type":"string"},)"
    R"("user":{"type":"string","description":"id of the member who owns it; empty = the organisation's own"},)"
    R"("owner":{"type":["string","null"],"description":"that member's address or name"},"team":{"type":"string"},)"
    R"("org_name":{"type":["string","null"]},"team_name":{"type":["string","null"]},)"
    R"("tags":{"type":"array","items":{"type":"string"}},)"
    R"("hint":{"type":"string","description":"prefix and last four characters"},"note":{"type":"string"},)"
    R"("source":{"enum":["store","config"]},"status":{"enum":["active","disabled","owner_disabled","expired"]},)"
    R"("created":{"type":"string","format":"date-time"},"expires":{"type":["string","null"],"format":"date-time"},)"
    R"("expires_after":{"type":["string","null"],"description":"counted from the first use, which sets `expires`"},)"
    R"("last_used":{"type":["string","null"],"format":"date-time"},)"
    R"("old_value_until":{"type":["string","null"],"format":"date-time","description":"values before rotations are taken until then at most"},)"
    R"("old_values":{"type":"array","items":{"type":"object","required":["hint","until"],"properties":{"hint":{"type":["string","null"]},)"
    R"("until":{"type":"string","format":"date-time"}}},"description":"values before rotations that are taken still, each until then; oldest first"},)"
    R"("disabled":{"type":"boolean"},"models":{"type":"array","items":{"type":"string"},"description":"globs; empty = all"},)"
    R"("families":{"type":"array","items":{"enum":["anthropic","openai","gemini"]},"description":"empty = all"},)"
    R"("set_by_admin":{"type":"object","description":"what of these an administrator set: the owner may narrow it, never lift it"},)" +
    shown_rules_schema();

const std::string settable =
    R"("note":{"type":"string","maxLength":1024},"tags":{"type":"array","maxItems":32,"items":{"type":"string"}},)"
    R"("user":{"type":["string","null"],"description":"who owns it: a member's or service account's id, address or name; null = the organisation"},)"
    R"("team":{"type":["string","null"],"description":"id or name"},)"
    R"("expires_after":{"type":["string","null"],"description":"a duration from the first use, such as 30d; null or `never` = never"},)"
    R"("models":{"type":"array","items":{"type":"string"},"description":"names or globs; empty = all"},)"
    R"("families":{"type":"array","items":{"enum":["anthropic","openai","gemini","claude","all"]},"description":"`claude` is `anthropic`; empty = all"},)"
    R"("expires":{"type":["string","null"],"description":"RFC 3339, a date, or a duration from now such as 30d; null or `never` = never"},)" +
    settable_rules_schema();

}  // namespace

std::string key_schema() {
    return R"({"type":"object","required":["id",)" + required_of_key +
           R"(],"properties":{"id":{"type":"string","pattern":"^[0-9a-f]{32}$"},)" + properties_of_key + "}}";
}

std::string created_key_schema() {
    return R"({"type":"object","required":["key","id",)" + required_of_key +
           R"(],"properties":{"key":{"type":"string","description":"the key itself, shown this once"},"id":{"type":"string","pattern":"^[0-9a-f]{32}$"},)" +
           properties_of_key + "}}";
}

std::string key_list_schema() {
    return page_schema(key_schema());
}

std::string new_key_schema() {
    return R"({"type":"object","required":["name"],"additionalProperties":false,"properties":{"name":{"type":"string","minLength":1,"maxLength":64},)" +
           settable + "}}";
}

std::string key_change_schema() {
    return R"({"type":"object","additionalProperties":false,"minProperties":1,"properties":{"disabled":{"type":"boolean"},)" +
           settable + "}}";
}

nlohmann::ordered_json json_of(const KeyInfo& key, const std::string& owner, UnixMicros now) {
    std::optional<UnixMicros> last_used = key.last_used;
    if (key.use && key.use->last() != 0) last_used = key.use->last();
    nlohmann::ordered_json out;
    out["id"] = key.id;
    out["name"] = key.name;
    out["org"] = key.org;
    out["user"] = key.user;
    out["owner"] = owner.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(owner);
    out["team"] = key.team;
    out["tags"] = key.tags;
    out["hint"] = key.hint;
    out["note"] = key.note;
    out["source"] = key.source;
    out["status"] = key.disabled          ? "disabled"
                    : key.blocked         ? "owner_disabled"
                    : key.expired_at(now) ? "expired"
                                          : "active";
    out["created"] = format_time(key.created);
    out["expires"] = time_or_null(key.expires);
    out["expires_after"] =
        key.expires_after ? nlohmann::ordered_json(duration_text(*key.expires_after)) : nlohmann::ordered_json(nullptr);
    out["last_used"] = time_or_null(last_used);
    std::optional<UnixMicros> last_old;
    auto old_values = nlohmann::ordered_json::array();
    for (const auto& old : key.old) {
        if (old.until <= now) continue;
        last_old = std::max(last_old.value_or(0), old.until);
        auto& shown = old_values.emplace_back();
        shown["hint"] = old.hint;
        if (old.hint.empty()) shown["hint"] = nullptr;
        shown["until"] = format_time(old.until);
    }
    out["old_value_until"] = time_or_null(last_old);
    out["old_values"] = std::move(old_values);
    out["disabled"] = key.disabled;
    out["models"] = key.models;
    out["families"] = nlohmann::ordered_json::array();
    for (const Family family : key.families) out["families"].push_back(name_of(family));
    add_rules(out, key.rules);
    out["set_by_admin"] = key.bounds ? json_of(*key.bounds) : nlohmann::ordered_json::object();
    return out;
}

std::string duration_text(std::int64_t microseconds) {
    constexpr std::array<std::pair<std::int64_t, char>, 3> units = {{{86'400, 'd'}, {3'600, 'h'}, {60, 'm'}}};
    const std::int64_t seconds = microseconds / 1'000'000;
    for (const auto& [size, letter] : units) {
        if (seconds % size == 0) return std::to_string(seconds / size) + letter;
    }
    return std::to_string(seconds) + "s";
}

Result<UnixMicros> expiry_from(std::string_view text, UnixMicros now) {
    if (const auto duration = parse_duration(text)) return now + *duration;
    if (const auto time = parse_time(text)) return *time;
    return std::unexpected(wrong_field(
        "expires",
        "a time such as `2027-01-31T00:00:00Z`, a date such as `2027-01-31`, a duration such as `30d`, or `never`"));
}

namespace {

Result<json> body_with(std::string_view body, std::string_view own) {
    std::vector<std::string_view> fields = {own,      "note",     "user",    "team",         "tags",
                                            "models", "families", "expires", "expires_after"};
    for (const auto field : rule_fields()) fields.push_back(field);
    return object_from(body, fields);
}

// What a new key and a change have in common.
Result<KeyBody> settings_from(const json& body, UnixMicros now) {
    KeyBody out;
    KeyChange& change = out.change;
    const auto texts = [&](const char* field, auto& into) -> Result<void> {
        auto value = texts_of(body, field);
        if (!value) return std::unexpected(value.error());
        into = *std::move(value);
        return {};
    };
    const auto name = [&](const char* field, auto& into) -> Result<void> {
        auto value = name_or_null(body, field);
        if (!value) return std::unexpected(value.error());
        into = *std::move(value);
        return {};
    };
    auto note = text_of(body, "note");
    if (!note) return std::unexpected(note.error());
    change.note = *std::move(note);
    for (const auto& done : {name("user", change.user), name("team", change.team), texts("tags", change.tags),
                             texts("models", change.models)}) {
        if (!done) return std::unexpected(done.error());
    }
    auto families = families_of(body);
    if (!families) return std::unexpected(families.error());
    change.families = *std::move(families);
    const auto expires = expires_of(body, now);
    if (!expires) return std::unexpected(expires.error());
    change.expires = *expires;
    const auto expires_after = expires_after_of(body);
    if (!expires_after) return std::unexpected(expires_after.error());
    change.expires_after = *expires_after;
    if (change.expires && *change.expires && change.expires_after && *change.expires_after)
        return fail(ErrorCode::invalid_argument, "`expires` and `expires_after` cannot both be set");
    auto rules = rules_change_from(body);
    if (!rules) return std::unexpected(rules.error());
    change.rules = *std::move(rules);
    out.limits = change.rules.sets_limits();
    return out;
}

}  // namespace

Result<KeyBody> new_key_from(std::string_view body, UnixMicros now) {
    const auto parsed = body_with(body, "name");
    if (!parsed) return std::unexpected(parsed.error());
    auto name = text_of(*parsed, "name");
    if (!name) return std::unexpected(name.error());
    if (!*name) return fail(ErrorCode::invalid_argument, "`name` is missing: what shall the key be called?");
    auto wanted = settings_from(*parsed, now);
    if (wanted) wanted->name = **std::move(name);
    return wanted;
}

Result<KeyBody> key_change_from(std::string_view body, UnixMicros now) {
    const auto parsed = body_with(body, "disabled");
    if (!parsed) return std::unexpected(parsed.error());
    if (parsed->empty()) return fail(ErrorCode::invalid_argument, "the body names nothing to change");
    const auto disabled = flag_of(*parsed, "disabled");
    if (!disabled) return std::unexpected(disabled.error());
    auto wanted = settings_from(*parsed, now);
    if (wanted) wanted->change.disabled = *disabled;
    return wanted;
}

std::string rotation_schema() {
    return R"({"type":"object","additionalProperties":false,"properties":{"overlap":{"type":"string","default":"1d",)"
           R"("description":"how long the value before is taken still, such as 24h, at most 90d; 0s = not at all"},)"
           R"("only_new":{"type":"boolean","default":false,"description":"no value before is taken any more, also those that )"
           R"(earlier rotations promised to take"}}})";
}

Result<Rotation> rotation_from(std::string_view body) {
    Rotation rotation;
    if (body.empty()) return rotation;
    const auto parsed = object_from(body, {"overlap", "only_new"});
    if (!parsed) return std::unexpected(parsed.error());
    const auto only_new = flag_of(*parsed, "only_new");
    if (!only_new) return std::unexpected(only_new.error());
    rotation.only_new = only_new->value_or(false);
    if (rotation.only_new) rotation.overlap = 0;
    const auto text = text_of(*parsed, "overlap");
    if (!text) return std::unexpected(text.error());
    if (!*text) return rotation;
    constexpr std::int64_t longest = 90ll * 86'400'000'000;
    const auto overlap = parse_duration(**text);
    if (!overlap || *overlap < 0 || *overlap > longest)
        return std::unexpected(wrong_field("overlap", "a duration from `0s` to `90d`"));
    if (rotation.only_new && *overlap > 0)
        return fail(ErrorCode::invalid_argument, "`only_new` ends the value before at once: leave `overlap` out");
    rotation.overlap = *overlap;
    return rotation;
}

}  // namespace lurus::identity
