#pragma once
// One connection to a directory over libldap, encrypted before anything is said.

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/open_socket.hpp"
#include "modules/signin/ldap.hpp"
#include "modules/signin/ldap_library.hpp"

namespace lurus::signin {

/// What did not go as it should: as in `ldap_check`, with the way out where the directory is in trouble.
struct LdapFailure {
    ErrorCode code = ErrorCode::unavailable;
    LdapTrouble why;
};
template <class T>
using LdapResult = std::expected<T, LdapFailure>;

/// libldap keeps its own deadlines between two steps of a handshake only, so whoever waits may have to shut the socket.
class LdapConnection {
public:
    LdapConnection(const LdapLibrary& library, const LdapSettings& settings, OpenSocket& socket)
        : library_(library), settings_(settings), watch_(library, socket) {}
    LdapConnection(const LdapConnection&) = delete;
    LdapConnection& operator=(const LdapConnection&) = delete;
    ~LdapConnection() { close(); }

    LdapResult<void> open();
    void close();
    /// As the account that searches: whatever is refused is the directory's trouble.
    LdapResult<void> bind_service();
    /// As somebody, by their password.
    LdapResult<void> bind_person(const std::string& dn, std::string_view password);
    /// The one entry that the filter finds.
    LdapResult<LdapPerson> find(const std::string& filter);

private:
    /// What libldap calls when its socket is connected and before it is closed.
    struct Watch : ldap_conncb {
        Watch(const LdapLibrary& l, OpenSocket& s)
            : ldap_conncb{&Watch::opened, &Watch::closed, nullptr}, library(l), socket(s) {}
        static int opened(LDAP*, Sockbuf* buffer, LDAPURLDesc*, sockaddr*, ldap_conncb* self);
        static void closed(LDAP*, Sockbuf*, ldap_conncb* self) { static_cast<Watch*>(self)->socket.closed(); }
        const LdapLibrary& library;
        OpenSocket& socket;
    };

    bool option(int name, const void* value) { return library_.set_option(ldap_, name, value) == LDAP_OPT_SUCCESS; }
    int bind(const std::string& dn, std::string_view password);
    std::vector<std::string> values(LDAPMessage* entry, const std::string& attribute);
    /// What libldap and the directory say about the last call.
    [[nodiscard]] std::string said(int code) const;
    /// A connection that did not come about, or broke.
    [[nodiscard]] std::unexpected<LdapFailure> not_reached(int code) const;
    [[nodiscard]] std::unexpected<LdapFailure> search_refused(int code, const std::string& filter) const;
    [[nodiscard]] std::unexpected<LdapFailure> trouble(const std::string& what, std::string fix) const;

    const LdapLibrary& library_;
    const LdapSettings& settings_;
    Watch watch_;
    LDAP* ldap_ = nullptr;
};

}  // namespace lurus::signin
