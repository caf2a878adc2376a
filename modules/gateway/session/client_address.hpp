#pragma once
// Whom a request comes from, when proxies that are trusted stand between.

#include <optional>

#include "core/http/http1.hpp"
#include "lurus/gateway.hpp"

namespace lurus::gateway {

/// The socket's peer (empty: a Unix socket's) or, where that is a trusted proxy, the right-most address in
/// `x-forwarded-for` that is not. What cannot be read ends the walk: the last address that a trusted proxy vouched for
/// counts.
std::optional<IpAddress> client_address(const std::optional<IpAddress>& peer, const http1::Head& head,
                                        const GatewaySettings& settings);

}  // namespace lurus::gateway
