#include "fixture.hpp"
#include "modules/billing/tariff/model_name.hpp"

using namespace lurus;
using namespace lurus::test;
using billing::without_snapshot;

TEST_CASE("dates and `latest` are taken off, other endings are not") {
    CHECK(without_snapshot("claude-sonnet-4-5-20250929") == "claude-sonnet-4-5");
    CHECK(without_snapshot("claude-sonnet-4-5@20250929") == "claude-sonnet-4-5");
    CHECK(without_snapshot("gpt-4o-2024-08-06") == "gpt-4o");
    CHECK(without_snapshot("mistral-large-latest") == "mistral-large");
    for (const char* whole :
         {"gpt-4o", "gpt-4-0613", "o1-20251399", "o1-99991231", "model-2024-13-01", "20250929", "-20250929", "-latest",
          "2024-08-06", "-2024-08-06", "a-2024-08-0x", "claude-sonnet-4-5-20250929-thinking"}) {
        CHECK(without_snapshot(whole) == whole);
    }
}

TEST_CASE("names that mean the same model find its price") {
    Fixture f;
    const std::string sonnet = "anthropic/claude-sonnet-4-5@2025-09-29";
    for (const char* name :
         {"claude-sonnet-4-5", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5-latest",
          "anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4.5", "Claude-Sonnet-4-5",
          "anthropic/claude-sonnet-4-5-20250929", "publishers/anthropic/models/claude-sonnet-4-5@20250929"}) {
        CAPTURE(name);
        CHECK(f.tariff("anthropic", name) == sonnet);
        CHECK(f.tariff("new-api", name) == sonnet);
        CHECK(f.tariff("demo", name) == sonnet);
    }
    CHECK(f.tariff("gemini", "models/thinker") == "gemini/thinker@2025-01-01");
    CHECK(f.tariff("gemini", "google/thinker") == "gemini/thinker@2025-01-01");
}

TEST_CASE("no model takes another one's price") {
    Fixture f;
    CHECK(f.tariff("openai", "gpt-4o") == "openai/gpt-4o@2024-10-02");
    CHECK(f.tariff("openai", "gpt-4o-mini") == "openai/gpt-4o-mini@2024-07-18");
    CHECK(f.tariff("openai", "gpt-4o-mini-2024-07-18") == "openai/gpt-4o-mini@2024-07-18");
    CHECK(f.tariff("openai", "gpt-4o-2024-08-06") == "openai/gpt-4o@2024-10-02");
    CHECK(f.tariff("openai", "gpt-4o-2024-05-13") ==
          "openai/gpt-4o-2024-05-13@2024-05-13");  // the most specific name wins
    for (const char* other :
         {"gpt-4", "gpt-4o-", "gpt-4o-nano", "gpt-4o-audio-preview", "xgpt-4o", "gpt-4o-mini-x", "gpt",
          "claude-sonnet-4", "claude-sonnet-4-5-thinking", "google/gpt-4o", "ft:gpt-4o:me::1"}) {
        CAPTURE(other);
        CHECK(f.tariff("openai", other) == "unpriced");
    }
}

TEST_CASE("whose prices a provider's kind takes") {
    Fixture f;
    CHECK(f.tariff("openrouter", "openai/gpt-4o") == "unpriced");
    CHECK(f.tariff("ollama", "gpt-4o") == "unpriced");
    CHECK(f.tariff("vllm", "gpt-4o") == "unpriced");
    CHECK(f.tariff("azure-openai", "gpt-4o") == "openai/gpt-4o@2024-10-02");
    CHECK(f.tariff("azure-openai", "claude-sonnet-4-5") == "unpriced");
    CHECK(f.tariff("deepseek", "gpt-4o") == "unpriced");
    CHECK(f.tariff("openai-compatible", "gpt-4o") == "openai/gpt-4o@2024-10-02");
    CHECK(f.tariff("openai", "claude-sonnet-4-5") == "anthropic/claude-sonnet-4-5@2025-09-29");
    CHECK(f.tariff("groq", "openai/gpt-oss-120b") == "groq/openai/gpt-oss-120b@2025-08-05");
    CHECK(f.tariff("openai-compatible", "openai/gpt-oss-120b") == "unpriced");  // a host's price is only the host's
    CHECK(f.tariff("no-such-kind", "gpt-4o") == "unpriced");
}

TEST_CASE("prices hold from their date to the next") {
    Fixture f;
    f.clock.time = *parse_time("2024-10-01T23:59:59.999999Z");
    CHECK(f.tariff("openai", "gpt-4o") == "openai/gpt-4o@2024-05-13");
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 1)) == 5'000 + 15'000);
    f.clock.time = *parse_time("2024-10-02T00:00:00Z");
    CHECK(f.tariff("openai", "gpt-4o") == "openai/gpt-4o@2024-10-02");
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 1)) == 2'500 + 10'000);
    f.clock.time = *parse_time("2024-05-12");
    CHECK(f.tariff("openai", "gpt-4o") == "unpriced");
}
