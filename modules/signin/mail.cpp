#include "modules/signin/mail.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <filesystem>

#include "core/os/files.hpp"
#include "core/text/base64.hpp"

namespace lurus::signin {
namespace {

constexpr std::size_t max_waiting = 1000;

// No space, no control character, nothing that could end the address or begin another.
bool is_address(std::string_view text) {
    const auto at = text.find('@');
    return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.size() <= 254 &&
           std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ||
                      std::string_view("<>,;:\"\\()[]").contains(c);
           });
}

std::string encoded_words(std::string_view subject) {
    if (std::ranges::all_of(subject, [](char c) { return c >= 0x20 && c < 0x7f; })) return std::string(subject);
    return "=?UTF-8?B?" + base64(subject) + "?=";
}

std::string date_of(UnixMicros now) {
    const auto seconds = static_cast<std::time_t>(now / 1'000'000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S +0000", &parts);
    return text.data();
}

}  // namespace

Result<std::string> message_of(const Mail& mail, std::string_view from, std::string_view id, UnixMicros now) {
    const auto open = from.find('<');
    const std::string_view address =
        open == std::string_view::npos ? from : from.substr(open + 1, from.find('>', open) - open - 1);
    if (!is_address(mail.to) || !is_address(address) || from.find_first_of("\r\n") != std::string_view::npos)
        return fail(ErrorCode::invalid_argument, "a mail's address is not one that can be sent to or from");
    std::string out = "Date: " + date_of(now) + "\r\nFrom: " + std::string(from) + "\r\nTo: <" + mail.to +
                      ">\r\nMessage-ID: <" + std::string(id) + "@" +
                      std::string(address.substr(address.find('@') + 1)) +
                      ">\r\nSubject: " + encoded_words(mail.subject) +
                      "\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                      "Content-Transfer-Encoding: 8bit\r\nAuto-Submitted: auto-generated\r\n\r\n";
    for (const char c : mail.text) out += c == '\n' ? std::string("\r\n") : std::string(1, c);
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
