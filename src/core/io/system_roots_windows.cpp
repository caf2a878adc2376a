#include <windows.h>

#include <wincrypt.h>

#include <cstddef>
#include <memory>
#include <string_view>

// After wincrypt.h, whose macros of the same names OpenSSL's headers take back.
#include <openssl/err.h>
#include <openssl/x509.h>

#include "core/io/system_roots.hpp"

namespace lurus {
namespace {

struct StoreClose {
    void operator()(void* store) const { CertCloseStore(store, 0); }
};
struct CertificateFree {
    void operator()(X509* certificate) const { X509_free(certificate); }
};

// Whoever may be asked as a server: a root that Windows trusts for signed programs or mails only is none here.
bool is_for_servers(PCCERT_CONTEXT context) {
    DWORD size = 0;
    if (CertGetEnhancedKeyUsage(context, 0, nullptr, &size) == 0) return GetLastError() == DWORD(CRYPT_E_NOT_FOUND);
    const auto bytes = std::make_unique<std::byte[]>(size);
    auto* usage = reinterpret_cast<CERT_ENHKEY_USAGE*>(bytes.get());
    if (CertGetEnhancedKeyUsage(context, 0, usage, &size) == 0) return false;
    if (usage->cUsageIdentifier == 0) return GetLastError() == DWORD(CRYPT_E_NOT_FOUND);
    for (DWORD i = 0; i < usage->cUsageIdentifier; ++i) {
        if (std::string_view(usage->rgpszUsageIdentifier[i]) == szOID_PKIX_KP_SERVER_AUTH) return true;
    }
    return false;
}

void add_certificates(X509_STORE* store, const wchar_t* name) {
    const std::unique_ptr<void, StoreClose> opened(CertOpenSystemStoreW(0, name));
    if (!opened) return;
    for (PCCERT_CONTEXT at = CertEnumCertificatesInStore(opened.get(), nullptr); at != nullptr;
         at = CertEnumCertificatesInStore(opened.get(), at)) {
        if (!is_for_servers(at)) continue;
        const unsigned char* der = at->pbCertEncoded;
        const std::unique_ptr<X509, CertificateFree> certificate(
            d2i_X509(nullptr, &der, static_cast<long>(at->cbCertEncoded)));
        if (certificate) X509_STORE_add_cert(store, certificate.get());
    }
}

}  // namespace

void add_system_roots(X509_STORE* store) {
    X509_STORE_set_default_paths(store);
    add_certificates(store, L"ROOT");
    ERR_clear_error();
}

}  // namespace lurus
