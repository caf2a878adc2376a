#pragma once
// libldap, as each system has it: loaded on Linux when a directory is first asked; linked in on Windows.

#include <ldap.h>

namespace lurus::signin {

class LdapLibrary {
public:
    /// Null where it is not installed.
    static const LdapLibrary* get();

    decltype(&ldap_initialize) initialize = nullptr;
    decltype(&ldap_get_option) get_option = nullptr;
    decltype(&ldap_set_option) set_option = nullptr;
    decltype(&ldap_start_tls_s) start_tls = nullptr;
    decltype(&ldap_sasl_bind_s) bind = nullptr;
    decltype(&ldap_search_ext_s) search = nullptr;
    decltype(&ldap_first_entry) first_entry = nullptr;
    decltype(&ldap_count_entries) count_entries = nullptr;
    decltype(&ldap_get_dn) get_dn = nullptr;
    decltype(&ldap_get_values_len) get_values = nullptr;
    decltype(&ldap_value_free_len) free_values = nullptr;
    decltype(&ldap_msgfree) free_message = nullptr;
    decltype(&ldap_memfree) free_memory = nullptr;
    decltype(&ldap_unbind_ext_s) unbind = nullptr;
    decltype(&ldap_err2string) text_of = nullptr;
    decltype(&ber_sockbuf_ctrl) socket_control = nullptr;

    /// Lets a connection that has a TLS context of its own trust the authorities that the system trusts, where libldap
    /// does not do that by itself. False when it cannot.
    static bool trust_system(LDAP* connection, decltype(&ldap_get_option) get_option);

private:
    LdapLibrary();
    bool ready_ = false;
};

}  // namespace lurus::signin
