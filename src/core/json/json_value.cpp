#include "core/json/json_value.hpp"

namespace lurus {

const Json& member(const Json& object, std::string_view name) {
    static const Json null;
    if (!object.is_object()) return null;
    auto it = object.find(std::string(name));
    return it == object.end() ? null : *it;
}

std::string text_of(const Json& object, std::string_view name) {
    const Json& value = member(object, name);
    return value.is_string() ? value.get<std::string>() : std::string();
}

std::optional<std::int64_t> number_of(const Json& object, std::string_view name) {
    const Json& value = member(object, name);
    if (!value.is_number_integer()) return std::nullopt;
    return value.get<std::int64_t>();
}

bool flag_of(const Json& object, std::string_view name) {
    const Json& value = member(object, name);
    return value.is_boolean() && value.get<bool>();
}

const Json& list_of(const Json& body) {
    static const Json empty = Json::array();
    if (body.is_array()) return body;
    if (member(body, "data").is_array()) return member(body, "data");
    if (body.is_object()) {
        for (const auto& value : body) {
            if (value.is_array()) return value;
        }
    }
    return empty;
}

std::string joined(const Json& array, std::string_view separator) {
    std::string out;
    if (!array.is_array()) return out;
    for (const auto& item : array) {
        if (!out.empty()) out += separator;
        out += item.is_string() ? item.get<std::string>() : dump(item);
    }
    return out;
}

std::string dump(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lurus
