#include "core/text/mailbox.hpp"

#include <algorithm>

#include "core/text/ascii.hpp"

namespace lurus {
namespace {

constexpr std::size_t most_address = 254, most_local = 64, most_label = 63;  // RFC 5321 §4.5.3.1, erratum 1690
constexpr std::size_t most_name = 200;

bool is_letter_or_digit(char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool is_atom(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return is_letter_or_digit(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").contains(c);
    });
}

bool is_label(std::string_view text) {
    return !text.empty() && text.size() <= most_label && is_letter_or_digit(text.front()) &&
           is_letter_or_digit(text.back()) &&
           std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '-'; });
}

/// Whether each part between the dots is one that `part` takes.
template <class Part>
bool dotted(std::string_view text, Part part) {
    for (;;) {
        const auto dot = text.find('.');
        if (!part(text.substr(0, dot))) return false;
        if (dot == std::string_view::npos) return true;
        text.remove_prefix(dot + 1);
    }
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

std::unexpected<Error> no_mailbox(const std::string& why) {
    return fail(ErrorCode::invalid_argument, why);
}

}  // namespace

Result<std::string> parse_mailbox(std::string_view text) {
    if (text.empty()) return no_mailbox("an address is missing");
    if (std::ranges::any_of(text, is_control)) return no_mailbox("an address holds no line break or control character");
    if (std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }))
        return no_mailbox("an address is in ASCII; write a domain of another script in its xn-- form");
    if (text.find_first_of(",; ") != std::string_view::npos)
        return no_mailbox("it must be one address without a space, such as ann@example.com");
    const auto at = text.find('@');
    if (at == std::string_view::npos || at == 0 || at + 1 == text.size())
        return no_mailbox("an address has a name, an @ and a domain, such as ann@example.com");
    const std::string_view local = text.substr(0, at), domain = text.substr(at + 1);
    if (text.size() > most_address || local.size() > most_local)
        return no_mailbox("an address has at most 254 characters, and 64 before its @");
    if (!dotted(local, is_atom))
        return no_mailbox(
            "before the @ an address has letters, digits and !#$%&'*+-/=?^_`{|}~, with single dots between");
    const std::string_view last = domain.substr(domain.rfind('.') + 1);  // npos + 1 is 0
    if (!dotted(domain, is_label) || std::ranges::all_of(last, is_digit))
        return no_mailbox("after the @ an address has a domain's name, such as example.com");
    return std::string(text);
}

Result<MailSender> parse_sender(std::string_view text) {
    if (std::ranges::any_of(text, is_control)) return no_mailbox("a sender holds no line break or control character");
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    MailSender sender;
    std::string_view address = text;
    if (text.ends_with('>')) {
        const auto open = text.rfind('<');
        if (open == std::string_view::npos) return no_mailbox("the sender's address begins with <");
        address = text.substr(open + 1, text.size() - open - 2);
        std::string_view name = text.substr(0, open);
        while (name.ends_with(' ')) name.remove_suffix(1);
        const bool quoted = name.size() >= 2 && name.starts_with('"') && name.ends_with('"');
        if (quoted) name = name.substr(1, name.size() - 2);
        for (std::size_t i = 0; i < name.size(); ++i) {
            const bool escape = quoted && name[i] == '\\';
            if (escape && ++i == name.size()) return no_mailbox("the sender's name ends in the middle of an escape");
            if (!escape && (name[i] == '"' || (!quoted && std::string_view("<>,;:\\()[]@").contains(name[i]))))
                return no_mailbox(
                    "a sender's name with other signs than words is in quotes, such as "
                    "\"Lurus, Inc.\" <lurus@example.com>");
            sender.name += name[i];
        }
        if (sender.name.size() > most_name) return no_mailbox("a sender's name has at most 200 bytes");
    }
    auto mailbox = parse_mailbox(address);
    if (!mailbox) return std::unexpected(mailbox.error());
    sender.address = *std::move(mailbox);
    return sender;
}

}  // namespace lurus
