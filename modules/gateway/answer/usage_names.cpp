#include "modules/gateway/answer/usage_names.hpp"

#include <algorithm>

#include "core/json/json_scan.hpp"

namespace lurus::gateway {
namespace {

constexpr std::size_t longest = 32;

// The names by length: those of length n are order[starts[n]] up to order[starts[n + 1]].
struct ByLength {
    std::array<std::uint8_t, usage_names.size()> order{};
    std::array<std::uint8_t, longest + 2> starts{};
};

constexpr ByLength by_length = [] {
    ByLength out;
    std::uint8_t at = 0;
    for (std::size_t length = 0; length <= longest; ++length) {
        out.starts[length] = at;
        for (std::size_t i = 0; i < usage_names.size(); ++i) {
            if (usage_names[i].size() == length) out.order[at++] = static_cast<std::uint8_t>(i);
        }
    }
    out.starts[longest + 1] = at;
    return out;
}();
static_assert(by_length.starts.back() == usage_names.size());

std::optional<std::uint8_t> plain_id(std::string_view key) {
    if (key.empty() || key.size() > longest) return std::nullopt;
    const std::size_t end = by_length.starts[key.size() + 1];
    for (std::size_t i = by_length.starts[key.size()]; i < end; ++i) {
        const std::string_view name = usage_names[by_length.order[i]];
        if (name.front() == key.front() && name == key) return by_length.order[i];
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::uint8_t> usage_id(std::string_view raw_key) {
    if (const auto id = plain_id(raw_key)) return id;
    return raw_key.contains('\\') ? plain_id(json::unescape(raw_key)) : std::nullopt;
}

}  // namespace lurus::gateway
