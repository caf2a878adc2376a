#pragma once
// Why there is no connection to a directory: libldap says that it cannot contact it, whatever it was.

#include <string>

#include "core/io/open_socket.hpp"
#include "lurus/signin.hpp"

namespace lurus::signin {

struct LdapReason {
    bool certificate = false;  // it is not accepted
    std::string text;          // empty: nothing was found
};

/// Goes the same way up to TLS, and says where it ends. Blocks until that is known or the socket is shut.
LdapReason ldap_reason(const LdapSettings& settings, OpenSocket& socket);

}  // namespace lurus::signin
