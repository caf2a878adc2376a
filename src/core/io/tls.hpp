#pragma once
// TLS contexts over OpenSSL. A context is immutable after it was made and shared by all shards.

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "lurus/result.hpp"

namespace lurus {

struct SslContextFree {
    void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
};
struct SslFree {
    void operator()(SSL* s) const { SSL_free(s); }
};
struct SslSessionFree {
    void operator()(SSL_SESSION* s) const { SSL_SESSION_free(s); }
};
using SslContextPtr = std::shared_ptr<SSL_CTX>;
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, SslSessionFree>;

/// TLS 1.2 and up. `ca_file` adds roots to the system's. `verify` off accepts any certificate.
Result<SslContextPtr> make_tls_client(bool verify, const std::string& ca_file);
/// PEM files; the certificate file may hold the chain.
Result<SslContextPtr> make_tls_server(const std::string& certificate_file, const std::string& private_key_file);

/// A client's side of a connection to `host`: SNI and the host name to verify are set.
Result<SslPtr> make_tls_connection(SSL_CTX* context, const std::string& host, bool verify);

/// Where a context's new sessions go: set per connection, called while that connection reads. Null = dropped.
class TlsSessionStore {
public:
    virtual ~TlsSessionStore() = default;
    virtual void keep(SslSessionPtr session) = 0;
};
void set_session_store(SSL* connection, TlsSessionStore* store);

/// The newest OpenSSL error of this thread in words; the thread's error queue is empty afterwards.
std::string tls_error_text();

}  // namespace lurus
