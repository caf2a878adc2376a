#include "modules/gateway/session/client_address.hpp"

#include <algorithm>
#include <string_view>

#include "core/text/ascii.hpp"

namespace lurus::gateway {
namespace {

bool is_trusted(const std::optional<IpAddress>& address, const GatewaySettings& settings) {
    if (!address) return settings.trust_unix;
    return std::ranges::any_of(settings.trusted_proxies, [&](const auto& range) { return range.contains(*address); });
}

}  // namespace

std::optional<IpAddress> client_address(const std::optional<IpAddress>& peer, const http1::Head& head,
                                        const GatewaySettings& settings) {
    std::optional<IpAddress> found = peer;
    if (!is_trusted(found, settings)) return found;
    for (auto field = head.fields.rbegin(); field != head.fields.rend(); ++field) {
        if (!iequals(field->name, "x-forwarded-for")) continue;
        std::string_view rest = field->value;
        for (;;) {
            const auto comma = rest.rfind(',');
            const auto entry = trim(comma == std::string_view::npos ? rest : rest.substr(comma + 1));
            const auto address = IpAddress::parse(entry);
            if (!address) return found;
            found = address;
            if (!is_trusted(found, settings)) return found;
            if (comma == std::string_view::npos) break;
            rest = rest.substr(0, comma);
        }
    }
    return found;
}

}  // namespace lurus::gateway
