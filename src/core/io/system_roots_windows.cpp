#include <winsock2.h>

#include <wincrypt.h>
// wincrypt.h and OpenSSL name different things the same.
#undef OCSP_REQUEST
#undef OCSP_RESPONSE
#undef PKCS7_ISSUER_AND_SERIAL
#undef PKCS7_SIGNER_INFO
#undef X509_CERT_PAIR
#undef X509_EXTENSIONS
#undef X509_NAME

#include <openssl/err.h>
#include <openssl/x509.h>

#include <cstddef>
#include <cstring>
#include <vector>

#include "core/io/system_roots.hpp"
#include "core/io/tls.hpp"

namespace lurus {

namespace {

// A root may be there for other purposes only, such as signed programs.
bool is_for_servers(PCCERT_CONTEXT certificate) {
    DWORD size = 0;
    if (::CertGetEnhancedKeyUsage(certificate, 0, nullptr, &size) == FALSE) return false;
    std::vector<std::max_align_t> room(size / sizeof(std::max_align_t) + 1);
    auto* usage = reinterpret_cast<CERT_ENHKEY_USAGE*>(room.data());
    if (::CertGetEnhancedKeyUsage(certificate, 0, usage, &size) == FALSE) return false;
    if (usage->cUsageIdentifier == 0) return ::GetLastError() == static_cast<DWORD>(CRYPT_E_NOT_FOUND);  // for all
    for (DWORD i = 0; i < usage->cUsageIdentifier; ++i) {
        if (std::strcmp(usage->rgpszUsageIdentifier[i], szOID_PKIX_KP_SERVER_AUTH) == 0) return true;
    }
    return false;
}

}  // namespace

void trust_system_roots(SSL_CTX* context) {
    SSL_CTX_set_default_verify_paths(context);
    const HCERTSTORE roots = ::CertOpenSystemStoreW(0, L"ROOT");
    if (roots == nullptr) return;
    PCCERT_CONTEXT each = nullptr;
    while ((each = ::CertEnumCertificatesInStore(roots, each)) != nullptr) {
        if (!is_for_servers(each)) continue;
        const unsigned char* bytes = each->pbCertEncoded;
        const X509Ptr root(d2i_X509(nullptr, &bytes, static_cast<long>(each->cbCertEncoded)));
        if (root) X509_STORE_add_cert(SSL_CTX_get_cert_store(context), root.get());
    }
    ::CertCloseStore(roots, 0);
    ERR_clear_error();
}

}  // namespace lurus
