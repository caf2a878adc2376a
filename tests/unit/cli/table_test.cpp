#include "cli/table.hpp"

#include <doctest/doctest.h>

#include "cli/cli_format.hpp"

using namespace lurus::cli;

TEST_CASE("display width counts columns, not bytes") {
    CHECK(display_width("abc") == 3);
    CHECK(display_width("–é") == 2);
    CHECK(display_width("日本") == 4);
    CHECK(display_width("e\xCC\x81") == 1);
    CHECK(display_width("🙂") == 2);
    CHECK(display_width("\xFF\xFE") == 2);
    CHECK(display_width("") == 0);
}

TEST_CASE("truncation never splits a character and never exceeds the width") {
    CHECK(truncate_text("abcdef", 6) == "abcdef");
    CHECK(truncate_text("abcdef", 4) == "abc…");
    CHECK(truncate_text("日本語", 4) == "日…");
    CHECK(truncate_text("abc", 1) == "…");
    CHECK(truncate_text("abc", 0) == "");
    for (int width = 0; width < 12; ++width) CHECK(display_width(truncate_text("a日b本🙂 é\xCC\x81x", width)) <= width);
}

TEST_CASE("what others sent cannot steer the terminal") {
    std::string hostile =
        "ok\x1b[31m\r\n\x9b"
        "2J\xE2\x80\xAE";
    std::string clean = printable(hostile);
    CHECK(clean.find('\x1b') == std::string::npos);
    CHECK(clean.find('\r') == std::string::npos);
    CHECK(clean.find('\n') == std::string::npos);
    CHECK(clean.find("\xE2\x80\xAE") == std::string::npos);
    CHECK(clean.starts_with("ok"));
    CHECK(printable("日本 é") == "日本 é");
}

TEST_CASE("columns line up") {
    Table table({{"NAME"}, {"N", Align::right}});
    table.add({"a", "1"});
    table.add({"日本", "1234"});
    CHECK(table.render({}) ==
          "NAME     N\n"
          "a        1\n"
          "日本  1234\n");
}

TEST_CASE("a footer stands below a rule") {
    Table table({{"A"}, {"B", Align::right}});
    table.add({"x", "1"});
    table.add_footer({"total", "10"});
    CHECK(table.render({}) == "A       B\nx       1\n─────────\ntotal  10\n");
}

TEST_CASE("a narrow terminal drops columns by their rank, then shrinks, and no line is wider") {
    Table table(
        {{"MODEL", Align::left, 6}, {"KEY", Align::left, 0, 1}, {"TRACE", Align::left, 0, 2}, {"COST", Align::right}});
    table.add({"claude-sonnet-4-5", "laptop", std::string(32, 'f'), "$0.001234"});
    for (int width : {200, 66, 60, 40, 30, 20, 17}) {
        std::string text = table.render({false, width});
        for (std::size_t at = 0; at < text.size();) {
            std::size_t newline = text.find('\n', at);
            CHECK(display_width(text.substr(at, newline - at)) <= width);
            at = newline + 1;
        }
    }
    CHECK(table.render({false, 200}).find(std::string(32, 'f')) != std::string::npos);
    CHECK(table.render({false, 40}).find("ff") == std::string::npos);
    CHECK(table.render({false, 40}).find("laptop") != std::string::npos);
    CHECK(table.render({false, 20}).find("laptop") == std::string::npos);
    CHECK(table.render({false, 20}).find("claude-s…") != std::string::npos);
}

TEST_CASE("no terminal: nothing is cut; colours only when wanted") {
    Table table({{"A", Align::left, 2}});
    table.add({Cell(std::string(300, 'x'), Color::red)});
    CHECK(table.render({false, 0}).find(std::string(300, 'x')) != std::string::npos);
    CHECK(table.render({false, 0}).find('\x1b') == std::string::npos);
    CHECK(table.render({true, 0}).find("\x1b[31m") != std::string::npos);
}

TEST_CASE("money: never zero for something, never a double") {
    CHECK(format_money(0) == "$0.000000");
    CHECK(format_money(1'234'000) == "$0.001234");
    CHECK(format_money(1'234'499) == "$0.001234");
    CHECK(format_money(1'234'500) == "$0.001235");
    CHECK(format_money(999) == "<$0.000001");
    CHECK(format_money(1) == "<$0.000001");
    CHECK(format_money(12'345'678'900'000) == "$12345.678900");
    CHECK(format_money(-2'000'000'000) == "-$2.000000");
    CHECK(format_money_exact(1'234) == "$0.000001234");
    CHECK(format_money(INT64_MIN).starts_with("-$9223372036."));
    CHECK(format_cost(std::nullopt) == "unpriced");
    CHECK(format_cost(0) == "$0.000000");
    CHECK(format_price_per_million(3'000'000) == "$3.00");
    CHECK(format_price_per_million(75'000) == "$0.075");
    CHECK(format_price_per_million(1) == "$0.000001");
}

TEST_CASE("durations, tokens, bytes") {
    CHECK(format_duration(850) == "850µs");
    CHECK(format_duration(12'999) == "12ms");
    CHECK(format_duration(1'250'000) == "1.2s");
    CHECK(format_duration(125'000'000) == "2m05s");
    CHECK(format_duration(3'720'000'000ll) == "1h02m");
    CHECK(format_duration(std::optional<std::int64_t>()) == "–");
    CHECK(format_tokens(999) == "999");
    CHECK(format_tokens(12'345) == "12.3k");
    CHECK(format_tokens(999'999) == "999k");
    CHECK(format_tokens(1'250'000) == "1.2M");
    CHECK(format_tokens(std::optional<std::int64_t>()) == "–");
    CHECK(format_bytes(512) == "512 B");
    CHECK(format_bytes(12'595) == "12.2 KiB");
}

TEST_CASE("time of day grows a date only when it needs one") {
    lurus::LocalTime now{2026, 11, 21, 9, 0, 0};
    CHECK(format_time_of_day({2026, 11, 21, 8, 5, 9}, now) == "08:05:09");
    CHECK(format_time_of_day({2026, 11, 20, 8, 5, 9}, now) == "11-20 08:05:09");
    CHECK(format_time_of_day({2025, 11, 21, 8, 5, 9}, now) == "2025-11-21 08:05");
}

TEST_CASE("moments: ago, calendar words, dates") {
    const lurus::UnixMicros now = 1'795'251'600'000'000;
    CHECK(parse_moment("now", now) == now);
    CHECK(parse_moment("1h", now) == now - 3'600'000'000);
    CHECK(parse_moment("7d", now) == now - 7ll * 86'400'000'000);
    CHECK(parse_moment("1970-01-02", now) == 86'400'000'000);
    CHECK(!parse_moment("soon", now));
    CHECK(!parse_moment("", now));
    auto today = parse_moment("today", now);
    REQUIRE(today);
    CHECK(*today <= now);
    CHECK(now - *today < 86'400'000'000);
    CHECK(lurus::local_time(*today).hour == 0);
    CHECK(parse_moment("yesterday", now) == *today - 86'400'000'000);
}
