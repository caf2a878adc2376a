#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;

namespace {

const char* const prices = R"({
 "sources": {"page": {"url": "https://example.com/pricing", "checked": "2026-11-01"}},
 "prices": [
  {"vendor": "anthropic", "model": "claude-x", "from": "2026-01-01", "source": "page", "rates": {
    "standard": {"input": "5", "cache_read": "0.50", "cache_write_5m": "6.25", "cache_write_1h": "10", "output": "25", "web_search": "10"},
    "standard>200000": {"input": "10", "cache_read": "1", "cache_write_5m": "12.50", "cache_write_1h": "20", "output": "37.50"},
    "batch": {"times": "0.5"}, "us": {"times": "1.1"}, "fast": {"times": "6"}}},
  {"vendor": "openai", "model": "whisper-x", "from": "2026-01-01", "source": "page", "rates": {"standard": {"audio_second": "0.006"}}},
  {"vendor": "gemini", "model": "gemini-x", "from": "2026-01-01", "source": "page", "rates": {
    "standard": {"input": "0.30", "cache_read": "0.03", "output": "2.50"}}}]})";

}  // namespace

TEST_CASE("tier, speed, region and cache multiply each other; searches keep their price") {
    Fixture f(prices);
    Usage usage = tokens(1'000, 100);
    usage.cache_read = 10'000;
    usage.cache_write_1h = 100;
    usage.web_searches = 1;
    const auto cost = [&](const char* served) {
        usage.service_tier = served;
        return f.nano("anthropic", "claude-x", usage);
    };
    constexpr std::int64_t of_tokens = 1'000 * 5'000 + 100 * 25'000 + 10'000 * 500 + 100 * 10'000;
    constexpr std::int64_t search = 10'000'000;
    CHECK(cost("") == of_tokens + search);
    CHECK(cost("standard") == of_tokens + search);
    CHECK(cost("fast") == of_tokens * 6 + search);
    CHECK(cost("standard+us") == of_tokens * 11 / 10 + search);
    CHECK(cost("us") == of_tokens * 11 / 10 + search);
    CHECK(cost("fast+us") == of_tokens * 66 / 10 + search);
    CHECK(cost("batch+us") == of_tokens * 55 / 100 + search);
    CHECK(cost("batch+fast+us") == of_tokens * 33 / 10 + search);
    // What has no price of its own has none together with others.
    for (const char* served : {"standard+eu", "turbo", "fast+turbo", "priority+us", "fast+fast+fast+fast+fast"})
        CHECK(cost(served) == -1);
    usage.input = 200'001;
    CHECK(cost("fast+us") == (200'001LL * 10'000 + 100 * 37'500 + 10'000 * 1'000 + 100 * 20'000) * 66 / 10 + search);
}

TEST_CASE("searches without a price are named, what is known is priced") {
    Fixture f(prices);
    Usage usage = tokens(1'000, 10);
    usage.web_searches = 2;
    const auto cost = f.price("gemini", "gemini-x", usage);
    REQUIRE(cost.has_value());
    CHECK(cost->total.nano_usd == 325'000);
    REQUIRE(cost->unpriced.size() == 1);
    CHECK(cost->unpriced[0] == "web_search");
    usage.cache_write_5m = 1;  // tokens are no piece: without their price nothing is known
    CHECK_FALSE(f.price("gemini", "gemini-x", usage).has_value());
    const auto quote = nlohmann::json::parse(
        f.call(
             "POST", "/api/v1/prices/quote",
             R"({"model": "gemini-x", "provider_kind": "gemini", "usage": {"input": 1000, "output": 10, "web_searches": 2}})")
            .body);
    CHECK(quote["cost_nano_usd"] == 325'000);
    CHECK(quote["unpriced"] == nlohmann::json{"web_search"});
}

TEST_CASE("what a vendor's own search found is read, not billed, and makes no request long") {
    Fixture f(prices);
    Usage usage = tokens(18'480, 100);
    usage.unbilled_input = 18'329;
    CHECK(f.nano("gemini", "gemini-x", usage) == 151 * 300 + 100 * 2'500);
    Usage lengthy = tokens(250'000, 1);
    lengthy.unbilled_input = 100'000;
    CHECK(f.nano("anthropic", "claude-x", lengthy) == 150'000LL * 5'000 + 25'000);
}

TEST_CASE("sound is priced by its seconds") {
    Fixture f(prices);
    Usage usage;
    usage.audio_seconds = 27;
    CHECK(usage.known());
    CHECK(f.nano("openai", "whisper-x", usage) == 2'700'000);
    CHECK(f.nano("gemini", "gemini-x", usage) == -1);
}
