#include "modules/signin/ldap.hpp"

#include <ldap.h>

#include <array>
#include <memory>

#include "core/io/left_behind.hpp"
#include "core/io/open_socket.hpp"
#include "core/os/shared_library.hpp"

namespace lurus::signin {
namespace {

// Loaded when a directory is first asked.
class Library {
public:
    static const Library* get() {
        static const Library library;
        return library.ready_ ? &library : nullptr;
    }

    decltype(&ldap_initialize) initialize = nullptr;
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

private:
    Library() {
        const SharedLibrary library({"libldap-2.5.so.0", "libldap.so.2"});
        ready_ = library.find("ldap_initialize", initialize) && library.find("ldap_set_option", set_option) &&
                 library.find("ldap_start_tls_s", start_tls) && library.find("ldap_sasl_bind_s", bind) &&
                 library.find("ldap_search_ext_s", search) && library.find("ldap_first_entry", first_entry) &&
                 library.find("ldap_count_entries", count_entries) && library.find("ldap_get_dn", get_dn) &&
                 library.find("ldap_get_values_len", get_values) && library.find("ldap_value_free_len", free_values) &&
                 library.find("ldap_msgfree", free_message) && library.find("ldap_memfree", free_memory) &&
                 library.find("ldap_unbind_ext_s", unbind) && library.find("ldap_err2string", text_of) &&
                 library.find("ber_sockbuf_ctrl", socket_control);
    }
    bool ready_ = false;
};

/// One connection, encrypted before anything is said. libldap keeps its own deadlines between two steps of a handshake
/// only, so whoever waits may have to shut the socket.
class Connection {
public:
    Connection(const Library& library, const LdapSettings& settings, OpenSocket& socket)
        : library_(library), settings_(settings), watch_(library, socket) {}
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection() { close(); }

    void close() {
        if (ldap_ != nullptr) library_.unbind(ldap_, nullptr, nullptr);
        ldap_ = nullptr;
    }

    Result<void> open() {
        if (const int code = library_.initialize(&ldap_, settings_.url.c_str()); code != LDAP_SUCCESS)
            return away(code);
        const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
        timeval limit{settings_.timeout_ms / 1000, settings_.timeout_ms % 1000 * 1000};
        const bool set = option(LDAP_OPT_PROTOCOL_VERSION, &version) && option(LDAP_OPT_NETWORK_TIMEOUT, &limit) &&
                         option(LDAP_OPT_TIMEOUT, &limit) && option(LDAP_OPT_CONNECT_CB, &watch_) &&
                         option(LDAP_OPT_REFERRALS, LDAP_OPT_OFF) && option(LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) &&
                         (settings_.ca_file.empty() || option(LDAP_OPT_X_TLS_CACERTFILE, settings_.ca_file.c_str())) &&
                         option(LDAP_OPT_X_TLS_NEWCTX, &client);
        if (!set) return fail(ErrorCode::unavailable, settings_.url + ": TLS cannot be set up; check ca_file");
        if (settings_.url.starts_with("ldaps://")) return {};
        const int code = library_.start_tls(ldap_, nullptr, nullptr);
        return code == LDAP_SUCCESS ? Result<void>() : away(code);
    }

    /// An empty password would be taken for no sign-in at all (RFC 4513 §5.1.2), which succeeds.
    Result<void> bind(const std::string& dn, std::string_view password) {
        if (password.empty()) return fail(ErrorCode::unauthenticated, "no password");
        std::string text(password);
        berval credentials{text.size(), text.data()};
        const int code = library_.bind(ldap_, dn.c_str(), nullptr, &credentials, nullptr, nullptr, nullptr);
        if (code == LDAP_SUCCESS) return {};
        const bool refused = code == LDAP_INVALID_CREDENTIALS || code == LDAP_NO_SUCH_OBJECT ||
                             code == LDAP_INAPPROPRIATE_AUTH || code == LDAP_UNWILLING_TO_PERFORM ||
                             code == LDAP_CONSTRAINT_VIOLATION;
        if (refused) return fail(ErrorCode::unauthenticated, "the directory refuses the password");
        return away(code);
    }

