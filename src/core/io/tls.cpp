#include "core/io/tls.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>

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

Result<SslContextPtr> make_tls_client(bool verify, const std::string& ca_file) {
    SslContextPtr context(SSL_CTX_new(TLS_client_method()), SslContextFree{});
    if (!context) return fail(ErrorCode::internal, "cannot make a TLS context: " + tls_error_text());
    common_options(context.get());
    SSL_CTX_set_default_verify_paths(context.get());
    if (!ca_file.empty() && SSL_CTX_load_verify_locations(context.get(), ca_file.c_str(), nullptr) != 1) {
        return fail(ErrorCode::invalid_argument, "cannot read roots from " + ca_file + ": " + tls_error_text());
    }
    SSL_CTX_set_verify(context.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
    SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context.get(), on_new_session);
    return context;
}

Result<SslContextPtr> make_tls_server(const std::string& certificate_file, const std::string& private_key_file) {
    SslContextPtr context(SSL_CTX_new(TLS_server_method()), SslContextFree{});
    if (!context) return fail(ErrorCode::internal, "cannot make a TLS context: " + tls_error_text());
    common_options(context.get());
    if (SSL_CTX_use_certificate_chain_file(context.get(), certificate_file.c_str()) != 1) {
        return fail(ErrorCode::invalid_argument,
                    "cannot use the certificate " + certificate_file + ": " + tls_error_text());
    }
    if (SSL_CTX_use_PrivateKey_file(context.get(), private_key_file.c_str(), SSL_FILETYPE_PEM) != 1) {
        return fail(ErrorCode::invalid_argument,
                    "cannot use the private key " + private_key_file + ": " + tls_error_text());
    }
    if (SSL_CTX_check_private_key(context.get()) != 1) {
        return fail(ErrorCode::invalid_argument, private_key_file + " is not the key of " + certificate_file);
    }
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

void set_session_store(SSL* connection, TlsSessionStore* store) {
    SSL_set_ex_data(connection, store_index(), store);
}

}  // namespace lurus
