#include "modules/gateway/usage_fields.hpp"

#include <algorithm>

#include "core/json_scan.hpp"

namespace lurus::gateway {

std::optional<std::int64_t> token_count(std::string_view value) {
    const std::optional<std::int64_t> number = json::to_int64(value);
    return number && *number >= 0 ? number : std::nullopt;
}

void UsageFields::merge(std::string_view object, std::initializer_list<std::string_view> keep_if_zero) {
    json::Reader reader(object, json::Mode::trusting);
    if (reader.peek() != json::Kind::object || !reader.enter_object()) return;
    std::string_view key;
    std::size_t guess = 0;  // vendors repeat their fields in the same order
    while (reader.next_member(key)) {
        const std::string_view value = reader.skip();
        if (reader.failed()) return;
        std::size_t i = guess;
        if (i >= fields_.size() || fields_[i].first != key) {
            i = static_cast<std::size_t>(
                std::ranges::find(fields_, key, [](const auto& f) { return std::string_view(f.first); }) -
                fields_.begin());
        }
        guess = i + 1;
        if (i == fields_.size()) {
            if (fields_.size() < max_fields) fields_.emplace_back(key, value);
            continue;
        }
        std::string& old = fields_[i].second;
        if (value == old || json::kind_of(value) == json::Kind::null) continue;
        if (json::kind_of(value) == json::Kind::object && json::kind_of(old) == json::Kind::object) {
            UsageFields nested;
            nested.merge(old);
            nested.merge(value);
            old = nested.empty() ? "{}" : nested.json();
            continue;
        }
        if (std::ranges::find(keep_if_zero, key) != keep_if_zero.end() && token_count(value) == 0 &&
            token_count(old).value_or(0) > 0)
            continue;
        old = value;
    }
}

std::string_view UsageFields::raw(std::string_view key) const {
    for (const auto& [name, value] : fields_) {
        if (json::key_equals(name, key))
            return json::kind_of(value) == json::Kind::null ? std::string_view{} : std::string_view(value);
    }
    return {};
}

std::string_view UsageFields::raw(std::string_view key, std::string_view inner) const {
    const std::string_view object = raw(key);
    return object.empty() ? object : json::find(object, {inner});
}

std::optional<std::int64_t> UsageFields::count(std::string_view key) const {
    return token_count(raw(key));
}

std::optional<std::int64_t> UsageFields::count(std::string_view key, std::string_view inner) const {
    return token_count(raw(key, inner));
}

std::string UsageFields::json() const {
    if (fields_.empty()) return {};
    std::string out = "{";
    for (const auto& [key, value] : fields_) {
        if (out.size() > 1) out += ',';
        out += '"';
        out += key;
        out += "\":";
        out += value;
    }
    return out + "}";
}

}  // namespace lurus::gateway
