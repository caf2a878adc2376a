#pragma once
// The vendor's usage objects, merged field by field: vendors split one answer's usage over several events.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "modules/gateway/answer/usage_names.hpp"

namespace lurus::gateway {

/// A count as JSON; below zero or not an integer is absent.
std::optional<std::int64_t> token_count(std::string_view value);

class UsageFields {
public:
    /// A later value replaces an earlier one, inside nested objects too; null replaces nothing. `keep_if_zero`: fields
    /// that a later 0 does not replace, inside nested objects too (counts that cannot shrink, zeroed by some hosts in
    /// their last event).
    void merge(std::string_view object, std::span<const std::string_view> keep_if_zero = {});
    void clear();
    [[nodiscard]] bool empty() const { return fields_.empty(); }
    [[nodiscard]] std::size_t size() const { return fields_.size(); }

    /// A field's key as written, without quotes, and its value.
    [[nodiscard]] std::string_view key(std::size_t i) const {
        return {text_.data() + fields_[i].key, fields_[i].key_size};
    }
    [[nodiscard]] std::string_view value(std::size_t i) const {
        return {text_.data() + fields_[i].value, fields_[i].value_size};
    }
    /// A field's count, or that of a field inside it.
    [[nodiscard]] std::optional<std::int64_t> count(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> count(std::string_view key, std::string_view inner) const;
    /// The object as merged, its fields in the order they came first. Empty = none.
    [[nodiscard]] std::string json() const;

private:
    // More fields than this are not kept: no vendor has them.
    static constexpr std::size_t max_fields = 128;
    // Where a field stands in `text_`.
    struct Field {
        std::uint32_t key = 0, key_size = 0;
        std::uint32_t value = 0, value_size = 0;
        std::uint32_t room = 0;  // a later value of up to that length takes the earlier one's place
    };

    [[nodiscard]] std::string_view find(std::string_view key) const;
    [[nodiscard]] std::size_t json_size() const;
    std::uint32_t keep(std::string_view text);
    void replace(Field& field, std::string_view value);
    void compact();

    std::string text_;  // begins with the first object, as it was written
    std::vector<Field> fields_;
    std::size_t unused_ = 0;  // bytes of `text_` that no field points to any more
    bool is_json_ = false;    // `text_` is what json() makes of the fields
};

/// The listed fields of a usage object, found in one pass over it. Views into it.
class UsageValues {
public:
    UsageValues(const UsageNames& names, const UsageFields& fields);
    /// Of equal keys the last counts. A text that is no object has no fields.
    UsageValues(const UsageNames& names, std::string_view object) {
        if (!object.empty()) read(names, object);
    }

    /// Empty when it is absent or null.
    [[nodiscard]] std::string_view raw(std::uint8_t id) const {
        if ((present_ >> id & 1) == 0) return {};
        return {values_[id].data, values_[id].size};
    }
    [[nodiscard]] std::optional<std::int64_t> count(std::uint8_t id) const {
        const std::string_view value = raw(id);
        return value.empty() ? std::nullopt : token_count(value);
    }

private:
    void read(const UsageNames& names, std::string_view object);
    void set(std::uint8_t id, std::string_view value) {
        present_ |= std::uint32_t{1} << id;
        values_[id] = {value.data(), value.size()};
    }

    // Most of a dozen objects in an answer are absent: they cost one word, not the clearing of a table.
    struct Value {
        const char* data;
        std::size_t size;
    };
    std::uint32_t present_ = 0;  // one bit for each name
    std::array<Value, UsageNames::most> values_;
    static_assert(UsageNames::most <= 32);
};

/// The same with the names of one dialect's list.
template <const UsageNames& names>
class KnownUsage {
public:
    using Name = UsageName<names>;

    explicit KnownUsage(const UsageFields& fields) : values_(names, fields) {}
    explicit KnownUsage(std::string_view object) : values_(names, object) {}

    [[nodiscard]] std::string_view raw(Name name) const { return values_.raw(name.id); }
    [[nodiscard]] std::optional<std::int64_t> count(Name name) const { return values_.count(name.id); }
    /// The first of these counts that is there.
    [[nodiscard]] std::optional<std::int64_t> first(std::initializer_list<Name> of) const {
        for (const Name name : of) {
            if (const auto found = count(name)) return found;
        }
        return std::nullopt;
    }
    [[nodiscard]] KnownUsage inside(Name name) const { return KnownUsage(raw(name)); }

private:
    UsageValues values_;
};

}  // namespace lurus::gateway
