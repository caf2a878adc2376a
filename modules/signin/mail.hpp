#pragma once
// Mails: written here, sent in the background, so that no answer's time tells whether one was sent.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "lurus/outside.hpp"
#include "lurus/result.hpp"
#include "lurus/signin.hpp"

namespace lurus::signin {

struct Mail {
    std::string to, subject, text;
};

/// RFC 5322 with CRLF; UTF-8 text, encoded words in the subject. What could begin a header line is refused.
Result<std::string> message_of(const Mail& mail, std::string_view from, std::string_view id, UnixMicros now);

/// Sends one mail; blocks until the limit at most. `permission_denied`: the mail server refuses it, in its own words
/// and naming the recipient; `unavailable` when it may work later.
Result<void> send_mail(const MailSettings& settings, const Mail& mail, UnixMicros now, const OutsideLimit& limit);
/// Over libcurl, which is loaded when it is first needed.
Result<void> send_smtp(const MailSettings& settings, std::string_view to, std::string_view message,
                       const OutsideLimit& limit);
/// The same up to a mail's beginning: the server is there, trusted, and takes our account.
Result<void> greet_smtp(const MailSettings& settings, const OutsideLimit& limit);

/// One thread that does what was given to it, in order. What waits when it ends is lost; the links in mails can be
/// asked for again.
class Background {
public:
    Background();
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    /// False when too much waits already.
    bool post(std::function<void()> work);
    /// Waits until everything posted so far is done.
    void settle();

private:
    void run();
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> waiting_;
    bool busy_ = false;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace lurus::signin
