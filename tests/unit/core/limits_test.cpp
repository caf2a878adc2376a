#include "lurus/limits.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace lurus;

namespace {

constexpr UnixMicros second = 1'000'000;

IpAddress address(std::string_view text) {
    const auto parsed = IpAddress::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

IpRange range(std::string_view text) {
    const auto parsed = IpRange::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

Budget budget(std::string_view text) {
    const auto parsed = Budget::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

UnixMicros at(std::string_view text) {
    return parse_time(text).value();
}

}  // namespace

TEST_CASE("addresses: what proxies write, and nothing else") {
    CHECK(address("192.0.2.7").text() == "192.0.2.7");
    CHECK(address("192.0.2.7:4711") == address("192.0.2.7"));
    CHECK(address("[2001:db8::7]:4711") == address("2001:db8:0::7"));
    CHECK(address("[2001:db8::7]").text() == "2001:db8::7");
    CHECK(address("::ffff:192.0.2.7") == address("192.0.2.7"));
    for (const char* bad : {"", "unknown", "1.2.3", "1.2.3.4.5", "256.1.1.1", "fe80::1%eth0", "[::1", "1.2.3.4/8", " ",
                            "2001:db8::7::1", "0x7f.1", "1.2.3.4 "}) {
        CAPTURE(bad);
        CHECK_FALSE(IpAddress::parse(bad));
    }
}

TEST_CASE("ranges: CIDR of both families") {
    CHECK(range("10.0.0.0/8").contains(address("10.255.0.1")));
    CHECK_FALSE(range("10.0.0.0/8").contains(address("11.0.0.0")));
    CHECK(range("192.0.2.128/25").contains(address("192.0.2.128")));
    CHECK_FALSE(range("192.0.2.128/25").contains(address("192.0.2.127")));
    CHECK(range("192.0.2.7").contains(address("192.0.2.7")));
    CHECK_FALSE(range("192.0.2.7").contains(address("192.0.2.6")));
    CHECK(range("0.0.0.0/0").contains(address("203.0.113.1")));
    CHECK_FALSE(range("0.0.0.0/0").contains(address("2001:db8::1")));
    CHECK(range("2001:db8::/33").contains(address("2001:db8:7fff::1")));
    CHECK_FALSE(range("2001:db8::/33").contains(address("2001:db8:8000::1")));
    CHECK(range("::/0").contains(address("2001:db8::1")));
    for (const char* text : {"10.0.0.0/8", "192.0.2.7", "2001:db8::/33", "0.0.0.0/0", "::/0", "::1"})
        CHECK(range(text).text() == text);
    CHECK(range("192.0.2.7/32").text() == "192.0.2.7");
    for (const char* bad : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "2001:db8::/129", "2001:db8::1/64",
                            "10.0.0.0/-1", "10.0.0.0/8x", "localhost", "10.0.0.0/8/8"}) {
        CAPTURE(bad);
        CHECK_FALSE(IpRange::parse(bad));
    }
}

TEST_CASE("budgets: an amount and its window") {
    CHECK(budget("10 USD/day").amount == Money{10'000'000'000});
    CHECK(budget("10 USD/day").period == BudgetPeriod::day);
    CHECK(budget("0.000000001USD/total").amount == Money{1});
    CHECK(budget("250.50 USD/month").text() == "250.50 USD/month");
    CHECK(budget("2.5 USD/week").text() == "2.50 USD/week");
    CHECK(budget("0.001 USD/week").text() == "0.001 USD/week");
    CHECK(budget("1000000 USD/total").text() == "1000000 USD/total");
    // As people write it.
    for (const char* text :
         {"$10/month", "10$/month", "10 $ / month", "US$10/month", "$ 10 / month", "10 USD / month", "10usd/Month",
          "USD 10/month", "10 USD per month", "$10 a month", " 10 USD/month ", "$10.00/month", "10_USD/month"}) {
        CAPTURE(text);
        const bool underscore = std::string_view(text).contains('_');
        CHECK(Budget::parse(text).has_value() == !underscore);
        if (!underscore) CHECK(budget(text).text() == "10 USD/month");
    }
    CHECK(budget("$1,500/month").text() == "1500 USD/month");
    CHECK(budget("$1.5k/month").text() == "1500 USD/month");
    CHECK(budget("1_000 USD/day").text() == "1000 USD/day");
    CHECK(budget("$1M/total").text() == "1000000 USD/total");
    CHECK(budget("10$").text() == "10 USD/total");
    CHECK(budget("10 USD").text() == "10 USD/total");
    for (const char* bad : {"",
                            "10",
                            "$",
                            "USD",
                            "$/day",
                            "10/day",
                            "€10/day",
                            "$10/",
                            "$10/day/day",
                            "$10$/day",
                            "$1,5/day",
                            "10 USD/days",
                            "10 EUR/day",
                            "10 USD/year",
                            "0 USD/day",
                            "-1 USD/day",
                            "1e3 USD/day",
                            "1000000.1 USD/day",
                            "10. USD/day",
                            ".5 USD/day",
                            "1.0000000001 USD/day",
                            "99999999999999999999 USD/day"}) {
        CAPTURE(bad);
        CHECK_FALSE(Budget::parse(bad));
    }
}

TEST_CASE("budgets: windows are the calendar's in UTC") {
    const UnixMicros saturday = at("2026-11-21T12:34:56Z");
    const auto window = [&](std::string_view text, UnixMicros now) {
        const Budget b = budget(text);
        return std::pair(format_time(b.begin(now)).substr(0, 10), format_time(b.end(now).value()).substr(0, 10));
    };
    CHECK(window("1 USD/day", saturday) == std::pair<std::string, std::string>("2026-11-21", "2026-11-22"));
    CHECK(window("1 USD/week", saturday) == std::pair<std::string, std::string>("2026-11-16", "2026-11-23"));
    CHECK(window("1 USD/month", saturday) == std::pair<std::string, std::string>("2026-11-01", "2026-12-01"));
    CHECK(window("1 USD/month", at("2026-12-31T23:59:59Z")) ==
          std::pair<std::string, std::string>("2026-12-01", "2027-01-01"));
    CHECK(window("1 USD/month", at("2028-02-29")) == std::pair<std::string, std::string>("2028-02-01", "2028-03-01"));
    CHECK(window("1 USD/week", at("2026-11-16")) == std::pair<std::string, std::string>("2026-11-16", "2026-11-23"));
    CHECK(budget("1 USD/total").begin(saturday) == 0);
    CHECK_FALSE(budget("1 USD/total").end(saturday));
    for (const char* text : {"1 USD/day", "1 USD/week", "1 USD/month"}) {
        const Budget b = budget(text);
        for (UnixMicros now = saturday; now < saturday + 800ll * 86'400 * second; now += 5 * 3600 * second) {
            REQUIRE(b.begin(now) <= now);
            REQUIRE(*b.end(now) > now);
            REQUIRE(b.begin(*b.end(now)) == *b.end(now));
            REQUIRE(b.begin(*b.end(now) - 1) == b.begin(now));
        }
    }
}

TEST_CASE("limits over defaults: what is set stays") {
    Limits own;
    own.rpm = 5;
    own.window = WindowKind::bucket;
    Limits common;
    common.rpm = 100;
    common.tpm = 1000;
    common.budget = budget("1 USD/day");
    const Limits both = own.over(common);
    CHECK(both.rpm == 5);
    CHECK(both.tpm == 1000);
    CHECK(both.budget == common.budget);
    CHECK(both.window == WindowKind::bucket);
    CHECK(own.any());
    CHECK_FALSE(Limits().any());
}

TEST_CASE("rules: empty allows all, denied wins") {
    KeyRules rules;
    CHECK(rules.allows_address(std::nullopt));
    CHECK(rules.allows_user_agent(""));
    CHECK_FALSE(rules.denies_model("gpt-5"));
    rules.ips = {range("10.0.0.0/8"), range("2001:db8::/32")};
    CHECK(rules.allows_address(address("10.1.1.1")));
    CHECK(rules.allows_address(address("2001:db8::1")));
    CHECK_FALSE(rules.allows_address(address("192.0.2.1")));
    CHECK_FALSE(rules.allows_address(std::nullopt));
    rules.user_agents = {"claude-cli/*", "*Codex*"};
    CHECK(rules.allows_user_agent("Claude-CLI/2.1"));
    CHECK(rules.allows_user_agent("codex_cli_rs/0.1"));
    CHECK_FALSE(rules.allows_user_agent("curl/8"));
    CHECK_FALSE(rules.allows_user_agent(""));
    rules.deny_models = {"*opus*"};
    CHECK(rules.denies_model("claude-opus-4-5"));
    CHECK_FALSE(rules.denies_model("claude-haiku-4-5"));
}
