#include "modules/signin/mail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>

#include "core/os/files.hpp"
#include "core/text/ascii.hpp"
#include "core/text/base64.hpp"
#include "core/text/mailbox.hpp"

namespace lurus::signin {
namespace {

constexpr std::size_t max_waiting = 1000;

constexpr std::size_t most_encoded = 45;  // bytes of a word, which has 75 characters at most (RFC 2047 §2)
constexpr std::size_t most_plain = 200;   // of a text in a header that is not folded

bool is_plain(std::string_view text) {
    return text.size() <= most_plain && !text.contains("=?") &&
           std::ranges::all_of(text, [](char c) { return c >= 0x20 && c < 0x7f; });
}

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

// No character is divided between two words.
std::string encoded_words(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t size = std::min(most_encoded, text.size());
        while (size < text.size() && size > 1 && is_continuation(text[size])) --size;
        out += (out.empty() ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") + base64(text.substr(0, size)) + "?=";
        text.remove_prefix(size);
    }
    return out;
}

std::string header_text(std::string_view text) {
    return is_plain(text) ? std::string(text) : encoded_words(text);
}

std::string header_sender(const MailSender& sender) {
    if (sender.name.empty()) return sender.address;
    const bool words = std::ranges::all_of(sender.name, [](char c) {
        return c == ' ' || c == '-' || is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z');
    });
    std::string name = sender.name;
    if (!is_plain(name)) {
        name = encoded_words(name);
    } else if (!words) {
        name = "\"";
        for (const char c : sender.name) name += (c == '"' || c == '\\' ? "\\" : "") + std::string(1, c);
        name += '"';
    }
    return name + " <" + sender.address + ">";
}

std::string date_of(UnixMicros now) {
    using namespace std::chrono;
    constexpr std::array<const char*, 7> days{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    constexpr std::array<const char*, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                 "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const sys_seconds point = floor<seconds>(sys_time<microseconds>{microseconds(now)});
    const auto day = floor<std::chrono::days>(point);
    const year_month_day date{day};
    const hh_mm_ss clock{point - day};
    return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", days[weekday{day}.c_encoding()],
                       static_cast<unsigned>(date.day()), months[static_cast<unsigned>(date.month()) - 1],
                       static_cast<int>(date.year()), clock.hours().count(), clock.minutes().count(),
                       clock.seconds().count());
}

}  // namespace

Result<std::string> message_of(const Mail& mail, std::string_view from, std::string_view id, UnixMicros now) {
    const auto to = parse_mailbox(mail.to);
    if (!to) return std::unexpected(to.error());
    const auto sender = parse_sender(from);
    if (!sender) return std::unexpected(sender.error());
    std::string out = "Date: " + date_of(now) + "\r\nFrom: " + header_sender(*sender) + "\r\nTo: <" + *to +
                      ">\r\nMessage-ID: <" + std::string(id) + "@" +
                      sender->address.substr(sender->address.find('@') + 1) +
                      ">\r\nSubject: " + header_text(mail.subject) +
                      "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n";
    for (const char c : mail.text) {
        if (c == '\n')
            out += "\r\n";
        else if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f)
            out += c;
    }
    return out;
}

Result<void> send_mail(const MailSettings& settings, const Mail& mail, UnixMicros now, const OutsideLimit& limit) {
    const auto id = random_hex(12);
    if (!id) return std::unexpected(id.error());
    const auto message = message_of(mail, settings.from, *id, now);
    if (!message) return std::unexpected(message.error());
    if (settings.sink.empty()) return send_smtp(settings, mail.to, *message, limit);
    const std::filesystem::path folder = settings.sink;
    if (auto made = make_private_dir(folder); !made) return made;
    return write_private_file(folder / (std::to_string(now) + "-" + *id + ".eml"), *message);
}

Background::Background() : thread_([this] { run(); }) {}

Background::~Background() {
    {
        const std::scoped_lock lock(mutex_);
        ending_ = true;
        waiting_.clear();
    }
    changed_.notify_all();
    thread_.join();
}

bool Background::post(std::function<void()> work) {
    {
        const std::scoped_lock lock(mutex_);
        if (waiting_.size() >= max_waiting) return false;
        waiting_.push_back(std::move(work));
    }
    changed_.notify_all();
    return true;
}

void Background::settle() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_.empty() && !busy_; });
}

void Background::run() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return ending_ || !waiting_.empty(); });
        if (ending_) return;
        const auto work = std::move(waiting_.front());
        waiting_.pop_front();
        busy_ = true;
        lock.unlock();
        work();
        lock.lock();
        busy_ = false;
        changed_.notify_all();
    }
}

}  // namespace lurus::signin
