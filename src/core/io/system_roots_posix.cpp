#include <unistd.h>

#include <cstdlib>

#include "core/io/system_roots.hpp"

namespace lurus {
namespace {

// Where distributions keep them all in one file. The OpenSSL that is linked in knows only the place of the distribution
// that it was built on.
constexpr const char* bundles[] = {
    "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, Red Hat
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Fedora 43
    "/etc/ssl/ca-bundle.pem",                             // openSUSE
    "/etc/ssl/cert.pem",
};

bool readable(const char* path) {
    return ::access(path, R_OK) == 0;
}

bool somebody_chose() {
    return std::getenv(X509_get_default_cert_file_env()) != nullptr ||
           std::getenv(X509_get_default_cert_dir_env()) != nullptr;
}

}  // namespace

void add_system_roots(X509_STORE* store) {
    X509_STORE_set_default_paths(store);
    if (somebody_chose() || readable(X509_get_default_cert_file()) || readable(X509_get_default_cert_dir())) return;
    for (const char* bundle : bundles) {
        if (readable(bundle) && X509_STORE_load_file(store, bundle) == 1) return;
    }
}

}  // namespace lurus
