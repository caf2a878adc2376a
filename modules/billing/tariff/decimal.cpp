#include "modules/billing/tariff/decimal.hpp"

#include <limits>

#include "core/text/ascii.hpp"

namespace lurus::billing {
namespace {

constexpr std::int64_t greatest_decimal = std::numeric_limits<std::int64_t>::max();

struct Parts {
    std::string digits;  // without the point, without leading zeros
    int exponent = 0;    // value = digits × 10^exponent
};

std::optional<Parts> parts_of(std::string_view text) {
    Parts parts;
    std::size_t at = 0;
    bool any = false;
    const auto take = [&](char c) {
        any = true;
        if (!parts.digits.empty() || c != '0') parts.digits += c;
    };
    for (; at < text.size() && is_digit(text[at]); ++at) take(text[at]);
    if (!any) return std::nullopt;
    if (at < text.size() && text[at] == '.') {
        const std::size_t first = ++at;
        for (; at < text.size() && is_digit(text[at]); ++at) {
            take(text[at]);
            --parts.exponent;
        }
        if (at == first) return std::nullopt;
    }
    if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        ++at;
        const bool negative = at < text.size() && text[at] == '-';
        if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
        const std::size_t first = at;
        int exponent = 0;
        for (; at < text.size() && is_digit(text[at]); ++at) {
            if (exponent < 100'000) exponent = exponent * 10 + (text[at] - '0');
        }
        if (at == first) return std::nullopt;
        parts.exponent += negative ? -exponent : exponent;
    }
    if (at != text.size()) return std::nullopt;
    return parts;
}

}  // namespace

std::optional<std::int64_t> scaled_decimal(std::string_view text, int power) {
    if (text.size() > 400) return std::nullopt;
    const auto parts = parts_of(text);
    if (!parts) return std::nullopt;
    if (parts->digits.empty()) return 0;
    const std::int64_t shift = static_cast<std::int64_t>(parts->exponent) + power;
    const auto length = static_cast<std::int64_t>(parts->digits.size());
    const std::int64_t whole = length + shift;  // digits before the point
    if (whole > 19) return std::nullopt;
    std::int64_t value = 0;
    for (std::int64_t i = 0; i < whole; ++i) {
        const int digit = i < length ? parts->digits[static_cast<std::size_t>(i)] - '0' : 0;
        if (value > (greatest_decimal - digit) / 10) return std::nullopt;
        value = value * 10 + digit;
    }
    if (shift >= 0 || whole < 0) return value;  // whole < 0: less than a tenth
    const std::string_view rest = std::string_view(parts->digits).substr(static_cast<std::size_t>(whole));
    const bool beyond_half = rest.front() > '5' || (rest.front() == '5' && rest.find_first_not_of('0', 1) != rest.npos);
    const bool half = rest.front() == '5' && !beyond_half;
    if (beyond_half || (half && value % 2 == 1)) {
        if (value == greatest_decimal) return std::nullopt;
        ++value;
    }
    return value;
}

std::optional<std::int64_t> nano_of(std::int64_t units, std::int64_t pico_per_unit) {
    if (units < 0 || pico_per_unit < 0) return std::nullopt;
    // units × (1000 q + r) / 1000 = units × q + units × r / 1000: exact in 64 bits where the answer fits.
    if (units > greatest_decimal / 1000) return std::nullopt;
    const std::int64_t q = pico_per_unit / 1000;
    const std::int64_t small = units * (pico_per_unit % 1000);
    std::int64_t nano = small / 1000;
    if (q != 0 && units > (greatest_decimal - nano - 1) / q) return std::nullopt;
    nano += units * q;
    const std::int64_t rest = small % 1000;
    if (rest > 500 || (rest == 500 && nano % 2 == 1)) ++nano;
    return nano;
}

}  // namespace lurus::billing
