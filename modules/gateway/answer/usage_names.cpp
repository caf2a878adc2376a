#include "modules/gateway/answer/usage_names.hpp"

#include "core/json/json_scan.hpp"

namespace lurus::gateway {

std::optional<std::uint8_t> UsageNames::find_plain(std::string_view key) const {
    if (key.empty() || key.size() > longest) return std::nullopt;
    const std::size_t end = starts_[key.size() + 1];
    for (std::size_t i = starts_[key.size()]; i < end; ++i) {
        const std::string_view name = names_[by_length_[i]];
        if (name.front() == key.front() && name == key) return by_length_[i];
    }
    return std::nullopt;
}

std::optional<std::uint8_t> UsageNames::find(std::string_view raw_key) const {
    if (const auto id = find_plain(raw_key)) return id;
    return raw_key.contains('\\') ? find_plain(json::unescape(raw_key)) : std::nullopt;
}

}  // namespace lurus::gateway
