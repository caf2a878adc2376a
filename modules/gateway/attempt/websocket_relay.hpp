#pragma once

#include <boost/asio/awaitable.hpp>

namespace lurus::gateway {

class Session;
struct Request;

/// Relays an upgraded connection frame by frame, both ways, and writes a record for each response that ends in it.
/// The connection is not HTTP any more afterwards.
boost::asio::awaitable<void> relay_websocket(Session& session, Request& request);

}  // namespace lurus::gateway
