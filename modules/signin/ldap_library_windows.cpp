#include "modules/signin/ldap_library.hpp"

#include <openssl/ssl.h>

#include <memory>

#include "core/io/system_roots.hpp"

namespace lurus::signin {

const LdapLibrary* LdapLibrary::get() {
    static const LdapLibrary library;
    return library.ready_ ? &library : nullptr;
}

LdapLibrary::LdapLibrary()
    : initialize(&ldap_initialize),
      get_option(&ldap_get_option),
      set_option(&ldap_set_option),
      start_tls(&ldap_start_tls_s),
      bind(&ldap_sasl_bind_s),
      search(&ldap_search_ext_s),
      first_entry(&ldap_first_entry),
      count_entries(&ldap_count_entries),
      get_dn(&ldap_get_dn),
      get_values(&ldap_get_values_len),
      free_values(&ldap_value_free_len),
      free_message(&ldap_msgfree),
      free_memory(&ldap_memfree),
      unbind(&ldap_unbind_ext_s),
      text_of(&ldap_err2string),
      socket_control(&ber_sockbuf_ctrl),
      ready_(true) {}

bool LdapLibrary::trust_system(LDAP* connection, decltype(&ldap_get_option) get_option) {
    void* context = nullptr;
    if (get_option(connection, LDAP_OPT_X_TLS_CTX, &context) != LDAP_OPT_SUCCESS || context == nullptr) return false;
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> owner(static_cast<SSL_CTX*>(context), &SSL_CTX_free);
    add_system_roots(SSL_CTX_get_cert_store(owner.get()));
    return true;
}

}  // namespace lurus::signin
