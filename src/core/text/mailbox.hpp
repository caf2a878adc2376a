#pragma once
// Addresses that mail can be sent to (RFC 5321 §4.1.2), and the sender that a mail names (RFC 5322 §3.4).

#include <string>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus {

/// One mailbox, `local@domain`, of what every mail server takes: a dot-string before the @, a domain's name after it.
/// No route, list, comment, quoted text, address literal or space; names of other scripts in their xn-- form. Says what
/// is wrong with it otherwise (`invalid_argument`), as `` `email` must be ... `` could go on.
Result<std::string> parse_mailbox(std::string_view text);

struct MailSender {
    std::string name;     // as people read it; may be empty
    std::string address;  // a mailbox
};

/// `lurus@example.com`, `<lurus@example.com>`, `Lurus <lurus@example.com>` or `"Lurus, Inc." <lurus@example.com>`.
Result<MailSender> parse_sender(std::string_view text);

}  // namespace lurus
