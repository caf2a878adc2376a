#include "core/os/features.hpp"

namespace lurus {

std::vector<Feature> features() {
    return {
        {"io_uring", false, "Windows has none: answers are sent one by one"},
        {"mail", true, "libcurl, linked in"},
        {"ldap", true, "OpenLDAP's libldap, linked in"},
        {"postgres", true, "libpq, linked in"},
        {"bcrypt", true, "libxcrypt, linked in: imported password hashes"},
        {"unix_sockets", false, "not on Windows: listen on 127.0.0.1:PORT"},
        {"allocator", false, "there is no jemalloc for Windows: the C library's"},
        {"service", true, "the service control manager: `lurus service`"},
        {"sealed_key", true, "DPAPI: the master key's file can be read on this machine only"},
        {"time_zones", true, "tzdata, linked in; the system says which one is local"},
        {"system_roots", true, "Windows' store of trusted roots"},
    };
}

}  // namespace lurus
