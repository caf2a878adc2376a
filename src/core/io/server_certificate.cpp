#include "core/io/server_certificate.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <memory>
#include <utility>

#include "core/crypto/sha256.hpp"
#include "core/io/system_roots.hpp"
#include "core/os/files.hpp"

namespace lurus {
namespace {

constexpr std::uintmax_t most_bytes = 1 << 20;
constexpr UnixMicros one_day = 24LL * 3600 * 1'000'000;
constexpr int soon_days = 30;

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* value) const {
        Free(value);
    }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using BioPtr = std::unique_ptr<BIO, Freed<BIO_free>>;

BioPtr memory(std::string_view text) {
    return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

UnixMicros time_of(const ASN1_TIME* time) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
    const std::chrono::sys_days day(std::chrono::year_month_day(
        std::chrono::year(parts.tm_year + 1900), std::chrono::month(static_cast<unsigned>(parts.tm_mon + 1)),
        std::chrono::day(static_cast<unsigned>(parts.tm_mday))));
    const auto seconds =
        std::chrono::seconds(day.time_since_epoch()).count() + parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec;
    return UnixMicros{seconds} * 1'000'000;
}

std::string name_of(const X509_NAME* name) {
    const int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
    if (at >= 0) {
        unsigned char* text = nullptr;
        const int size = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
        std::string out = size > 0 ? std::string(reinterpret_cast<char*>(text), static_cast<std::size_t>(size)) : "";
        OPENSSL_free(text);
        if (!out.empty()) return out;
    }
    const BioPtr out(BIO_new(BIO_s_mem()));
    X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253);
    char* text = nullptr;
    const long size = BIO_get_mem_data(out.get(), &text);
    return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : "without a name";
}

CertificateFacts facts_of(X509* certificate) {
    return {name_of(X509_get_subject_name(certificate)), time_of(X509_get0_notBefore(certificate)),
            time_of(X509_get0_notAfter(certificate))};
}

bool has_block(std::string_view pem, std::string_view label) {
    return pem.contains("-----BEGIN " + std::string(label) + "-----");
}

bool has_certificate(std::string_view pem) {
    return has_block(pem, "CERTIFICATE") || has_block(pem, "TRUSTED CERTIFICATE") || has_block(pem, "X509 CERTIFICATE");
}

bool has_private_key(std::string_view pem) {
    return pem.contains("PRIVATE KEY-----");
}

/// What a file holds in the place of `wanted`, as the end of a sentence.
std::string contents_of(std::string_view text, const std::string& wanted) {
    if (text.find_first_not_of(" \t\r\n") == std::string_view::npos) return "is empty";
    if (has_certificate(text)) return "holds a certificate, not " + wanted;
    if (has_private_key(text)) return "holds a private key, not " + wanted;
    if (text.contains("CERTIFICATE REQUEST-----"))
        return "holds a certificate request, which an authority has to sign first";
    if (has_block(text, "PUBLIC KEY")) return "holds a public key, not " + wanted;
    if (text.front() == '\x30')
        return "is DER or PKCS#12, and PEM is wanted (`openssl x509`, `openssl pkey` or `openssl pkcs12` convert it)";
    return "holds no PEM text";
}

std::unexpected<Error> bad(const std::string& what) {
    return fail(ErrorCode::invalid_argument, what);
}

// OpenSSL asks it for a pass phrase; without one it would ask at the terminal.
int no_pass_phrase(char*, int, int, void* asked) {
    *static_cast<bool*>(asked) = true;
    return -1;
}

Result<KeyPtr> key_of(std::string_view pem, const std::string& file) {
    bool asked = false;
    ERR_clear_error();
    KeyPtr key(PEM_read_bio_PrivateKey(memory(pem).get(), nullptr, no_pass_phrase, &asked));
    const std::string why = tls_error_text();
    if (key) return key;
    if (asked || pem.contains("ENCRYPTED"))
        return bad("the private key " + file +
                   " is encrypted, and nobody is asked for its pass phrase: decrypt it (openssl pkey -in " + file +
                   " -out FILE) and let only this user read it");
    if (!has_private_key(pem)) return bad(file + " " + contents_of(pem, "a private key"));
    return bad("the private key " + file + " is damaged or cut short: " + why);
}

// Another certificate of the file may be the key's: then the order is wrong.
std::string mismatch(const std::vector<X509Ptr>& chain, EVP_PKEY* key, const std::string& certificate_file,
                     const std::string& private_key_file) {
    for (std::size_t i = 1; i < chain.size(); ++i) {
        if (X509_check_private_key(chain[i].get(), key) == 1)
            return private_key_file + " is the key of certificate " + std::to_string(i + 1) + " in " +
                   certificate_file + ": the server's own certificate has to be the first";
    }
    return private_key_file + " is not the key of the certificate " + certificate_file;
}

bool issued(X509* issuer, X509* certificate) {
    return X509_check_issued(issuer, certificate) == X509_V_OK;
}

