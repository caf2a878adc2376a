#include "modules/gateway/answer/usage_fields.hpp"

#include <algorithm>

#include "core/json/json_scan.hpp"
#include "core/text/concat.hpp"

namespace lurus::gateway {
namespace {

constexpr std::size_t compact_above = 4096;  // unused bytes

std::string_view not_null(std::string_view value) {
    return json::kind_of(value) == json::Kind::null ? std::string_view{} : value;
}

}  // namespace

std::optional<std::int64_t> token_count(std::string_view value) {
    const std::optional<std::int64_t> number = json::to_int64(value);
    return number && *number >= 0 ? number : std::nullopt;
}

void UsageFields::clear() {
    text_.clear();
    fields_.clear();
    unused_ = 0;
    is_json_ = false;
}

std::uint32_t UsageFields::keep(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(text_.size());
    text_.append(text);
    return at;
}

void UsageFields::replace(Field& field, std::string_view value) {
    is_json_ = false;
    if (value.size() <= field.room) {
        value.copy(text_.data() + field.value, value.size());
    } else {
        unused_ += field.room;
        field.value = keep(value);
        field.room = static_cast<std::uint32_t>(value.size());
    }
    field.value_size = static_cast<std::uint32_t>(value.size());
    if (unused_ > compact_above && unused_ > text_.size() / 2) compact();
}

void UsageFields::compact() {
    std::string old;
    old.swap(text_);
    text_.reserve(old.size() - unused_);
    unused_ = 0;
    for (Field& field : fields_) {
        field.key = keep(std::string_view(old).substr(field.key, field.key_size));
        field.value = keep(std::string_view(old).substr(field.value, field.value_size));
        field.room = field.value_size;
    }
}

void UsageFields::merge(std::string_view object, std::span<const std::string_view> keep_if_zero) {
    json::Reader reader(object, json::Mode::trusting);
    if (reader.peek() != json::Kind::object || !reader.enter_object()) return;
    const bool first = fields_.empty();
    if (first) {
        text_ = object;
        fields_.reserve(8);
    }
    const auto place_of = [&](std::string_view part) {
        return first ? static_cast<std::uint32_t>(part.data() - object.data()) : keep(part);
    };
    std::string_view name;
    std::size_t guess = 0;  // vendors repeat their fields in the same order
    while (reader.next_member(name)) {
        const std::string_view now = reader.skip();
        if (reader.failed()) return;
        std::size_t i = guess;
        if (i >= fields_.size() || key(i) != name) {
            i = 0;
            while (i < fields_.size() && key(i) != name) ++i;
        }
        guess = i + 1;
        if (i == fields_.size()) {
            if (i == max_fields) continue;
            Field field;
            field.key = place_of(name);
            field.key_size = static_cast<std::uint32_t>(name.size());
            field.value = place_of(now);
            field.value_size = field.room = static_cast<std::uint32_t>(now.size());
            fields_.push_back(field);
            is_json_ = false;
            continue;
        }
        const std::string_view old = value(i);
        const json::Kind kind = json::kind_of(now);
        if (now == old || kind == json::Kind::null) continue;
        if (kind == json::Kind::object && json::kind_of(old) == json::Kind::object) {
            UsageFields nested;
            nested.merge(old);
            nested.merge(now, keep_if_zero);
            replace(fields_[i], nested.empty() ? "{}" : nested.json());
            continue;
        }
        if (now.starts_with('0') && token_count(now) == 0 && token_count(old).value_or(0) > 0 &&
            std::ranges::find(keep_if_zero, name) != keep_if_zero.end())
            continue;
        replace(fields_[i], now);
    }
    // What has no byte beside its fields and what must stand around them is written as json() writes it.
    if (first) is_json_ = json_size() == text_.size();
}

std::string_view UsageFields::find(std::string_view name) const {
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        if (json::key_equals(key(i), name)) return not_null(value(i));
    }
    return {};
}

std::optional<std::int64_t> UsageFields::count(std::string_view name) const {
    return token_count(find(name));
}

std::optional<std::int64_t> UsageFields::count(std::string_view name, std::string_view inner) const {
    const std::string_view object = find(name);
    return token_count(object.empty() ? object : json::find(object, {inner}));
}

std::size_t UsageFields::json_size() const {
    std::size_t size = 1;
    for (const Field& field : fields_) size += field.key_size + field.value_size + 4;
    return size;
}

std::string UsageFields::json() const {
    if (is_json_) return text_;
    std::string out;
    if (fields_.empty()) return out;
    out.reserve(json_size());
    for (std::size_t i = 0; i < fields_.size(); ++i) append_all(out, i == 0 ? "{\"" : ",\"", key(i), "\":", value(i));
    out += '}';
    return out;
}

UsageValues::UsageValues(const UsageNames& names, const UsageFields& fields) {
    for (std::size_t i = fields.size(); i-- > 0;) {  // of equal keys, written differently, the first counts
        if (const auto id = names.find(fields.key(i))) set(*id, not_null(fields.value(i)));
    }
}

void UsageValues::read(const UsageNames& names, std::string_view object) {
    json::Reader reader(object, json::Mode::trusting);
    if (reader.peek() != json::Kind::object || !reader.enter_object()) return;
    std::string_view key;
    while (reader.next_member(key)) {
        const std::string_view value = reader.skip();
        if (const auto id = names.find(key)) set(*id, not_null(value));
    }
}

}  // namespace lurus::gateway
