#pragma once
// Internet addresses and ranges of them.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus {

/// IPv6, or IPv4 as `::ffff:a.b.c.d`.
struct IpAddress {
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const IpAddress&) const = default;
    [[nodiscard]] bool is_v4() const;
    [[nodiscard]] std::string text() const;
    /// `192.0.2.7`, `2001:db8::7`; brackets and a port are taken off.
    static std::optional<IpAddress> parse(std::string_view text);
};

/// The addresses that share their first `bits` bits.
struct IpRange {
    IpAddress network;
    int bits = 128;

    bool operator==(const IpRange&) const = default;
    [[nodiscard]] bool contains(const IpAddress& address) const;
    [[nodiscard]] std::string text() const;
    /// An address or CIDR: `10.0.0.0/8`, `2001:db8::/32`. `invalid_argument` also when bits behind the prefix are set.
    static Result<IpRange> parse(std::string_view text);
};

}  // namespace lurus