bool known_here(X509* certificate) {
    const std::unique_ptr<X509_STORE, Freed<X509_STORE_free>> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
    add_system_roots(store.get());
    if (X509_STORE_CTX_init(context.get(), store.get(), certificate, nullptr) != 1) return false;
    X509* issuer = nullptr;
    const bool found = X509_STORE_CTX_get1_issuer(&issuer, context.get(), certificate) == 1;
    X509_free(issuer);
    return found;
}

std::vector<std::string> warnings_of(const std::vector<X509Ptr>& chain, const std::string& file) {
    std::vector<std::string> out;
    X509* leaf = chain.front().get();
    if (X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) != 1)
        out.push_back("the certificate " + file + " is not meant for servers (extended key usage); clients refuse it");
    for (std::size_t i = 1; i < chain.size(); ++i) {
        if (issued(chain[i].get(), chain[i - 1].get())) continue;
        out.push_back("the chain in " + file + " is broken: certificate " + std::to_string(i + 1) +
                      " did not issue the one before it");
        break;
    }
    return out;
}

// With another one behind it, the issuer of the last is a root, which does not belong into the file.
std::string gap_of(const std::vector<X509Ptr>& chain, const std::string& file) {
    X509* leaf = chain.front().get();
    if (chain.size() > 1 || issued(leaf, leaf) || known_here(leaf)) return {};
    return "the chain in " + file + " is incomplete, unless clients know \"" + name_of(X509_get_issuer_name(leaf)) +
           "\" as a root: it issued the certificate, and is neither in the file nor a root of this machine";
}

Result<SslContextPtr> context_of(const std::vector<X509Ptr>& chain, EVP_PKEY* key, const std::string& file) {
    auto context = make_tls_server();
    if (!context) return context;
    bool good = SSL_CTX_use_certificate(context->get(), chain.front().get()) == 1;
    for (std::size_t i = 1; good && i < chain.size(); ++i)
        good = SSL_CTX_add1_chain_cert(context->get(), chain[i].get()) == 1;
    good = good && SSL_CTX_use_PrivateKey(context->get(), key) == 1;
    if (!good) return bad("the certificate " + file + " cannot be used: " + tls_error_text());
    return context;
}

std::string day_of(UnixMicros time) {
    const std::string text = format_time(time);
    return text.substr(0, 10) + " " + text.substr(11, 5) + " UTC";
}

}  // namespace

Result<std::vector<CertificateFacts>> read_certificates(std::string_view pem) {
    const auto chain = read_chain(pem);
    if (!chain) return std::unexpected(chain.error());
    if (chain->empty()) return bad(contents_of(pem, "a certificate"));
    std::vector<CertificateFacts> out;
    for (const auto& certificate : *chain) out.push_back(facts_of(certificate.get()));
    return out;
}

Result<ServerCertificate> read_server_certificate(const std::string& certificate_file,
                                                  const std::string& private_key_file) {
    const auto certificates = read_file(certificate_file, most_bytes);
    if (!certificates) return bad("the certificate: " + certificates.error().message);
    const auto key_text = read_file(private_key_file, most_bytes);
    if (!key_text) return bad("the private key: " + key_text.error().message);
    if (!has_certificate(*certificates) && has_private_key(*certificates) && has_certificate(*key_text) &&
        !has_private_key(*key_text))
        return bad("certificate and private_key are exchanged: " + certificate_file + " holds a private key, " +
                   private_key_file + " a certificate");
    const auto chain = read_chain(*certificates);
    if (!chain) return bad(certificate_file + " " + chain.error().message);
    if (chain->empty()) return bad(certificate_file + " " + contents_of(*certificates, "a certificate"));
    const auto key = key_of(*key_text, private_key_file);
    if (!key) return std::unexpected(key.error());
    const bool fits = X509_check_private_key(chain->front().get(), key->get()) == 1;
    ERR_clear_error();
    if (!fits) return bad(mismatch(*chain, key->get(), certificate_file, private_key_file));
    auto context = context_of(*chain, key->get(), certificate_file);
    if (!context) return std::unexpected(context.error());
    ServerCertificate out;
    out.facts = facts_of(chain->front().get());
    out.digest = sha256_hex(*certificates) + sha256_hex(*key_text);
    out.warnings = warnings_of(*chain, certificate_file);
    out.gap = gap_of(*chain, certificate_file);
    ERR_clear_error();
    out.context = *std::move(context);
    return out;
}

std::string date_problem(const CertificateFacts& facts, UnixMicros now) {
    if (now >= facts.not_after) return "expired on " + day_of(facts.not_after);
    if (now < facts.not_before) return "is not valid before " + day_of(facts.not_before);
    return {};
}

std::string expires_soon(const CertificateFacts& facts, UnixMicros now) {
    const UnixMicros left = facts.not_after - now;
    if (left <= 0 || left > soon_days * one_day) return {};
    const auto days = left / one_day;
    return "expires on " + day_of(facts.not_after) + ", in " +
           (days == 0   ? "less than a day"
            : days == 1 ? "1 day"
                        : std::to_string(days) + " days");
}

}  // namespace lurus
