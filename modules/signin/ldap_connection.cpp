#include "modules/signin/ldap_connection.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>
#include <memory>

#include "core/os/files.hpp"
#include "modules/signin/ldap_reason.hpp"

namespace lurus::signin {
namespace {

constexpr std::size_t most_said = 300;  // of a library's or a directory's own words

std::unexpected<LdapFailure> person_refused(std::string why) {
    return std::unexpected(LdapFailure{ErrorCode::unauthenticated, {std::move(why), ""}});
}

/// Others' words on one line.
std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, most_said)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
    while (out.ends_with(' ') || out.ends_with('.')) out.pop_back();
    return out;
}

/// Empty when the file holds a certificate. libldap says of a file that does not no more than that TLS failed.
std::string problem_of_roots(const std::string& file) {
    const auto text = read_file(file);
    if (!text) return "cannot be read";
    const std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())),
                                                       &BIO_free);
    const std::unique_ptr<X509, decltype(&X509_free)> first(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr),
                                                            &X509_free);
    ERR_clear_error();
    return first ? "" : "holds no certificate (PEM)";
}

timeval limit_of(const LdapSettings& settings) {
    return {settings.timeout_ms / 1000, settings.timeout_ms % 1000 * 1000};
}

}  // namespace

int LdapConnection::Watch::opened(LDAP*, Sockbuf* buffer, LDAPURLDesc*, sockaddr*, ldap_conncb* self) {
    const auto& watch = *static_cast<Watch*>(self);
    ber_socket_t descriptor = -1;
    if (watch.library.socket_control(buffer, LBER_SB_OPT_GET_FD, &descriptor) == 1)
        watch.socket.opened(static_cast<int>(descriptor));
    return 0;
}

void LdapConnection::close() {
    if (ldap_ != nullptr) library_.unbind(ldap_, nullptr, nullptr);
    ldap_ = nullptr;
}

LdapResult<void> LdapConnection::open() {
    if (!settings_.ca_file.empty()) {
        if (const auto problem = problem_of_roots(settings_.ca_file); !problem.empty())
            return trouble("ca_file " + settings_.ca_file + " " + problem,
                           "set auth.ldap.ca_file to the PEM file of the authority that signed the directory's "
                           "certificate, readable for the server's user");
    }
    if (const int code = library_.initialize(&ldap_, settings_.url.c_str()); code != LDAP_SUCCESS)
        return trouble(library_.text_of(code), "correct auth.ldap.url: ldaps://HOST or ldap://HOST");
    const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
    const timeval limit = limit_of(settings_);
    const bool set = option(LDAP_OPT_PROTOCOL_VERSION, &version) && option(LDAP_OPT_NETWORK_TIMEOUT, &limit) &&
                     option(LDAP_OPT_TIMEOUT, &limit) && option(LDAP_OPT_CONNECT_CB, &watch_) &&
                     option(LDAP_OPT_REFERRALS, LDAP_OPT_OFF) && option(LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) &&
                     (settings_.ca_file.empty() || option(LDAP_OPT_X_TLS_CACERTFILE, settings_.ca_file.c_str())) &&
                     option(LDAP_OPT_X_TLS_NEWCTX, &client) &&
                     (!settings_.ca_file.empty() || LdapLibrary::trust_system(ldap_, library_.get_option));
    if (!set) return trouble("TLS cannot be set up", "check auth.ldap.ca_file, a PEM file of certificates");
    if (settings_.url.starts_with("ldaps://")) return {};
    const int code = library_.start_tls(ldap_, nullptr, nullptr);
    return code == LDAP_SUCCESS ? LdapResult<void>() : not_reached(code);
}

int LdapConnection::bind(const std::string& dn, std::string_view password) {
    std::string text(password);
    berval credentials{static_cast<ber_len_t>(text.size()), text.data()};
    return library_.bind(ldap_, dn.c_str(), nullptr, &credentials, nullptr, nullptr, nullptr);
}

LdapResult<void> LdapConnection::bind_service() {
    if (settings_.bind_password.empty())
        return trouble("there is no password for bind_dn",
                       "set the variable that auth.ldap.bind_password_env names in the server's environment");
    const int code = bind(settings_.bind_dn, settings_.bind_password.reveal());
    if (code == LDAP_SUCCESS) return {};
    if (code < 0 || code == LDAP_BUSY || code == LDAP_UNAVAILABLE) return not_reached(code);
    return trouble("it refuses bind_dn " + settings_.bind_dn + ": " + said(code),
                   "correct auth.ldap.bind_dn, or the password in the variable that bind_password_env names");
}

// An empty password would be taken for no sign-in at all (RFC 4513 §5.1.2), which succeeds.
LdapResult<void> LdapConnection::bind_person(const std::string& dn, std::string_view password) {
    if (password.empty()) return person_refused("no password");
    const int code = bind(dn, password);
    if (code == LDAP_SUCCESS) return {};
    const bool refused = code == LDAP_INVALID_CREDENTIALS || code == LDAP_NO_SUCH_OBJECT ||
                         code == LDAP_INAPPROPRIATE_AUTH || code == LDAP_UNWILLING_TO_PERFORM ||
                         code == LDAP_CONSTRAINT_VIOLATION;
    if (refused) return person_refused("the directory refuses the password");
    if (code < 0 || code == LDAP_BUSY || code == LDAP_UNAVAILABLE) return not_reached(code);
    return std::unexpected(LdapFailure{
        ErrorCode::internal,
        {settings_.url + ": the bind of " + dn + ": " + said(code), "look at this entry in the directory"}});
}

