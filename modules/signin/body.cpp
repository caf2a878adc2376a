#include "modules/signin/body.hpp"

#include <algorithm>

namespace lurus::signin {
namespace {

using nlohmann::json;

constexpr std::size_t max_text = 16 << 10;

struct Field {
    std::string_view name;
    char kind = 't';  // text, flag, integer, list
    bool required = false;
};

Field field_of(std::string_view written) {
    Field field;
    field.required = written.starts_with('!');
    if (field.required) written.remove_prefix(1);
    if (written.ends_with("[]")) {
        field.kind = 'l';
        written.remove_suffix(2);
    } else if (written.ends_with('?')) {
        field.kind = 'f';
        written.remove_suffix(1);
    } else if (written.ends_with('#')) {
        field.kind = 'i';
        written.remove_suffix(1);
    }
    field.name = written;
    return field;
}

bool is_text(const json& value) {
    return value.is_string() && value.get_ref<const std::string&>().size() <= max_text;
}

bool fits(const Field& field, const json& value) {
    switch (field.kind) {
        case 'f': return value.is_boolean();
        case 'i': return value.is_number_integer();
        case 'l': return value.is_array() && value.size() <= 100 && std::ranges::all_of(value, is_text);
        default: return is_text(value);
    }
}

std::string_view expectation(char kind) {
    switch (kind) {
        case 'f': return "true or false";
        case 'i': return "an integer";
        case 'l': return "an array of strings";
        default: return "a string";
    }
}

}  // namespace

Result<json> body_of(const ApiRequest& request, std::initializer_list<std::string_view> fields) {
    auto body =
        json::parse(request.body.empty() ? std::string_view("{}") : std::string_view(request.body), nullptr, false);
    if (!body.is_object()) return fail(ErrorCode::invalid_argument, "the body must be a JSON object");
    for (const auto& [name, value] : body.items()) {
        const bool known =
            std::ranges::any_of(fields, [&](std::string_view written) { return field_of(written).name == name; });
        if (!known) return fail(ErrorCode::invalid_argument, "there is no field `" + name.substr(0, 100) + "` here");
    }
    for (const auto written : fields) {
        const Field field = field_of(written);
        const auto at = body.find(field.name);
        const std::string quoted = "`" + std::string(field.name) + "`";
        if (at == body.end()) {
            if (field.required) return fail(ErrorCode::invalid_argument, quoted + " is missing");
        } else if (!fits(field, *at)) {
            return fail(ErrorCode::invalid_argument, quoted + " must be " + std::string(expectation(field.kind)));
        }
    }
    return body;
}

std::string text_in(const json& body, const char* field) {
    const auto at = body.find(field);
    return at == body.end() ? std::string() : at->get<std::string>();
}

bool flag_in(const json& body, const char* field) {
    const auto at = body.find(field);
    return at != body.end() && at->get<bool>();
}

}  // namespace lurus::signin
