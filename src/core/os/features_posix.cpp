#include "core/io/send_batch.hpp"
#include "core/os/features.hpp"
#include "core/os/shared_library.hpp"

// jemalloc's own; null in an executable that is linked without it.
extern "C" int mallctl(const char*, void*, std::size_t*, void*, std::size_t) __attribute__((weak));

namespace lurus {
namespace {

bool is_installed(std::initializer_list<const char*> names, const char* function) {
    void (*found)() = nullptr;
    return SharedLibrary(names).find(function, found);
}

}  // namespace

std::vector<Feature> features() {
    const bool batches = SendBatch().batched();
    const bool mail = is_installed({"libcurl.so.4", "libcurl-gnutls.so.4"}, "curl_easy_init");
    const bool directory = is_installed({"libldap-2.5.so.0", "libldap.so.2"}, "ldap_initialize");
    const bool jemalloc = mallctl != nullptr;
    return {
        {"io_uring", batches,
         batches ? "answers of one turn are sent in one system call"
                 : "the kernel has none, or forbids it here: answers are sent one by one"},
        {"mail", mail,
         mail ? "libcurl, which the system has"
              : "libcurl.so.4 is not installed (Debian, Ubuntu: apt install libcurl4)"},
        {"ldap", directory,
         directory ? "libldap, which the system has"
                   : "libldap is not installed (Debian: apt install libldap-2.5-0, Ubuntu: libldap2)"},
        {"postgres", true, "libpq, linked in, without Kerberos"},
        {"bcrypt", true, "libxcrypt: imported password hashes"},
        {"unix_sockets", true, "listeners `unix:PATH`"},
        {"allocator", jemalloc, jemalloc ? "jemalloc" : "it is linked without jemalloc: the C library's"},
        {"service", true, "systemd: `lurus service`, readiness and watchdog"},
        {"sealed_key", false, "the master key's file is kept from others by its mode (0600)"},
        {"time_zones", true, "the system's (tzdata)"},
        {"system_roots", true, "OpenSSL's folder of certificates"},
    };
}

}  // namespace lurus
