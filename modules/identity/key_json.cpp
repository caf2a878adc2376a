#include "modules/identity/key_json.hpp"

#include <algorithm>
#include <initializer_list>

#include "modules/identity/key_rules.hpp"

namespace lurus::identity {
namespace {

using nlohmann::json;

Error wrong(std::string_view field, std::string_view expected) {
    return Error(ErrorCode::invalid_argument, "`" + std::string(field) + "` must be " + std::string(expected));
}

Result<json> object_from(std::string_view body, std::initializer_list<std::string_view> fields) {
    json parsed;
    try {
        parsed = json::parse(body);
    } catch (const json::parse_error& e) {
        return fail(ErrorCode::invalid_argument, "the body is not JSON (byte " + std::to_string(e.byte) + ")");
    }
    if (!parsed.is_object()) return fail(ErrorCode::invalid_argument, "the body must be a JSON object");
    std::vector<std::string_view> all(fields);
    for (const auto field : rule_fields()) all.push_back(field);
    for (const auto& [name, value] : parsed.items()) {
        if (std::ranges::find(all, std::string_view(name)) != all.end()) continue;
        std::string known;
        for (const auto field : all) known += (known.empty() ? "`" : ", `") + std::string(field) + "`";
        return fail(ErrorCode::invalid_argument, "there is no field `" + name + "` here; known are " + known);
    }
    return parsed;
}

// The field's string; empty optional when it is absent.
Result<std::optional<std::string>> text_of(const json& body, const char* field) {
    const auto at = body.find(field);
    if (at == body.end()) return std::nullopt;
    if (!at->is_string()) return std::unexpected(wrong(field, "a string"));
    return at->get<std::string>();
}

Result<std::optional<std::vector<std::string>>> texts_of(const json& body, const char* field) {
    const auto at = body.find(field);
    if (at == body.end()) return std::nullopt;
    std::vector<std::string> out;
    if (!at->is_array()) return std::unexpected(wrong(field, "an array of strings"));
    for (const auto& value : *at) {
        if (!value.is_string()) return std::unexpected(wrong(field, "an array of strings"));
        out.push_back(value.get<std::string>());
    }
    return out;
}

Result<std::optional<std::vector<Family>>> families_of(const json& body) {
    const auto names = texts_of(body, "families");
    if (!names) return std::unexpected(names.error());
    if (!*names) return std::nullopt;
    std::vector<Family> out;
    for (const auto& name : **names) {
        if (name == "all") return std::vector<Family>();
        const auto family = name == "claude" ? std::optional(Family::anthropic) : family_from(name);
        if (!family) return std::unexpected(wrong("families", "any of `anthropic`, `openai`, `gemini`"));
        if (std::ranges::find(out, *family) == out.end()) out.push_back(*family);
    }
    return out;
}

// Outer empty: absent. Inner empty: null, never expires.
Result<std::optional<std::optional<UnixMicros>>> expires_of(const json& body, UnixMicros now) {
    using Answer = std::optional<std::optional<UnixMicros>>;
    const auto at = body.find("expires");
    if (at == body.end()) return Answer();
    if (at->is_null()) return Answer(std::optional<UnixMicros>());
    if (!at->is_string()) return std::unexpected(wrong("expires", "a time, a duration or null"));
    const auto time = expiry_from(at->get_ref<const std::string&>(), now);
    if (!time) return std::unexpected(time.error());
    return Answer(std::optional<UnixMicros>(*time));
}

const std::string required_of_key =
    R"("name","user","hint","note","source","status","created","expires","disabled","models","families",)" +
    required_rules_schema();

const std::string properties_of_key =
    R"("name":{"type":"string"},"user":{"type":"string"},)"
    R"("hint":{"type":"string","description":"prefix and last four characters"},"note":{"type":"string"},)"
    R"("source":{"enum":["store","config"]},"status":{"enum":["active","disabled","expired"]},)"
    R"("created":{"type":"string","format":"date-time"},"expires":{"type":["string","null"],"format":"date-time"},)"
    R"("disabled":{"type":"boolean"},"models":{"type":"array","items":{"type":"string"},"description":"globs; empty = all"},)"
    R"("families":{"type":"array","items":{"enum":["anthropic","openai","gemini"]},"description":"empty = all"},)" +
    shown_rules_schema();

const std::string settable =
    R"("note":{"type":"string","maxLength":1024},)"
    R"("models":{"type":"array","items":{"type":"string"},"description":"names or globs; empty = all"},)"
    R"("families":{"type":"array","items":{"enum":["anthropic","openai","gemini","claude","all"]},"description":"`claude` is `anthropic`; empty = all"},)"
    R"("expires":{"type":["string","null"],"description":"RFC 3339, a date, or a duration from now such as 30d; null = never"},)" +
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
    return R"({"type":"object","required":["data"],"properties":{"data":{"type":"array","items":)" + key_schema() +
           "}}}";
}

std::string new_key_schema() {
    return R"({"type":"object","required":["name"],"additionalProperties":false,"properties":{"name":{"type":"string","minLength":1,"maxLength":64},)" +
           settable + "}}";
}

std::string key_change_schema() {
    return R"({"type":"object","additionalProperties":false,"minProperties":1,"properties":{"disabled":{"type":"boolean"},)" +
           settable + "}}";
}

nlohmann::ordered_json json_of(const KeyInfo& key, UnixMicros now) {
    nlohmann::ordered_json out;
    out["id"] = key.id;
    out["name"] = key.name;
    out["user"] = key.user;
    out["hint"] = key.hint;
    out["note"] = key.note;
    out["source"] = key.source;
    out["status"] = key.disabled ? "disabled" : key.usable_at(now) ? "active" : "expired";
    out["created"] = format_time(key.created);
    out["expires"] = key.expires ? nlohmann::ordered_json(format_time(*key.expires)) : nlohmann::ordered_json(nullptr);
    out["disabled"] = key.disabled;
    out["models"] = key.models;
    out["families"] = nlohmann::ordered_json::array();
    for (const Family family : key.families) out["families"].push_back(name_of(family));
    add_rules(out, key.rules);
    return out;
}

Result<UnixMicros> expiry_from(std::string_view text, UnixMicros now) {
    if (const auto duration = parse_duration(text)) return now + *duration;
    if (const auto time = parse_time(text)) return *time;
    return std::unexpected(wrong(
        "expires", "a time such as `2027-01-31T00:00:00Z`, a date such as `2027-01-31`, or a duration such as `30d`"));
}

Result<NewKey> new_key_from(std::string_view body, UnixMicros now) {
    const auto parsed = object_from(body, {"name", "note", "models", "families", "expires"});
    if (!parsed) return std::unexpected(parsed.error());
    auto name = text_of(*parsed, "name");
    if (!name) return std::unexpected(name.error());
    if (!*name) return fail(ErrorCode::invalid_argument, "`name` is missing: what shall the key be called?");
    auto note = text_of(*parsed, "note");
    if (!note) return std::unexpected(note.error());
    auto models = texts_of(*parsed, "models");
    if (!models) return std::unexpected(models.error());
    auto families = families_of(*parsed);
    if (!families) return std::unexpected(families.error());
    const auto expires = expires_of(*parsed, now);
    if (!expires) return std::unexpected(expires.error());
    NewKey wanted;
    wanted.name = **std::move(name);
    wanted.note = std::move(*note).value_or("");
    wanted.models = std::move(*models).value_or(std::vector<std::string>());
    wanted.families = std::move(*families).value_or(std::vector<Family>());
    wanted.expires = expires->value_or(std::nullopt);
    const auto rules = rules_change_from(*parsed);
    if (!rules) return std::unexpected(rules.error());
    rules->apply(wanted.rules);
    return wanted;
}

Result<KeyChange> key_change_from(std::string_view body, UnixMicros now) {
    const auto parsed = object_from(body, {"disabled", "note", "models", "families", "expires"});
    if (!parsed) return std::unexpected(parsed.error());
    if (parsed->empty()) return fail(ErrorCode::invalid_argument, "the body names nothing to change");
    KeyChange change;
    if (const auto at = parsed->find("disabled"); at != parsed->end()) {
        if (!at->is_boolean()) return std::unexpected(wrong("disabled", "true or false"));
        change.disabled = at->get<bool>();
    }
    auto note = text_of(*parsed, "note");
    if (!note) return std::unexpected(note.error());
    change.note = *std::move(note);
    auto models = texts_of(*parsed, "models");
    if (!models) return std::unexpected(models.error());
    change.models = *std::move(models);
    auto families = families_of(*parsed);
    if (!families) return std::unexpected(families.error());
    change.families = *std::move(families);
    const auto expires = expires_of(*parsed, now);
    if (!expires) return std::unexpected(expires.error());
    change.expires = *expires;
    auto rules = rules_change_from(*parsed);
    if (!rules) return std::unexpected(rules.error());
    change.rules = *std::move(rules);
    return change;
}

}  // namespace lurus::identity
