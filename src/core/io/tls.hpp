#pragma once
// TLS contexts over OpenSSL. A context is immutable after it was made and shared by all shards.

#include <openssl/ssl.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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
struct X509Free {
    void operator()(X509* c) const { X509_free(c); }
};
using X509Ptr = std::unique_ptr<X509, X509Free>;
using SslContextPtr = std::shared_ptr<SSL_CTX>;
using SslPtr = std::unique_ptr<SSL, SslFree>;
using SslSessionPtr = std::unique_ptr<SSL_SESSION, SslSessionFree>;

/// TLS 1.2 and up. `roots`, PEM, are taken beside the system's. `verify` off accepts any certificate.
Result<SslContextPtr> make_tls_client(bool verify, std::string_view roots);
/// The certificates of a PEM text, maybe none; whatever else it holds is passed over. The error is the end of a
/// sentence about its file.
Result<std::vector<X509Ptr>> read_chain(std::string_view pem);
/// Without a certificate yet. TLS 1.2 and up, with suites that have forward secrecy and AEAD only.
Result<SslContextPtr> make_tls_server();

/// A client's side of a connection to `host`: SNI and the host name to verify are set.
Result<SslPtr> make_tls_connection(SSL_CTX* context, const std::string& host, bool verify);

/// Where a context's new sessions go: set per connection, called while that connection reads. Null = dropped.
class TlsSessionStore {
public:
    virtual ~TlsSessionStore() = default;
    virtual void keep(SslSessionPtr session) = 0;
};
void set_session_store(SSL* connection, TlsSessionStore* store);

/// Why a handshake came to nothing.
enum class HandshakeFailure : std::uint8_t {
    none,
    plain_http,  // the client does not speak TLS but HTTP
    not_tls,     // nor that
    closed,      // the client left
    timeout,
    version,  // none that both speak
    no_shared_cipher,
    certificate_refused,  // the client said that it does not take ours
    alert,                // the client said something else
    other,
};
inline constexpr std::array<std::string_view, 10> handshake_failure_names = {
    "none",  "plain_http", "not_tls", "closed", "timeout", "version", "no_shared_cipher", "certificate_refused",
    "alert", "other"};
/// Of the newest OpenSSL error of this thread. `began`: the first bytes that the other side sent.
HandshakeFailure handshake_failure(std::string_view began);

/// The newest OpenSSL error of this thread in words; the thread's error queue is empty afterwards.
std::string tls_error_text();

}  // namespace lurus
