#include "lurus/limits.hpp"

#include <algorithm>
#include <array>
#include <chrono>

#include "core/text/ascii.hpp"
#include "core/text/glob.hpp"
#include "core/text/human_number.hpp"

namespace lurus {
namespace {

constexpr std::int64_t nano_per_usd = 1'000'000'000;
constexpr std::int64_t most_usd = 1'000'000;
constexpr std::size_t nano_digits = 9;

constexpr std::array<std::pair<BudgetPeriod, std::string_view>, 4> periods = {{
    {BudgetPeriod::day, "day"},
    {BudgetPeriod::week, "week"},
    {BudgetPeriod::month, "month"},
    {BudgetPeriod::total, "total"},
}};

using Days = std::chrono::sys_days;

Days day_of(UnixMicros now) {
    return std::chrono::floor<std::chrono::days>(
        std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(now)));
}

UnixMicros micros_of(Days day) {
    return std::chrono::duration_cast<std::chrono::microseconds>(day.time_since_epoch()).count();
}

bool all_digits(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// Whole dollars and up to nine decimals, without floating point.
std::optional<std::int64_t> nano_from(std::string_view text) {
    const auto dot = text.find('.');
    const std::string_view whole = text.substr(0, dot);
    const std::string_view part = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
    if (whole.empty() || whole.size() > 7 || !all_digits(whole) || !all_digits(part) || part.size() > nano_digits)
        return std::nullopt;
    if (dot != std::string_view::npos && part.empty()) return std::nullopt;
    std::int64_t nano = 0;
    for (const char c : whole) nano = nano * 10 + (c - '0');
    for (std::size_t i = 0; i < nano_digits; ++i) nano = nano * 10 + (i < part.size() ? part[i] - '0' : 0);
    return nano;
}

}  // namespace

std::string_view name_of(BudgetPeriod period) {
    return std::ranges::find(periods, period, [](const auto& p) { return p.first; })->second;
}

std::string_view name_of(WindowKind window) {
    return window == WindowKind::bucket ? "bucket" : "sliding";
}

std::optional<WindowKind> window_from(std::string_view name) {
    for (const WindowKind kind : {WindowKind::sliding, WindowKind::bucket}) {
        if (name_of(kind) == name) return kind;
    }
    return std::nullopt;
}

std::string usd_text(Money amount) {
    std::string nano = std::to_string(amount.nano_usd % nano_per_usd);
    nano.insert(0, nano_digits - nano.size(), '0');
    while (!nano.empty() && nano.back() == '0') nano.pop_back();
    if (nano.size() == 1) nano += '0';  // 2.50, not 2.5
    return std::to_string(amount.nano_usd / nano_per_usd) + (nano.empty() ? "" : "." + nano) + " USD";
}

std::string Budget::text() const {
    return usd_text(amount) + "/" + std::string(name_of(period));
}

namespace {

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

/// What stands between an amount and its window: `/`, `per` or `a`.
std::pair<std::string_view, std::optional<std::string_view>> halves_of(std::string_view text) {
    for (const std::string_view between : {"/", " per ", " a "}) {
        if (const auto at = text.find(between); at != std::string_view::npos)
            return {trimmed(text.substr(0, at)), trimmed(text.substr(at + between.size()))};
    }
    return {trimmed(text), std::nullopt};
}

/// `10 USD`, `$10`, `US$10`, `10$`; empty when no currency is named, or another one.
std::optional<std::string_view> without_currency(std::string_view amount) {
    for (const std::string_view sign : {"usd", "us$", "$"}) {
        if (amount.starts_with(sign)) return trimmed(amount.substr(sign.size()));
        if (amount.ends_with(sign)) return trimmed(amount.substr(0, amount.size() - sign.size()));
    }
    return std::nullopt;
}

}  // namespace

Result<Budget> Budget::parse(std::string_view text) {
    const auto wrong = fail(ErrorCode::invalid_argument,
                            "\"" + std::string(text) +
                                "\" is not a budget: write an amount and its window such as \"10 USD/day\", "
                                "\"$250.50/month\" (day, week, month or total; at most 1000000 USD)");
    const std::string lowered = lower_case(trimmed(text));
    const auto [amount, window] = halves_of(lowered);
    const auto number = without_currency(amount);
    if (!number) return wrong;
    const auto plain = plain_decimal(*number);
    if (!plain) return wrong;
    const auto nano = nano_from(*plain);
    // Without a window all that is ever spent counts.
    const auto period = std::ranges::find(periods, window.value_or("total"), [](const auto& p) { return p.second; });
    if (!nano || period == periods.end() || *nano == 0 || *nano > most_usd * nano_per_usd) return wrong;
    Budget budget;
    budget.amount = Money{*nano};
    budget.period = period->first;
    return budget;
}

UnixMicros Budget::begin(UnixMicros now) const {
    const Days day = day_of(now);
    switch (period) {
        case BudgetPeriod::day: return micros_of(day);
        case BudgetPeriod::week: {
            const std::chrono::weekday weekday(day);
            return micros_of(day - (weekday - std::chrono::Monday));
        }
        case BudgetPeriod::month: {
            const std::chrono::year_month_day date(day);
            return micros_of(Days(date.year() / date.month() / 1));
        }
        case BudgetPeriod::total: break;
    }
    return 0;
}

std::optional<UnixMicros> Budget::end(UnixMicros now) const {
    const Days first = day_of(begin(now));
    switch (period) {
        case BudgetPeriod::day: return micros_of(first + std::chrono::days(1));
        case BudgetPeriod::week: return micros_of(first + std::chrono::days(7));
        case BudgetPeriod::month: {
            const std::chrono::year_month_day date(first);
            return micros_of(Days(date + std::chrono::months(1)));
        }
        case BudgetPeriod::total: break;
    }
    return std::nullopt;
}

Limits Limits::over(const Limits& defaults) const {
    Limits out = *this;
    for (const auto member : {&Limits::rpm, &Limits::tpm, &Limits::itpm, &Limits::otpm, &Limits::concurrency}) {
        if (out.*member == 0) out.*member = defaults.*member;
    }
    if (!out.budget) out.budget = defaults.budget;
    if (!out.window) out.window = defaults.window;
    return out;
}

bool KeyRules::allows_address(const std::optional<IpAddress>& address) const {
    if (ips.empty()) return true;
    return address && std::ranges::any_of(ips, [&](const auto& range) { return range.contains(*address); });
}

bool KeyRules::allows_user_agent(std::string_view user_agent) const {
    if (user_agents.empty()) return true;
    const std::string given = lower_case(user_agent);
    return std::ranges::any_of(user_agents, [&](const auto& glob) { return glob_match(lower_case(glob), given); });
}

}  // namespace lurus
