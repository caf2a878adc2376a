#include "core/os/shared_library.hpp"
#include "modules/signin/ldap_library.hpp"

namespace lurus::signin {

const LdapLibrary* LdapLibrary::get() {
    static const LdapLibrary library;
    return library.ready_ ? &library : nullptr;
}

LdapLibrary::LdapLibrary() {
    const SharedLibrary library({"libldap-2.5.so.0", "libldap.so.2"});
    ready_ = library.find("ldap_initialize", initialize) && library.find("ldap_get_option", get_option) &&
             library.find("ldap_set_option", set_option) && library.find("ldap_start_tls_s", start_tls) &&
             library.find("ldap_sasl_bind_s", bind) && library.find("ldap_search_ext_s", search) &&
             library.find("ldap_first_entry", first_entry) && library.find("ldap_count_entries", count_entries) &&
             library.find("ldap_get_dn", get_dn) && library.find("ldap_get_values_len", get_values) &&
             library.find("ldap_value_free_len", free_values) && library.find("ldap_msgfree", free_message) &&
             library.find("ldap_memfree", free_memory) && library.find("ldap_unbind_ext_s", unbind) &&
             library.find("ldap_err2string", text_of) && library.find("ber_sockbuf_ctrl", socket_control);
}

bool LdapLibrary::trust_system(LDAP*, decltype(&ldap_get_option)) {
    return true;
}

}  // namespace lurus::signin
