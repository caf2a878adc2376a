#pragma once
// A socket that clients connect to: TCP, with TLS or without, or a UNIX socket.

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "core/io/listening_socket.hpp"
#include "core/io/tls.hpp"
#include "lurus/gateway.hpp"
#include "modules/gateway/server/certificate_watch.hpp"

namespace lurus::gateway {

struct Listener {
    std::string address;  // as bound
    std::unique_ptr<ListeningSocket> socket;
    std::string unix_path;
    SslContextPtr tls;  // of the thread that accepts
    std::optional<CertificateWatch> certificate;
    bool open = false;
    bool local = false;  // only this machine reaches it
};

/// Binds and listens. The socket is that of `io`, which outlives it. Blocks for as long as the files of a certificate
/// are read.
Result<std::unique_ptr<Listener>> open_listener(boost::asio::io_context& io, const ListenerSettings& wanted,
                                                const Clock& clock);

}  // namespace lurus::gateway
