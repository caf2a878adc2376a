#include <map>
#include <random>

#include "fixture.hpp"
#include "modules/billing/tariff/decimal.hpp"

using namespace lurus;
using namespace lurus::test;
using billing::nano_of;
using billing::scaled_decimal;

TEST_CASE("decimal text becomes integers exactly") {
    CHECK(scaled_decimal("1.5e-07", 12) == 150'000);
    CHECK(scaled_decimal("3e-06", 12) == 3'000'000);
    CHECK(scaled_decimal("0.0000003", 12) == 300'000);
    CHECK(scaled_decimal("0.1", 12) == 100'000'000'000);
    CHECK(scaled_decimal("2.5E-8", 12) == 25'000);
    CHECK(scaled_decimal("0", 12) == 0);
    CHECK(scaled_decimal("0.0", 12) == 0);
    CHECK(scaled_decimal("0e5", 12) == 0);
    CHECK(scaled_decimal("3", 6) == 3'000'000);
    CHECK(scaled_decimal("22.50", 6) == 22'500'000);
    CHECK(scaled_decimal("1e+3", 0) == 1000);
    // A double's printed noise is rounded away, once.
    CHECK(scaled_decimal("3.0000000000000004e-07", 12) == 300'000);
    CHECK(scaled_decimal("2.9999999999999997e-07", 12) == 300'000);
    // Half-even at the last place.
    CHECK(scaled_decimal("0.5", 0) == 0);
    CHECK(scaled_decimal("1.5", 0) == 2);
    CHECK(scaled_decimal("2.5", 0) == 2);
    CHECK(scaled_decimal("2.500001", 0) == 3);
    CHECK(scaled_decimal("2.4999", 0) == 2);
    CHECK(scaled_decimal("0.05", 0) == 0);
    CHECK(scaled_decimal("0.09", 0) == 0);
    CHECK(scaled_decimal("9223372036854775807", 0) == INT64_MAX);
    for (const char* bad :
         {"", "-1", "1.", ".5", "1e", "1e-", "abc", "1 ", "0x1", "9223372036854775808", "1e30", "1e999999999999"}) {
        CAPTURE(bad);
        CHECK_FALSE(scaled_decimal(bad, 0).has_value());
    }
    CHECK(scaled_decimal("1e-999999999999", 12) == 0);
}

TEST_CASE("units times price is rounded half-even to nano-dollars") {
    CHECK(nano_of(1, 500) == 0);
    CHECK(nano_of(1, 1500) == 2);
    CHECK(nano_of(1, 2500) == 2);
    CHECK(nano_of(1, 2501) == 3);
    CHECK(nano_of(3, 500) == 2);
    CHECK(nano_of(5, 500) == 2);
    CHECK(nano_of(7, 500) == 4);
    CHECK(nano_of(0, INT64_MAX) == 0);
    CHECK(nano_of(INT64_MAX / 1000, 1000) == INT64_MAX / 1000);
    CHECK_FALSE(nano_of(INT64_MAX, 1).has_value());
    CHECK_FALSE(nano_of(1'000'000'000, INT64_MAX).has_value());
    CHECK_FALSE(nano_of(-1, 1).has_value());

    std::mt19937_64 random(7);
    for (int i = 0; i < 200'000; ++i) {
        const auto units = static_cast<std::int64_t>(random() >> (random() % 50 + 14));
        const auto pico = static_cast<std::int64_t>(random() >> (random() % 50 + 14));
        __extension__ using Wide = __int128;
        const Wide product = static_cast<Wide>(units) * pico;
        Wide expected = product / 1000;
        const auto rest = static_cast<int>(product % 1000);
        if (rest > 500 || (rest == 500 && expected % 2 == 1)) ++expected;
        const auto got = nano_of(units, pico);
        if (expected > INT64_MAX || units > INT64_MAX / 1000) {
            REQUIRE_FALSE(got.has_value());
        } else {
            REQUIRE(got == static_cast<std::int64_t>(expected));
        }
    }
}

TEST_CASE("costs reckoned by hand") {
    Fixture f;
    Usage usage;
    usage.input = 1'234;           // × 3.00 /M = 0.003702
    usage.cache_read = 100'000;    // × 0.30 /M = 0.03
    usage.cache_write_5m = 2'000;  // × 3.75 /M = 0.0075
    usage.cache_write_1h = 500;    // × 6.00 /M = 0.003
    usage.output = 789;            // × 15.0 /M = 0.011835
    usage.reasoning = 700;         // within output, no price of its own
    usage.web_searches = 3;        // × 10 per thousand = 0.03
    const auto cost = f.price("anthropic", "claude-sonnet-4-5-20250929", usage);
    REQUIRE(cost.has_value());
    CHECK(cost->tariff == "anthropic/claude-sonnet-4-5@2025-09-29");
    CHECK(cost->total.nano_usd == 3'702'000 + 30'000'000 + 7'500'000 + 3'000'000 + 11'835'000 + 30'000'000);
    std::map<std::string, std::int64_t> lines;
    for (const auto& line : cost->lines) lines[std::string(line.what)] = line.cost.nano_usd;
    CHECK(lines == std::map<std::string, std::int64_t>{{"input", 3'702'000},
                                                       {"cache_read", 30'000'000},
                                                       {"cache_write_5m", 7'500'000},
                                                       {"cache_write_1h", 3'000'000},
                                                       {"output", 11'835'000},
                                                       {"web_search", 30'000'000}});

    CHECK(f.nano("openai", "gpt-4o-mini", tokens(1, 1)) == 150 + 600);
    Usage cached = tokens(0, 0);
    cached.cache_read = 1;  // 75 nano-dollars exactly
    CHECK(f.nano("openai", "gpt-4o-mini", cached) == 75);
}

TEST_CASE("batch halves tokens but not searches; an unlisted tier is unpriced") {
    Fixture f;
    Usage usage = tokens(1000, 100);
    usage.web_searches = 1;
    usage.service_tier = "batch";
    CHECK(f.nano("anthropic", "claude-sonnet-4-5", usage) == 1'500'000 + 750'000 + 10'000'000);
    for (const char* standard : {"", "standard", "default", "auto", "on_demand", "ON_DEMAND", "on-demand"}) {
        usage.service_tier = standard;
        CHECK(f.nano("anthropic", "claude-sonnet-4-5", usage) == 3'000'000 + 1'500'000 + 10'000'000);
    }
    usage.service_tier = "priority";
    CHECK_FALSE(f.price("anthropic", "claude-sonnet-4-5", usage).has_value());
    Usage priority = tokens(1000, 100);
    priority.service_tier = "priority";
    CHECK(f.nano("openai", "gpt-4o", priority) == 4'250'000 + 1'700'000);
}

TEST_CASE("the long-context tier begins above its threshold, counted over everything read") {
    Fixture f;
    Usage usage;
    usage.input = 50'000;
    usage.cache_read = 100'000;
    usage.cache_write_5m = 30'000;
    usage.cache_write_1h = 20'000;
    usage.output = 10;
    CHECK(f.nano("anthropic", "claude-sonnet-4-5", usage) ==
          150'000'000 + 30'000'000 + 112'500'000 + 120'000'000 + 150'000);
    usage.input = 50'001;
    CHECK(f.nano("anthropic", "claude-sonnet-4-5", usage) ==
          300'006'000 + 60'000'000 + 225'000'000 + 240'000'000 + 225'000);
    usage.service_tier = "batch";
    CHECK(f.nano("anthropic", "claude-sonnet-4-5", usage) ==
          150'003'000 + 30'000'000 + 112'500'000 + 120'000'000 + 112'500);
    // Output is no input.
    CHECK(f.nano("anthropic", "claude-sonnet-4-5", tokens(1, 300'000)) == 3'000 + 4'500'000'000);
    // What is counted by the piece costs the same in every tier.
    Usage search = tokens(200'001, 0);
    search.web_searches = 1;
    CHECK(f.nano("anthropic", "claude-sonnet-4-5", search) == 1'200'006'000 + 10'000'000);
}

TEST_CASE("a class without a price makes the whole unpriced, never free") {
    Fixture f;
    Usage usage = tokens(10, 10);
    CHECK(f.price("openai", "gpt-4o", usage).has_value());
    usage.cache_write_5m = 1;
    CHECK_FALSE(f.price("openai", "gpt-4o", usage).has_value());
    usage.cache_write_5m = 0;
    CHECK(f.price("openai", "gpt-4o", usage).has_value());
    usage.images = 1;
    CHECK_FALSE(f.price("openai", "gpt-4o", usage).has_value());
    CHECK_FALSE(f.price("openai", "no-such-model", tokens(1, 1)).has_value());
    CHECK_FALSE(f.price("openai", "", tokens(1, 1)).has_value());
    CHECK_FALSE(f.price("openai", std::string(100'000, 'x'), tokens(1, 1)).has_value());
    CHECK_FALSE(f.price("openai", "gpt-4o", Usage()).has_value());  // nothing known is not nothing used
    CHECK_FALSE(f.price("openai", "gpt-4o", tokens(-1, 1)).has_value());
    CHECK_FALSE(f.price("openai", "gpt-4o", tokens(INT64_MAX, INT64_MAX)).has_value());
    const auto none = f.price("openai", "gpt-4o", tokens(0, 0));
    REQUIRE(none.has_value());
    CHECK(none->total.nano_usd == 0);
    CHECK(none->lines.empty());
}

TEST_CASE("sound, pictures and reasoning are split off their wholes") {
    Fixture f;
    Usage usage = tokens(1000, 500);
    usage.audio_input = 400;
    usage.audio_output = 100;
    usage.images = 2;
    CHECK(f.nano("openai", "sounds", usage) ==
          600 * 2'000 + 400 * 40'000 + 400 * 8'000 + 100 * 80'000 + 2 * 40'000'000);
    Usage thought = tokens(100, 1000);
    thought.reasoning = 900;
    CHECK(f.nano("gemini", "thinker", thought) == 100 * 150 + 100 * 600 + 900 * 3'500);
    // A vendor that reports more of a part than of the whole cannot make the whole negative.
    usage.audio_input = 5000;
    usage.audio_output = 0;
    usage.images = 0;
    CHECK(f.nano("openai", "sounds", usage) == 1000 * 40'000 + 500 * 8'000);
}

TEST_CASE("lines sum to the total and no unit is counted twice") {
    Fixture f;
    std::mt19937_64 random(11);
    const auto some = [&]() -> std::optional<std::int64_t> {
        if (random() % 4 == 0) return std::nullopt;
        return static_cast<std::int64_t>(random() % (random() % 2 == 0 ? 1000 : 400'000));
    };
    int priced = 0;
    for (int i = 0; i < 20'000; ++i) {
        Usage usage;
        usage.input = some();
        usage.cache_read = some();
        usage.output = some();
        usage.reasoning = some();
        usage.audio_input = some();
        usage.audio_output = some();
        const char* model = "sounds";
        const char* kind = "openai";
        if (i % 3 == 0) {
            model = "claude-sonnet-4-5";
            kind = "anthropic";
            usage.audio_input.reset();
            usage.audio_output.reset();
            usage.cache_write_5m = some();
            usage.cache_write_1h = some();
        } else if (i % 3 == 1) {
            model = "thinker";
            kind = "gemini";
            usage.audio_input.reset();
            usage.audio_output.reset();
            usage.cache_read.reset();
        } else {
            usage.cache_read.reset();
        }
        const auto cost = f.price(kind, model, usage);
        if (!usage.known()) {
            REQUIRE_FALSE(cost.has_value());
            continue;
        }
        REQUIRE(cost.has_value());
        ++priced;
        std::int64_t sum = 0, units = 0;
        for (const auto& line : cost->lines) {
            sum += line.cost.nano_usd;
            units += line.units;
            REQUIRE(line.units > 0);
            REQUIRE(line.cost.nano_usd == *nano_of(line.units, line.price.pico_usd));
        }
        REQUIRE(sum == cost->total.nano_usd);
        REQUIRE(units == usage.input.value_or(0) + usage.cache_read.value_or(0) + usage.cache_write_5m.value_or(0) +
                             usage.cache_write_1h.value_or(0) + usage.output.value_or(0));
    }
    CHECK(priced > 15'000);
}
