#pragma once
// A connection to a vendor: from the shard's pool, to an in-process vendor, or a new one over TCP with TLS.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>

#include "lurus/provider.hpp"
#include "modules/gateway/attempt/outcome.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

/// A pooled connection to a provider's endpoint, or null.
std::shared_ptr<UpstreamConnection> pooled_upstream(Session& session, const std::shared_ptr<const Provider>& provider,
                                                    const FamilyEndpoint& endpoint);

/// A new connection, with TLS where it is asked for. On failure null, and `outcome` and `error` say why.
struct Connected {
    std::shared_ptr<UpstreamConnection> connection;
    Outcome outcome = Outcome::ok;
    std::string error;
};
boost::asio::awaitable<Connected> connect_upstream(Session& session, std::shared_ptr<const Provider> provider,
                                                   const FamilyEndpoint& endpoint);

}  // namespace lurus::gateway
