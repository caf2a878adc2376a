// Mails that the service sends, and what becomes of them.
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "core/crypto/sha256.hpp"
#include "modules/signin/service.hpp"

namespace lurus::signin {
namespace {

constexpr std::chrono::seconds background_limit{30};
constexpr std::chrono::seconds waiting_limit{10};  // while somebody waits for the answer

}  // namespace

void SignInService::send(Mail mail) {
    const MailSettings how = settings().mail;
    if (!how.any()) return;
    const bool taken = background_.post([this, how, mail = std::move(mail)] {
        (void)sent(how, mail, limit_within(outside_, background_limit));  // it is in the log
    });
    if (!taken) spdlog::error("a mail was not sent: too many wait");
}

Result<void> SignInService::sent(const MailSettings& how, const Mail& mail, const OutsideLimit& limit) {
    auto done = send_mail(how, mail, clock_.now(), limit);
    if (!done) spdlog::error("a mail was not sent: to {}: {}", mail.to, done.error().message);
    const std::scoped_lock lock(mutex_);
    mail_problem_ = done ? "" : done.error().message;
    return done;
}

Result<void> SignInService::deliver(LinkMail what, nlohmann::ordered_json& answer) {
    const MailSettings how = settings().mail;
    Ticket ticket = what.ticket;
    if (how.any()) ticket.detail = what.mailed_detail;
    auto token = make_ticket(std::move(ticket));
    if (!token) return std::unexpected(token.error());
    answer["mailed"] = how.any();
    if (how.any()) {
        constexpr std::string_view variable = "{link}";
        Mail mail = std::move(what.mail);
        if (const auto at = mail.text.find(variable); at != std::string::npos)
            mail.text.replace(at, variable.size(), link(what.page, *token));
        const auto done = sent(how, mail, limit_within(outside_, waiting_limit));
        if (done) return {};
        answer["mailed"] = false;
        answer["problem"] = done.error().code == ErrorCode::unavailable
                                ? "the mail to " + mail.to + " could not be sent now; the server's log says why"
                                : done.error().message;
        const auto void_now = store_.take_ticket(sha256(token->reveal()), what.ticket.purpose, clock_.now());
        if (!void_now) return std::unexpected(void_now.error());
        token = make_ticket(what.ticket);
        if (!token) return std::unexpected(token.error());
    }
    answer["link"] = link(what.page, *token);
    answer["token"] = std::string(token->reveal());
    return {};
}

}  // namespace lurus::signin
