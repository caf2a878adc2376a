#pragma once
// Serves one end of a socket pair with an in-process vendor, so that the relay treats it like any other upstream.

#include <boost/asio/io_context.hpp>
#include <memory>

#include "core/io/stream_socket.hpp"
#include "lurus/provider.hpp"

namespace lurus::gateway {

/// Makes the pair, serves one end on `io` until the other is closed, and returns the other.
StreamSocket connect_local(boost::asio::io_context& io, std::shared_ptr<const LocalVendor> vendor);

}  // namespace lurus::gateway
