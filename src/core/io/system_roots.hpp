#pragma once

#include <openssl/ssl.h>

namespace lurus {

/// Adds the certificate authorities that this system trusts, and those of SSL_CERT_FILE and SSL_CERT_DIR. What cannot
/// be read is left out: a certificate that wants it is then refused. Any thread, before the store is shared.
void add_system_roots(X509_STORE* store);

}  // namespace lurus
