#include "core/io/tls.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>

#include "core/io/system_roots.hpp"

namespace lurus {
namespace {

int store_index() {
    static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
    return index;
}

int on_new_session(SSL* connection, SSL_SESSION* session) {
    auto* store = static_cast<TlsSessionStore*>(SSL_get_ex_data(connection, store_index()));
    if (store == nullptr) return 0;
    store->keep(SslSessionPtr(session));
    return 1;
}

bool is_http_method(std::string_view began) {
    const std::size_t space = std::min(began.find(' '), began.size());
    return space >= 3 && std::ranges::all_of(began.substr(0, space), [](char c) { return c >= 'A' && c <= 'Z'; });
}

void common_options(SSL_CTX* context) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
}

}  // namespace

std::string tls_error_text() {
    const unsigned long code = ERR_peek_last_error();
    ERR_clear_error();
    if (code == 0) return "connection closed";
    const char* reason = ERR_reason_error_string(code);
    return reason != nullptr ? reason : "unknown TLS error";
}

Result<std::vector<X509Ptr>> read_chain(std::string_view pem) {
    std::vector<X509Ptr> chain;
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                       &BIO_free);
    ERR_clear_error();
    while (X509* next = PEM_read_bio_X509_AUX(in.get(), nullptr, nullptr, nullptr)) chain.emplace_back(next);
    const unsigned long why = ERR_peek_last_error();
    ERR_clear_error();
    if (ERR_GET_LIB(why) != ERR_LIB_PEM || ERR_GET_REASON(why) != PEM_R_NO_START_LINE)
        return fail(ErrorCode::invalid_argument, "holds a certificate that is damaged or cut short");
    return chain;
}

Result<SslContextPtr> make_tls_client(bool verify, std::string_view roots) {
    SslContextPtr context(SSL_CTX_new(TLS_client_method()), SslContextFree{});
    if (!context) return fail(ErrorCode::internal, "cannot make a TLS context: " + tls_error_text());
    common_options(context.get());
    add_system_roots(SSL_CTX_get_cert_store(context.get()));
    if (!roots.empty()) {
        const auto chain = read_chain(roots);
        if (!chain) return fail(ErrorCode::invalid_argument, "the file of roots " + chain.error().message);
        if (chain->empty()) return fail(ErrorCode::invalid_argument, "the file of roots holds no certificate");
        X509_STORE* store = SSL_CTX_get_cert_store(context.get());
        for (const auto& root : *chain) X509_STORE_add_cert(store, root.get());
    }
    SSL_CTX_set_verify(context.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), on_new_session);
    return context;
}

Result<SslContextPtr> make_tls_server() {
    SslContextPtr context(SSL_CTX_new(TLS_server_method()), SslContextFree{});
    if (!context) return fail(ErrorCode::internal, "cannot make a TLS context: " + tls_error_text());
    common_options(context.get());
    if (SSL_CTX_set_cipher_list(context.get(), "ECDHE+AESGCM:ECDHE+CHACHA20:!PSK") != 1)
        return fail(ErrorCode::internal, "cannot choose TLS suites: " + tls_error_text());
    static constexpr unsigned char id[] = "lurus";
    SSL_CTX_set_session_id_context(context.get(), id, sizeof id - 1);
    return context;
}

Result<SslPtr> make_tls_connection(SSL_CTX* context, const std::string& host, bool verify) {
    SslPtr connection(SSL_new(context));
    if (!connection) return fail(ErrorCode::internal, "cannot make a TLS connection: " + tls_error_text());
    SSL_set_connect_state(connection.get());
    ASN1_OCTET_STRING* address = a2i_IPADDRESS(host.c_str());
    const bool numeric = address != nullptr;
    ASN1_OCTET_STRING_free(address);
    if (!numeric) SSL_set_tlsext_host_name(connection.get(), host.c_str());
    if (verify) {
        if (numeric) {
            X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(connection.get()), host.c_str());
        } else {
            SSL_set1_host(connection.get(), host.c_str());
        }
    }
    return connection;
}

HandshakeFailure handshake_failure(std::string_view began) {
    const unsigned long code = ERR_peek_last_error();
    if (code == 0) return HandshakeFailure::closed;
    if (ERR_GET_LIB(code) != ERR_LIB_SSL) return HandshakeFailure::other;
    switch (ERR_GET_REASON(code)) {
        case SSL_R_HTTP_REQUEST:
        case SSL_R_HTTPS_PROXY_REQUEST: return HandshakeFailure::plain_http;
        case SSL_R_WRONG_VERSION_NUMBER:
        case SSL_R_PACKET_LENGTH_TOO_LONG:
            return is_http_method(began) ? HandshakeFailure::plain_http : HandshakeFailure::not_tls;
        case SSL_R_UNSUPPORTED_PROTOCOL:
        case SSL_R_VERSION_TOO_LOW:
        case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION: return HandshakeFailure::version;
        case SSL_R_NO_SHARED_CIPHER: return HandshakeFailure::no_shared_cipher;
        case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
        case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
        case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
        case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: return HandshakeFailure::certificate_refused;
        case SSL_R_UNEXPECTED_EOF_WHILE_READING: return HandshakeFailure::closed;
        default: return ERR_GET_REASON(code) > SSL_AD_REASON_OFFSET ? HandshakeFailure::alert : HandshakeFailure::other;
    }
}

void set_session_store(SSL* connection, TlsSessionStore* store) {
    SSL_set_ex_data(connection, store_index(), store);
}

}  // namespace lurus
