#pragma once
// The certificate authorities that the system trusts.

#include <openssl/ssl.h>

namespace lurus {

/// A client's context trusts them: OpenSSL's files (SSL_CERT_FILE, SSL_CERT_DIR), on Windows its store of roots as well.
void trust_system_roots(SSL_CTX* context);

}  // namespace lurus
