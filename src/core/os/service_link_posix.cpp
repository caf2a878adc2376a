#include "core/os/service_link.hpp"

#include <charconv>
#include <cstdlib>
#include <cstring>
#include <string>

#include "core/os/platform.hpp"

namespace lurus::service_link {
namespace {

// sd_notify(3): a line ends at its newline.
std::string status_line(std::string_view status) {
    std::string line = "STATUS=";
    for (const char c : status) line += c == '\n' || c == '\r' ? ' ' : c;
    return line;
}

std::optional<std::int64_t> number_in(const char* variable) {
    const char* text = std::getenv(variable);
    std::int64_t value = 0;
    if (text == nullptr) return std::nullopt;
    const char* end = text + std::strlen(text);
    const auto read = std::from_chars(text, end, value);
    if (read.ec != std::errc() || read.ptr != end || value <= 0) return std::nullopt;
    return value;
}

}  // namespace

void ready(std::string_view status) {
    platform::notify_service_manager("READY=1\n" + status_line(status));
}

void reloading() {
    platform::notify_service_manager("RELOADING=1");
}

std::string_view how_to_reload() {
    return "send SIGHUP (POST /api/v1/reload, systemctl reload)";
}

void stopping(std::string_view status, int more_ms) {
    platform::notify_service_manager("STOPPING=1\nEXTEND_TIMEOUT_USEC=" + std::to_string(more_ms * 1000ll) + "\n" +
                                     status_line(status));
}

void refused(std::string_view why) {
    platform::notify_service_manager(status_line(why));
}

// sd_watchdog_enabled(3): the variables are for the process that they name only.
std::optional<std::chrono::microseconds> watchdog() {
    const auto period = number_in("WATCHDOG_USEC");
    const auto pid = number_in("WATCHDOG_PID");
    if (!period || std::getenv("NOTIFY_SOCKET") == nullptr) return std::nullopt;
    if (std::getenv("WATCHDOG_PID") != nullptr && pid != platform::process_id()) return std::nullopt;
    return std::chrono::microseconds(*period);
}

void alive() {
    platform::notify_service_manager("WATCHDOG=1");
}

}  // namespace lurus::service_link