LdapResult<LdapPerson> LdapConnection::find(const std::string& filter) {
    std::string email = settings_.email_attribute, name = "cn", shown = "displayName",
                groups = settings_.groups_attribute;
    std::array<char*, 5> attributes{email.data(), name.data(), shown.data(), groups.data(), nullptr};
    timeval limit = limit_of(settings_);
    LDAPMessage* raw = nullptr;
    const int code = library_.search(ldap_, settings_.base.c_str(), LDAP_SCOPE_SUBTREE, filter.c_str(),
                                     attributes.data(), 0, nullptr, nullptr, &limit, 2, &raw);
    const std::unique_ptr<LDAPMessage, decltype(&ldap_msgfree)> found(raw, library_.free_message);
    // Two with one address: neither is surely meant.
    if (code == LDAP_SIZELIMIT_EXCEEDED) return person_refused("more than one entry has this address");
    if (code != LDAP_SUCCESS) return search_refused(code, filter);
    const int entries = library_.count_entries(ldap_, found.get());
    if (entries != 1)
        return person_refused(entries == 0 ? "no entry has this address" : "more than one entry has this address");
    LDAPMessage* entry = library_.first_entry(ldap_, found.get());
    const std::unique_ptr<char, decltype(&ldap_memfree)> dn(library_.get_dn(ldap_, entry), library_.free_memory);
    if (!dn) return trouble("an entry has no name", "look at what the search finds there");
    LdapPerson person;
    person.dn = dn.get();
    person.addresses = values(entry, email);
    for (const std::string& attribute : {shown, name}) {
        for (auto& value : values(entry, attribute)) {
            if (person.name.empty()) person.name = std::move(value);
        }
    }
    for (auto& value : values(entry, groups)) {
        if (auto first = first_name_of(value); !first.empty()) person.groups.push_back(std::move(first));
        person.groups.push_back(std::move(value));
    }
    return person;
}

std::unexpected<LdapFailure> LdapConnection::search_refused(int code, const std::string& filter) const {
    if (code == LDAP_FILTER_ERROR)
        return trouble("the search " + one_line(filter) + " is no filter",
                       "correct auth.ldap.filter, such as (mail={email})");
    if (code == LDAP_NO_SUCH_OBJECT || code == LDAP_INVALID_DN_SYNTAX || code == LDAP_REFERRAL)
        return trouble(
            "it has no " + (settings_.base.empty() ? "base to search" : "base " + settings_.base) + ": " + said(code),
            "correct auth.ldap.base, such as ou=people,dc=example,dc=com");
    if (code == LDAP_INSUFFICIENT_ACCESS || code == LDAP_OPERATIONS_ERROR)
        return trouble("bind_dn may not search below " + settings_.base + ": " + said(code),
                       "let auth.ldap.bind_dn read the entries and their addresses there");
    return not_reached(code);
}

std::vector<std::string> LdapConnection::values(LDAPMessage* entry, const std::string& attribute) {
    std::vector<std::string> out;
    berval** found = library_.get_values(ldap_, entry, attribute.c_str());
    for (berval** at = found; at != nullptr && *at != nullptr; ++at) out.emplace_back((*at)->bv_val, (*at)->bv_len);
    if (found != nullptr) library_.free_values(found);
    return out;
}

std::string LdapConnection::said(int code) const {
    std::string out = library_.text_of(code);
    char* more = nullptr;
    if (ldap_ == nullptr || library_.get_option(ldap_, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more) != LDAP_OPT_SUCCESS)
        return out;
    const std::unique_ptr<char, decltype(&ldap_memfree)> owner(more, library_.free_memory);
    if (more != nullptr && *more != '\0' && std::string_view(more) != "(unknown error code)")
        out += " (" + one_line(more) + ")";
    return out;
}

std::unexpected<LdapFailure> LdapConnection::not_reached(int code) const {
    std::string words = said(code);
    if (code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR) {
        const LdapReason reason = ldap_reason(settings_, watch_.socket);
        if (reason.certificate)
            return trouble(
                "its certificate is not accepted: " + reason.text,
                "set auth.ldap.ca_file to the PEM file of the authority that signed it, and auth.ldap.url to "
                "the name that it is for");
        if (!reason.text.empty()) words = library_.text_of(code) + (": " + reason.text);
    }
    if (code == LDAP_TIMEOUT || code == LDAP_TIMELIMIT_EXCEEDED)
        return trouble("it did not answer in time", "see whether it runs, or raise auth.ldap.timeout");
    if (code == LDAP_PROTOCOL_ERROR || code == LDAP_UNWILLING_TO_PERFORM || code == LDAP_CONFIDENTIALITY_REQUIRED)
        return trouble(words, "it may have no StartTLS: use ldaps://HOST in auth.ldap.url");
    return trouble(words, "see whether the directory runs there and its port is reachable from this machine");
}

std::unexpected<LdapFailure> LdapConnection::trouble(const std::string& what, std::string fix) const {
    return std::unexpected(LdapFailure{ErrorCode::unavailable, {settings_.url + ": " + what, std::move(fix)}});
}

}  // namespace lurus::signin
