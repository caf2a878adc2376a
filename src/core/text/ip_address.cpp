#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/address_v4.hpp>
#include <boost/asio/ip/address_v6.hpp>
#include <charconv>

#include "lurus/ip_address.hpp"

namespace lurus {

namespace ip = boost::asio::ip;

namespace {

constexpr int v4_bits = 96;  // of the prefix `::ffff:0:0`

IpAddress of(const ip::address& address) {
    IpAddress out;
    out.bytes =
        address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()).to_bytes() : address.to_v6().to_bytes();
    return out;
}

std::string_view without_port(std::string_view text) {
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        return close == std::string_view::npos ? text : text.substr(1, close - 1);
    }
    // One colon: IPv4 with a port.
    const auto colon = text.find(':');
    return colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos
               ? text.substr(0, colon)
               : text;
}

// Some systems take `2130706433` and `127.1` for addresses as well, and so a name for what it is not.
bool is_written_out(std::string_view text) {
    if (text.contains(':')) return true;
    int parts = 0;
    for (std::size_t at = 0; at <= text.size(); ++parts) {
        const std::string_view part = text.substr(at, text.find('.', at) - at);
        if (part.empty() || part.size() > 3 || (part.size() > 1 && part.front() == '0') ||
            part.find_first_not_of("0123456789") != std::string_view::npos)
            return false;
        at += part.size() + 1;
    }
    return parts == 4;
}

bool bit(const IpAddress& address, int at) {
    return (address.bytes[static_cast<std::size_t>(at / 8)] >> (7 - at % 8) & 1) != 0;
}

}  // namespace

bool IpAddress::is_v4() const {
    return ip::address_v6(bytes).is_v4_mapped();
}

std::string IpAddress::text() const {
    const ip::address_v6 address(bytes);
    if (is_v4()) return ip::make_address_v4(ip::v4_mapped, address).to_string();
    return address.to_string();
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string_view bare = without_port(text);
    // A scope (`%eth0`) means something on one machine only.
    if (bare.empty() || bare.size() > 45 || bare.find('%') != std::string_view::npos || !is_written_out(bare))
        return std::nullopt;
    boost::system::error_code bad;
    const auto address = ip::make_address(std::string(bare), bad);
    if (bad) return std::nullopt;
    return of(address);
}

bool IpRange::contains(const IpAddress& address) const {
    const auto whole = static_cast<std::size_t>(bits / 8);
    for (std::size_t i = 0; i < whole; ++i) {
        if (network.bytes[i] != address.bytes[i]) return false;
    }
    for (int at = bits / 8 * 8; at < bits; ++at) {
        if (bit(network, at) != bit(address, at)) return false;
    }
    return true;
}

std::string IpRange::text() const {
    const bool v4 = bits >= v4_bits && network.is_v4();
    const int shown = v4 ? bits - v4_bits : bits;
    if (shown == (v4 ? 32 : 128)) return network.text();
    return network.text() + "/" + std::to_string(shown);
}

Result<IpRange> IpRange::parse(std::string_view text) {
    const auto wrong = [&](std::string_view why) {
        return fail(ErrorCode::invalid_argument, "\"" + std::string(text) + "\" is not an address or range such as " +
                                                     "10.0.0.0/8, 192.0.2.7 or 2001:db8::/32" + std::string(why));
    };
    const auto slash = text.find('/');
    const std::string_view host = text.substr(0, slash);
    boost::system::error_code bad;
    const auto address = ip::make_address(std::string(host.substr(0, 46)), bad);
    if (bad || host.find('%') != std::string_view::npos || !is_written_out(host)) return wrong("");
    const int most = address.is_v4() ? 32 : 128;
    int bits = most;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() || bits < 0 || bits > most)
            return wrong("");
    }
    IpRange range;
    range.network = of(address);
    range.bits = bits + (address.is_v4() ? v4_bits : 0);
    for (int at = range.bits; at < 128; ++at) {
        if (bit(range.network, at)) return wrong(": it names one address behind the prefix");
    }
    return range;
}

}  // namespace lurus
