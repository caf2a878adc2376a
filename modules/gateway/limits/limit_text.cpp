#include "modules/gateway/limits/limit_text.hpp"

namespace lurus::gateway {
namespace {

constexpr std::int64_t second_us = 1'000'000;

}  // namespace

std::int64_t whole_seconds(std::int64_t us) {
    return us <= second_us ? 1 : (us + second_us - 1) / second_us;
}

std::string rfc3339_seconds(UnixMicros time) {
    std::string text = format_time((time + second_us - 1) / second_us * second_us);
    const std::size_t dot = text.find('.');
    return dot == std::string::npos ? text : text.substr(0, dot) + "Z";
}

std::string short_duration(std::int64_t us) {
    const std::int64_t ms = (us + 999) / 1000;
    if (ms < 1000) return std::to_string(ms) + "ms";
    std::string out;
    const std::int64_t seconds = ms / 1000;
    if (seconds >= 3600) out += std::to_string(seconds / 3600) + "h";
    if (seconds >= 60) out += std::to_string(seconds / 60 % 60) + "m";
    out += std::to_string(seconds % 60);
    if (std::int64_t rest = ms % 1000; rest != 0) {
        std::string digits = std::to_string(rest);
        digits.insert(0, 3 - digits.size(), '0');
        while (digits.back() == '0') digits.pop_back();
        out += "." + digits;
    }
    return out + "s";
}

void add_line(std::string& out, std::string_view prefix, std::string_view name, std::string_view value) {
    out.append(prefix).append(name).append(": ").append(value).append("\r\n");
}

}  // namespace lurus::gateway
