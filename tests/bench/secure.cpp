#include "tests/bench/secure.hpp"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <stdexcept>

namespace bench {

SslContextPtr make_server_context() {
    const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
    const std::unique_ptr<X509, void (*)(X509*)> certificate(X509_new(), X509_free);
    X509_set_version(certificate.get(), 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86'400);
    X509_set_pubkey(certificate.get(), key.get());
    X509_NAME* name = X509_get_subject_name(certificate.get());
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("127.0.0.1"), -1, -1,
                               0);
    X509_set_issuer_name(certificate.get(), name);
    X509_sign(certificate.get(), key.get(), EVP_sha256());

    SslContextPtr context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context.get(), "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_mode(context.get(), SSL_MODE_AUTO_RETRY);
    if (SSL_CTX_use_certificate(context.get(), certificate.get()) != 1 ||
        SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1) {
        throw std::runtime_error("cannot make a certificate");
    }
    return context;
}

SslPtr accept_tls(SSL_CTX* context, int fd) {
    SslPtr tls(SSL_new(context));
    SSL_set_fd(tls.get(), fd);
    SSL_set_accept_state(tls.get());
    return tls;
}

bool read_tls(SSL* tls, std::string& into) {
    static char buffer[64 * 1024];
    for (;;) {
        ERR_clear_error();
        const int n = SSL_read(tls, buffer, sizeof buffer);
        if (n <= 0) return SSL_get_error(tls, n) == SSL_ERROR_WANT_READ;
        into.append(buffer, static_cast<std::size_t>(n));
    }
}

bool write_tls(SSL* tls, std::string_view bytes) {
    ERR_clear_error();
    return SSL_write(tls, bytes.data(), static_cast<int>(bytes.size())) == static_cast<int>(bytes.size());
}

}  // namespace bench
