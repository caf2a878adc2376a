// Values that match a JSON Schema: for tool arguments and structured answers.

#include <algorithm>
#include <cmath>

#include "core/text/ascii.hpp"
#include "modules/provider/demo/demo_plan.hpp"

namespace lurus::provider::demo {
namespace {

constexpr int deepest = 12;
constexpr const char* command = "echo hello from lurus";

bool one_of(std::string_view text, std::initializer_list<std::string_view> list) {
    return std::ranges::find(list, text) != list.end();
}

std::string text_for(const json& schema, const std::string& key) {
    const std::string format = lower_case(text_at(schema, "format"));
    if (format == "date-time") return "2026-01-01T00:00:00Z";
    if (format == "date") return "2026-01-01";
    if (format == "time") return "00:00:00Z";
    if (format == "duration") return "PT1M";
    if (format == "email") return "demo@example.com";
    if (format == "uuid") return "018f0000-0000-7000-8000-000000000000";
    if (format == "ipv4") return "127.0.0.1";
    if (format == "ipv6") return "::1";
    if (format == "hostname") return "example.com";
    if (format == "uri" || format == "url") return "https://example.com/";
    const std::string name = lower_case(key);
    if (one_of(name, {"command", "cmd", "script", "shell_command"})) return command;
    if (name.contains("url") || name.contains("uri")) return "https://example.com/";
    if (name.contains("path") || name.contains("dir") || name == "file" || name == "cwd" || name.contains("file_name"))
        return ".";
    if (one_of(name, {"query", "q", "search", "prompt", "text", "message", "input", "content", "question"}))
        return "hello from lurus";
    if (name == "pattern" || name == "glob") return "*";
    if (one_of(name, {"city", "location", "place"})) return "Paris";
    if (name == "title" || name == "topic" || name == "subject") return "A demo conversation";
    return name.empty() ? "demo" : "demo " + name;
}

json number_for(const json& schema, bool whole) {
    double value = 1;
    const auto bound = [&](const char* key) -> std::optional<double> {
        const json& found = at(schema, key);
        return found.is_number() ? std::optional<double>(found.get<double>()) : std::nullopt;
    };
    const double step = whole ? 1 : 0.5;
    if (const auto low = bound("minimum"); low && value < *low) value = *low;
    if (const auto low = bound("exclusiveMinimum"); low && value <= *low) value = *low + step;
    if (const auto high = bound("maximum"); high && value > *high) value = *high;
    if (const auto high = bound("exclusiveMaximum"); high && value >= *high) value = *high - step;
    if (const auto multiple = bound("multipleOf"); multiple && *multiple > 0)
        value = std::ceil(value / *multiple) * *multiple;
    if (whole && std::abs(value) < 9e15) return static_cast<std::int64_t>(std::ceil(value));
    return value;
}

const json* referenced(const json& root, const std::string& pointer) {
    if (!pointer.starts_with('#')) return nullptr;
    try {
        const json::json_pointer path(pointer.substr(1));
        return root.contains(path) ? &root.at(path) : nullptr;
    } catch (const json::exception&) {
        return nullptr;
    }
}

class Maker {
public:
    Maker(const json& root, bool all) : root_(root), all_(all) {}

