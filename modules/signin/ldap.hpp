#pragma once
// A directory asked whether a password is right: found by address, bound as who was found.

#include <string>
#include <string_view>
#include <vector>

#include "lurus/outside.hpp"
#include "lurus/result.hpp"
#include "lurus/signin.hpp"

namespace lurus::signin {

struct LdapPerson {
    std::string dn, email, name;
    std::vector<std::string> groups;  // as the directory names them, and each one's first name alone
};

/// Over LDAPS or StartTLS, never in clear; libldap is loaded when it is first needed. Blocks until the limit at most.
/// `unauthenticated`: nobody, or not their password; `unavailable`: it could not be asked, or not in time.
Result<LdapPerson> ldap_check(const LdapSettings& settings, std::string_view email, std::string_view password,
                              const OutsideLimit& limit);

/// The filter for an address, escaped (RFC 4515 §3).
std::string ldap_filter(std::string_view filter, std::string_view email);

/// `cn=admins,ou=groups,dc=example` -> `admins`; empty when it is no DN.
std::string first_name_of(std::string_view dn);

}  // namespace lurus::signin
