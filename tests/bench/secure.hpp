#pragma once
// TLS 1.3 with one cipher and a certificate made on the spot, for the rig's upstream.

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

namespace bench {

struct SslFree {
    void operator()(SSL* s) const { SSL_free(s); }
};
struct SslContextFree {
    void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslContextPtr = std::unique_ptr<SSL_CTX, SslContextFree>;

SslContextPtr make_server_context();
/// The server's side of a connection over a non-blocking socket.
SslPtr accept_tls(SSL_CTX* context, int fd);

/// Appends what is there to read. False when the connection ended.
bool read_tls(SSL* tls, std::string& into);
/// False when not all of it could be written.
bool write_tls(SSL* tls, std::string_view bytes);

}  // namespace bench
