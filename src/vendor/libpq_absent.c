// What Debian's libpq.a asks of Kerberos and LDAP, neither of which is linked: signing in by Kerberos fails at its first step, and
// so does looking up a connection's parameters in a directory. Nothing after the first step is ever called.
#include <stddef.h>
#include <stdint.h>

#define GSS(name) uint32_t name(void) { return 13u << 16; /* GSS_S_FAILURE */ }
GSS(gss_acquire_cred)
GSS(gss_delete_sec_context)
GSS(gss_display_status)
GSS(gss_import_name)
GSS(gss_init_sec_context)
GSS(gss_release_buffer)
GSS(gss_release_cred)
GSS(gss_release_name)
GSS(gss_unwrap)
GSS(gss_wrap)
GSS(gss_wrap_size_limit)
const void *GSS_C_NT_HOSTBASED_SERVICE = NULL;

#define NOTHING(name) void *name(void) { return NULL; }
NOTHING(ldap_init)
NOTHING(ldap_first_entry)
NOTHING(ldap_get_values_len)
NOTHING(ldap_value_free_len)
#define UNAVAILABLE(name) int name(void) { return 52; /* LDAP_UNAVAILABLE */ }
UNAVAILABLE(ldap_count_entries)
UNAVAILABLE(ldap_msgfree)
UNAVAILABLE(ldap_result)
UNAVAILABLE(ldap_search_st)
UNAVAILABLE(ldap_set_option)
UNAVAILABLE(ldap_simple_bind)
UNAVAILABLE(ldap_unbind)
const char *ldap_err2string(void) { return "LDAP is not linked"; }