    [[nodiscard]] json make(const json& schema, const std::string& key, int depth) const {
        if (!schema.is_object() || depth > deepest) return nullptr;
        if (schema.contains("$ref")) {
            const json* target = referenced(root_, text_at(schema, "$ref"));
            return target == nullptr ? json(nullptr) : make(*target, key, depth + 1);
        }
        if (schema.contains("const")) return schema["const"];
        if (const json& options = at(schema, "enum"); options.is_array() && !options.empty()) return options.front();
        for (const char* any : {"anyOf", "oneOf", "any_of"}) {
            const json& options = at(schema, any);
            if (!options.is_array() || options.empty()) continue;
            const auto found =
                std::ranges::find_if(options, [](const json& o) { return lower_case(text_at(o, "type")) != "null"; });
            return make(found == options.end() ? options.front() : *found, key, depth + 1);
        }
        if (const json& parts = at(schema, "allOf"); parts.is_array() && !parts.empty())
            return merge(parts, schema, key, depth);
        const std::string type = type_of(schema);
        if (type == "object") return object(schema, depth);
        if (type == "array") return array(schema, key, depth);
        if (schema.contains("default")) return schema["default"];
        if (type == "string") return fitted(schema, text_for(schema, key));
        if (type == "integer") return number_for(schema, true);
        if (type == "number") return number_for(schema, false);
        if (type == "boolean") return false;
        if (type == "null") return nullptr;
        return fitted(schema, text_for(schema, key));
    }

private:
    static std::string type_of(const json& schema) {
        const json& type = at(schema, "type");
        std::string name;
        if (type.is_string()) name = type.get<std::string>();
        if (type.is_array()) {
            for (const json& item : type) {
                if (item.is_string() && item != "null" && name.empty()) name = item.get<std::string>();
            }
        }
        if (name.empty() && schema.contains("properties")) return "object";
        if (name.empty() && schema.contains("items")) return "array";
        return lower_case(name);
    }

    [[nodiscard]] json merge(const json& parts, const json& schema, const std::string& key, int depth) const {
        json merged = schema;
        merged.erase("allOf");
        for (const json& part : parts) {
            const json* whole = part.contains("$ref") ? referenced(root_, text_at(part, "$ref")) : &part;
            if (whole == nullptr || !whole->is_object()) continue;
            for (const auto& [name, value] : whole->items()) {
                if (name == "properties" && merged.contains(name)) {
                    merged[name].update(value);
                } else if (name == "required" && merged.contains(name) && value.is_array()) {
                    merged[name].insert(merged[name].end(), value.begin(), value.end());
                } else {
                    merged[name] = value;
                }
            }
        }
        return make(merged, key, depth + 1);
    }

    [[nodiscard]] json object(const json& schema, int depth) const {
        json out = json::object();
        const json& properties = at(schema, "properties");
        if (!properties.is_object()) return out;
        const json& required = at(schema, "required");
        for (const auto& [name, property] : properties.items()) {
            const bool must = required.is_array() && std::ranges::find(required, json(name)) != required.end();
            const bool shell = depth == 0 && one_of(lower_case(name), {"command", "cmd"});
            if (!must && !all_ && !shell) continue;
            json value = make(property, name, depth + 1);
            if (value.is_null() && !must) continue;
            out[name] = std::move(value);
        }
        return out;
    }

    [[nodiscard]] json array(const json& schema, const std::string& key, int depth) const {
        json out = json::array();
        if (one_of(lower_case(key), {"command", "cmd"})) return json::array({"bash", "-lc", command});
        const auto least =
            static_cast<std::size_t>(std::clamp<std::int64_t>(number_at(schema, "minItems"), all_ ? 1 : 0, 8));
        const json& items = at(schema, "items");
        for (std::size_t i = 0; i < least; ++i)
            out.push_back(items.is_object() ? make(items, key, depth + 1) : json("demo"));
        return out;
    }

    static std::string fitted(const json& schema, std::string text) {
        const auto least = static_cast<std::size_t>(std::clamp<std::int64_t>(number_at(schema, "minLength"), 0, 1000));
        while (text.size() < least) text += '.';
        if (const auto most = number_at(schema, "maxLength");
            most > 0 && text.size() > static_cast<std::size_t>(most)) {
            text.resize(static_cast<std::size_t>(most));
        }
        return text;
    }

    const json& root_;
    bool all_;
};

}  // namespace

json value_for(const json& schema, bool all) {
    return Maker(schema, all).make(schema, "", 0);
}

}  // namespace lurus::provider::demo
