// SMTP over libcurl.
#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>

#include "core/io/left_behind.hpp"
#include "core/io/open_socket.hpp"
#include "core/text/mailbox.hpp"
#include "modules/signin/curl_library.hpp"
#include "modules/signin/mail.hpp"

namespace lurus::signin {
namespace {

constexpr long connect_timeout_ms = 10'000;

struct Reading {
    std::string_view left;
};

std::size_t read_some(char* to, std::size_t size, std::size_t count, void* state) {
    auto& left = static_cast<Reading*>(state)->left;
    const std::size_t n = std::min(size * count, left.size());
    std::memcpy(to, left.data(), n);
    left.remove_prefix(n);
    return n;
}

// libcurl's callbacks, with the OpenSocket.
int socket_opened(void* socket, curl_socket_t descriptor, curlsocktype) {
    static_cast<OpenSocket*>(socket)->opened(descriptor);
    return CURL_SOCKOPT_OK;
}

int socket_closed(void* socket, curl_socket_t descriptor) {
    return static_cast<OpenSocket*>(socket)->close(descriptor);
}

// About once a second, also while a name is looked up. Not 0 ends the call.
int is_over(void* limit, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
    return static_cast<const OutsideLimit*>(limit)->over() ? 1 : 0;
}

// The server's lines, of which the last that refuses something is kept. What we send, with the password, is not looked
// at.
int heard(CURL*, curl_infotype kind, char* data, std::size_t size, void* to) {
    if (kind != CURLINFO_HEADER_IN) return 0;
    std::string_view line(data, size);
    while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with('4') || line.starts_with('5')) *static_cast<std::string*>(to) = line.substr(0, 300);
    return 0;
}

// Only a machine's own loopback may be spoken to without TLS.
bool is_loopback_mail(std::string_view url) {
    const auto host = url.substr(url.find("://") + 3);
    return host.starts_with("127.") || host.starts_with("localhost") || host.starts_with("[::1]");
}

// One call, with all that it uses.
struct Talk {
    MailSettings settings;
    std::string to, message;  // both empty: none is sent
    OutsideLimit limit;
    std::shared_ptr<OpenSocket> socket;
};

std::unexpected<Error> smtp_failed(const Talk& talk, const Curl& curl, CURLcode code, std::string refusal) {
    if (talk.limit.stop.stop_requested())
        return fail(ErrorCode::unavailable, talk.settings.smtp_url + ": ended, because the server stops");
    std::ranges::replace_if(refusal, [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
    // libcurl has no code of its own for a sender, a recipient or a mail that is refused.
    const bool refused = code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR || code == CURLE_WEIRD_SERVER_REPLY;
    if (refused && !refusal.empty() && !talk.to.empty())
        return fail(ErrorCode::permission_denied, "the mail server refuses the mail to " + talk.to + ": " + refusal);
    std::string why = talk.settings.smtp_url + ": " + curl.strerror(code);
    if (!refusal.empty()) why += " (" + refusal + ")";
    return fail(ErrorCode::unavailable, std::move(why));
}

Result<void> talk_smtp(const Talk& talk) {
    const Curl* curl = Curl::get();
    if (curl == nullptr)
        return fail(ErrorCode::unavailable, "sending mail takes libcurl (libcurl.so.4), which is not installed");
    const MailSettings& settings = talk.settings;
    const auto sender = parse_sender(settings.from);
    if (!sender) return std::unexpected(sender.error());
    const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> call(curl->easy_init(), curl->cleanup);
    const std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> recipients(
        curl->append(nullptr, ("<" + talk.to + ">").c_str()), curl->free_all);
    if (!call || !recipients) return fail(ErrorCode::unavailable, "there is no memory to send a mail");
    const std::string from = "<" + sender->address + ">", password(settings.password.reveal());
    std::string refusal;
    Reading reading{talk.message};
    const auto set = [&](CURLoption option, auto value) { (void)curl->setopt(call.get(), option, value); };
    set(CURLOPT_URL, settings.smtp_url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    set(CURLOPT_USE_SSL, is_loopback_mail(settings.smtp_url) ? CURLUSESSL_TRY : CURLUSESSL_ALL);
    if (!settings.ca_file.empty())
        set(CURLOPT_CAINFO, settings.ca_file.c_str());
    else
        set(CURLOPT_SSL_OPTIONS, curl->options_for_system_roots);
    if (!settings.user.empty()) {
        set(CURLOPT_USERNAME, settings.user.c_str());
        set(CURLOPT_PASSWORD, password.c_str());
    }
    if (talk.to.empty()) {
        set(CURLOPT_CONNECT_ONLY, 1L);
    } else {
        set(CURLOPT_MAIL_FROM, from.c_str());
        set(CURLOPT_MAIL_RCPT, recipients.get());
        set(CURLOPT_READFUNCTION, &read_some);
        set(CURLOPT_READDATA, &reading);
        set(CURLOPT_UPLOAD, 1L);
    }
    set(CURLOPT_NOSIGNAL, 1L);
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(talk.limit.until - std::chrono::steady_clock::now()).count();
    set(CURLOPT_CONNECTTIMEOUT_MS, connect_timeout_ms);
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::clamp<std::int64_t>(left, 1, 24 * 3600 * 1000)));
    set(CURLOPT_QUICK_EXIT, 1L);  // a name that is still looked up is not waited for
    set(CURLOPT_SOCKOPTFUNCTION, &socket_opened);
    set(CURLOPT_SOCKOPTDATA, talk.socket.get());
    set(CURLOPT_CLOSESOCKETFUNCTION, &socket_closed);
    set(CURLOPT_CLOSESOCKETDATA, talk.socket.get());
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &is_over);
    set(CURLOPT_XFERINFODATA, const_cast<OutsideLimit*>(&talk.limit));
    set(CURLOPT_VERBOSE, 1L);
    set(CURLOPT_DEBUGFUNCTION, &heard);
    set(CURLOPT_DEBUGDATA, &refusal);
    const CURLcode code = curl->perform(call.get());
    return code == CURLE_OK ? Result<void>() : smtp_failed(talk, *curl, code, std::move(refusal));
}

// libcurl looks at the limit about once a second, and a name may be looked up for longer.
Result<void> talk_within(const Talk& talk) {
    if (talk.limit.over())
        return fail(ErrorCode::unavailable, talk.settings.smtp_url + ": there is no time left to send a mail");
    auto done = result_within<Result<void>>(
        talk.limit, [talk] { return talk_smtp(talk); }, [socket = talk.socket] { socket->shut(); });
    if (done) return *std::move(done);
    return fail(ErrorCode::unavailable,
                talk.settings.smtp_url + (talk.limit.stop.stop_requested() ? ": ended, because the server stops"
                                                                           : ": it did not answer in time"));
}

}  // namespace

Result<void> send_smtp(const MailSettings& settings, std::string_view to, std::string_view message,
                       const OutsideLimit& limit) {
    const Talk talk{settings, std::string(to), std::string(message), limit, std::make_shared<OpenSocket>()};
    return talk_within(talk);
}

Result<void> greet_smtp(const MailSettings& settings, const OutsideLimit& limit) {
    const Talk talk{settings, "", "", limit, std::make_shared<OpenSocket>()};
    return talk_within(talk);
}

}  // namespace lurus::signin