    Result<LdapPerson> find(const std::string& filter) {
        std::string mail = "mail", name = "cn", shown = "displayName", groups = settings_.groups_attribute;
        std::array<char*, 5> attributes{mail.data(), name.data(), shown.data(), groups.data(), nullptr};
        timeval limit{settings_.timeout_ms / 1000, settings_.timeout_ms % 1000 * 1000};
        LDAPMessage* raw = nullptr;
        const int code = library_.search(ldap_, settings_.base.c_str(), LDAP_SCOPE_SUBTREE, filter.c_str(),
                                         attributes.data(), 0, nullptr, nullptr, &limit, 2, &raw);
        const std::unique_ptr<LDAPMessage, decltype(&ldap_msgfree)> found(raw, library_.free_message);
        if (code != LDAP_SUCCESS && code != LDAP_SIZELIMIT_EXCEEDED && code != LDAP_NO_SUCH_OBJECT) return away(code);
        // Two with one address: neither is surely meant.
        if (code != LDAP_SUCCESS || library_.count_entries(ldap_, found.get()) != 1)
            return fail(ErrorCode::unauthenticated, "nobody, or more than one, has this address");
        LDAPMessage* entry = library_.first_entry(ldap_, found.get());
        const std::unique_ptr<char, decltype(&ldap_memfree)> dn(library_.get_dn(ldap_, entry), library_.free_memory);
        if (!dn) return fail(ErrorCode::unavailable, settings_.url + ": an entry has no name");
        LdapPerson person;
        person.dn = dn.get();
        for (auto& value : values(entry, "mail")) {
            if (person.email.empty()) person.email = std::move(value);
        }
        for (const char* attribute : {"displayName", "cn"}) {
            for (auto& value : values(entry, attribute)) {
                if (person.name.empty()) person.name = std::move(value);
            }
        }
        for (auto& value : values(entry, groups.c_str())) {
            if (auto first = first_name_of(value); !first.empty()) person.groups.push_back(std::move(first));
            person.groups.push_back(std::move(value));
        }
        return person;
    }

private:
    /// What libldap calls when its socket is connected and before it is closed.
    struct Watch : ldap_conncb {
        Watch(const Library& l, OpenSocket& s)
            : ldap_conncb{&Watch::opened, &Watch::closed, nullptr}, library(l), socket(s) {}
        static int opened(LDAP*, Sockbuf* buffer, LDAPURLDesc*, sockaddr*, ldap_conncb* self) {
            const auto& watch = *static_cast<Watch*>(self);
            ber_socket_t descriptor = -1;
            if (watch.library.socket_control(buffer, LBER_SB_OPT_GET_FD, &descriptor) == 1)
                watch.socket.opened(static_cast<int>(descriptor));
            return 0;
        }
        static void closed(LDAP*, Sockbuf*, ldap_conncb* self) { static_cast<Watch*>(self)->socket.closed(); }
        const Library& library;
        OpenSocket& socket;
    };

    bool option(int name, const void* value) { return library_.set_option(ldap_, name, value) == LDAP_OPT_SUCCESS; }
    [[nodiscard]] std::unexpected<Error> away(int code) const {
        return fail(ErrorCode::unavailable, settings_.url + ": " + library_.text_of(code));
    }
    std::vector<std::string> values(LDAPMessage* entry, const char* attribute) {
        std::vector<std::string> out;
        berval** found = library_.get_values(ldap_, entry, attribute);
        for (berval** at = found; at != nullptr && *at != nullptr; ++at) out.emplace_back((*at)->bv_val, (*at)->bv_len);
        if (found != nullptr) library_.free_values(found);
        return out;
    }

    const Library& library_;
    const LdapSettings& settings_;
    Watch watch_;
    LDAP* ldap_ = nullptr;
};

Result<LdapPerson> ask_directory(const Library& library, const LdapSettings& settings, const std::string& email,
                                 const Secret& password, OpenSocket& socket) {
    Connection search(library, settings, socket);
    if (auto opened = search.open(); !opened) return std::unexpected(opened.error());
    if (auto bound = search.bind(settings.bind_dn, settings.bind_password.reveal()); !bound) {
        // Our own account's trouble must not look like the person's.
        return fail(ErrorCode::unavailable, settings.url + " refuses bind_dn: " + bound.error().message);
    }
    auto person = search.find(ldap_filter(settings.filter, email));
    if (!person) return person;
    search.close();
    Connection proof(library, settings, socket);
    if (auto opened = proof.open(); !opened) return std::unexpected(opened.error());
    if (auto bound = proof.bind(person->dn, password.reveal()); !bound) return std::unexpected(bound.error());
    return person;
}

}  // namespace

std::string ldap_filter(std::string_view filter, std::string_view email) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string escaped;
    for (const char c : email) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte >= 0x7f || c == '*' || c == '(' || c == ')' || c == '\\') {
            escaped += '\\';
            escaped += digits[byte >> 4];
            escaped += digits[byte & 15];
        } else {
            escaped += c;
        }
    }
    std::string out(filter);
    constexpr std::string_view variable = "{email}";
    for (auto at = out.find(variable); at != std::string::npos; at = out.find(variable, at + escaped.size()))
        out.replace(at, variable.size(), escaped);
    return out;
}

std::string first_name_of(std::string_view dn) {
    const auto equals = dn.find('=');
    if (equals == std::string_view::npos) return {};
    std::string out;
    for (std::size_t i = equals + 1; i < dn.size() && dn[i] != ',' && dn[i] != '+'; ++i) {
        if (dn[i] == '\\' && i + 1 < dn.size()) ++i;
        out += dn[i];
    }
    return out;
}

Result<LdapPerson> ldap_check(const LdapSettings& settings, std::string_view email, std::string_view password,
                              const OutsideLimit& limit) {
    if (email.empty() || password.empty()) return fail(ErrorCode::unauthenticated, "no address or no password");
    if (limit.over()) return fail(ErrorCode::unavailable, settings.url + ": there is no time left to ask it");
    const Library* library = Library::get();
    if (library == nullptr)
        return fail(ErrorCode::unavailable, "LDAP takes libldap (libldap-2.5-0 or libldap2), which is not installed");
    const auto socket = std::make_shared<OpenSocket>();
    auto person = result_within<Result<LdapPerson>>(
        limit,
        [library, settings, address = std::string(email), secret = Secret(std::string(password)), socket] {
            return ask_directory(*library, settings, address, secret, *socket);
        },
        [&socket] { socket->shut(); });
    if (person) return *std::move(person);
    return fail(ErrorCode::unavailable,
                settings.url + (limit.stop.stop_requested() ? ": ended, because the server stops"
                                                            : ": it did not answer in time"));
}

}  // namespace lurus::signin
