#pragma once
// The vendor's usage objects, merged field by field: vendors split one answer's usage over several events.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lurus::gateway {

/// A count as JSON; below zero or not an integer is absent.
std::optional<std::int64_t> token_count(std::string_view value);

class UsageFields {
public:
    /// A later value replaces an earlier one, inside nested objects too; null replaces nothing. `keep_if_zero`: fields
    /// that a later 0 does not replace (counts that cannot shrink, zeroed by some hosts in their last event).
    void merge(std::string_view object, std::initializer_list<std::string_view> keep_if_zero = {});
    void clear() { fields_.clear(); }
    [[nodiscard]] bool empty() const { return fields_.empty(); }

    /// The raw value of a field or of a field inside one; empty when it is absent or null.
    [[nodiscard]] std::string_view raw(std::string_view key) const;
    [[nodiscard]] std::string_view raw(std::string_view key, std::string_view inner) const;
    [[nodiscard]] std::optional<std::int64_t> count(std::string_view key) const;
    [[nodiscard]] std::optional<std::int64_t> count(std::string_view key, std::string_view inner) const;
    /// The object as merged, its fields in the order they came first. Empty = none.
    [[nodiscard]] std::string json() const;

private:
    // Keys as written, without quotes. More fields than this are not kept: no vendor has them.
    static constexpr std::size_t max_fields = 128;
    std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace lurus::gateway
