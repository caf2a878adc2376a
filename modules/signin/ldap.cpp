#include "modules/signin/ldap.hpp"

#include <algorithm>
#include <memory>

#include "core/io/left_behind.hpp"
#include "core/text/ascii.hpp"
#include "modules/signin/ldap_connection.hpp"

namespace lurus::signin {
namespace {

LdapResult<LdapPerson> ask_directory(const LdapLibrary& library, const LdapSettings& settings, const std::string& email,
                                     const Secret& password, OpenSocket& socket) {
    LdapConnection search(library, settings, socket);
    if (auto opened = search.open(); !opened) return std::unexpected(opened.error());
    if (auto bound = search.bind_service(); !bound) return std::unexpected(bound.error());
    auto person = search.find(ldap_filter(settings.filter, email));
    if (!person) return person;
    search.close();
    LdapConnection proof(library, settings, socket);
    if (auto opened = proof.open(); !opened) return std::unexpected(opened.error());
    if (auto bound = proof.bind_person(person->dn, password.reveal()); !bound) return std::unexpected(bound.error());
    return person;
}

LdapResult<void> ask_for_nobody(const LdapLibrary& library, const LdapSettings& settings, OpenSocket& socket) {
    LdapConnection search(library, settings, socket);
    if (auto opened = search.open(); !opened) return opened;
    if (auto bound = search.bind_service(); !bound) return bound;
    const auto found = search.find(ldap_filter(settings.filter, "nobody@lurus.invalid"));
    if (found || found.error().code == ErrorCode::unauthenticated) return {};
    return std::unexpected(found.error());
}

/// Asks on a thread that may be left behind; what `ask` was given is its own.
template <class T, class Ask>
LdapResult<T> asked_within(const LdapSettings& settings, const OutsideLimit& limit, Ask ask) {
    const auto failed = [&](std::string what, std::string fix) {
        return std::unexpected(
            LdapFailure{ErrorCode::unavailable, {settings.url + ": " + std::move(what), std::move(fix)}});
    };
    const LdapLibrary* library = LdapLibrary::get();
    if (library == nullptr)
        return failed("LDAP takes libldap, which is not installed", "install libldap-2.5-0 (or libldap2)");
    if (limit.over()) return failed("there is no time left to ask it", "try again");
    const auto socket = std::make_shared<OpenSocket>();
    auto answer = result_within<LdapResult<T>>(
        limit, [library, settings, ask = std::move(ask), socket] { return ask(*library, settings, *socket); },
        [&socket] { socket->shut(); });
    if (answer) return *std::move(answer);
    if (limit.stop.stop_requested()) return failed("ended, because the server stops", "try again");
    return failed("it did not answer within " + std::to_string(settings.timeout_ms) + " ms",
                  "see whether the directory runs there and answers, or raise auth.ldap.timeout");
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
    auto person =
        asked_within<LdapPerson>(settings, limit,
                                 [address = std::string(email), secret = Secret(std::string(password))](
                                     const LdapLibrary& library, const LdapSettings& how, OpenSocket& socket) {
                                     return ask_directory(library, how, address, secret, socket);
                                 });
    if (person) return *std::move(person);
    const auto& [what, fix] = person.error().why;
    return fail(person.error().code, fix.empty() ? what : what + "; " + fix);
}

std::optional<LdapTrouble> ldap_trouble(const LdapSettings& settings, const OutsideLimit& limit) {
    auto asked = asked_within<void>(settings, limit, &ask_for_nobody);
    return asked ? std::nullopt : std::optional(std::move(asked).error().why);
}

Result<std::string> ldap_address(const LdapPerson& person, std::string_view typed) {
    if (typed.find('@') != std::string_view::npos) {
        if (std::ranges::any_of(person.addresses, [&](const auto& each) { return iequals(each, typed); }))
            return std::string(typed);
        return fail(ErrorCode::permission_denied,
                    "the directory does not list this address as yours; sign in with one that it does");
    }
    if (person.addresses.size() == 1) return person.addresses.front();
    return fail(ErrorCode::permission_denied, person.addresses.empty()
                                                  ? "the directory lists no address of yours"
                                                  : "the directory lists several addresses of yours: type the one you "
                                                    "are known by here");
}

}  // namespace lurus::signin
