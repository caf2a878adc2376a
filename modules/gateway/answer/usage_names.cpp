#include "modules/gateway/answer/usage_names.hpp"

#include "core/json/json_scan.hpp"

namespace lurus::gateway {

std::optional<std::uint8_t> UsageNames::find_plain(std::string_view key) const {
    if (key.empty()) return std::nullopt;
    const std::uint8_t number = at_place_[place_of(key)];
    if (number == most || names_[number] != key) return std::nullopt;
    return number;
}

std::optional<std::uint8_t> UsageNames::find(std::string_view raw_key) const {
    if (const auto id = find_plain(raw_key)) return id;
    return raw_key.contains('\\') ? find_plain(json::unescape(raw_key)) : std::nullopt;
}

}  // namespace lurus::gateway
