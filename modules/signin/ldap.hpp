#pragma once
// A directory asked whether a password is right: found by address, bound as who was found.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/outside.hpp"
#include "lurus/result.hpp"
#include "lurus/signin.hpp"

namespace lurus::signin {

struct LdapPerson {
    std::string dn, name;
    std::vector<std::string> addresses;  // of `email_attribute`, in the directory's order, which means nothing
    std::vector<std::string> groups;     // as the directory names them, and each one's first name alone
};

/// Why a directory signs nobody in, for whoever runs the gateway, and what to do about it.
struct LdapTrouble {
    std::string what, fix;
};

/// Over LDAPS or StartTLS, never in clear; libldap is loaded when it is first needed. Blocks until the limit at most.
/// `unauthenticated`: nobody, or not their password; `unavailable`: it cannot be asked by anybody now, or not in time;
/// `internal`: it does not judge this one person.
Result<LdapPerson> ldap_check(const LdapSettings& settings, std::string_view email, std::string_view password,
                              const OutsideLimit& limit);

/// The same up to the search, for nobody: nothing where the directory could sign people in.
std::optional<LdapTrouble> ldap_trouble(const LdapSettings& settings, const OutsideLimit& limit);

/// The address that somebody who typed `typed` is known by here. A typed address must be one of theirs; a typed name,
/// which the filter may allow, stands for the only address they have. `permission_denied` otherwise.
Result<std::string> ldap_address(const LdapPerson& person, std::string_view typed);

/// The filter for an address, escaped (RFC 4515 §3).
std::string ldap_filter(std::string_view filter, std::string_view email);

/// `cn=admins,ou=groups,dc=example` -> `admins`; empty when it is no DN.
std::string first_name_of(std::string_view dn);

}  // namespace lurus::signin
