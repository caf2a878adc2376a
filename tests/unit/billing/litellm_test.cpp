#include <atomic>
#include <chrono>
#include <thread>

#include "fixture.hpp"
#include "modules/billing/tariff/litellm.hpp"

using namespace lurus;
using namespace lurus::test;

namespace {

// Made up, in the file's format.
const std::string sample = R"({
  "sample_spec": {"input_cost_per_token": 0.5, "litellm_provider": "one of many", "mode": "chat"},
  "claude-next": {
    "litellm_provider": "anthropic", "mode": "chat", "max_tokens": 64000,
    "input_cost_per_token": 3e-06, "output_cost_per_token": 1.5e-05,
    "cache_creation_input_token_cost": 3.75e-06, "cache_creation_input_token_cost_above_1hr": 6e-06,
    "cache_read_input_token_cost": 3e-07,
    "input_cost_per_token_above_200k_tokens": 6e-06, "output_cost_per_token_above_200k_tokens": 2.25e-05,
    "cache_creation_input_token_cost_above_200k_tokens": 7.5e-06, "cache_read_input_token_cost_above_200k_tokens": 6e-07,
    "cache_creation_input_token_cost_above_1hr_above_200k_tokens": 1.2e-05,
    "input_cost_per_token_batches": 1.5e-06, "output_cost_per_token_batches": 7.5e-06,
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_medium": 0.01, "search_context_size_high": 0.01},
    "supports_vision": true, "supported_regions": ["us", {"cost": 7}]
  },
  "gpt-next": {
    "litellm_provider": "openai", "mode": "responses",
    "input_cost_per_token": 1.25e-06, "output_cost_per_token": 1e-05, "cache_read_input_token_cost": 1.25e-07,
    "input_cost_per_token_flex": 6.25e-07, "output_cost_per_token_flex": 5e-06, "cache_read_input_token_cost_flex": 6.25e-08,
    "input_cost_per_token_priority": 2.5e-06, "output_cost_per_token_priority": 2e-05,
    "input_cost_per_token_above_272k_tokens": 2.5e-06, "output_cost_per_token_above_272k_tokens": 1.5e-05,
    "input_cost_per_token_above_272k_tokens_priority": 5e-06, "output_cost_per_token_above_272k_tokens_priority": 3e-05,
    "input_cost_per_audio_token": 4e-05, "output_cost_per_audio_token": 8.0000000000000007e-05,
    "search_context_cost_per_query": {"search_context_size_low": 0.01, "search_context_size_high": 0.03}
  },
  "gemini/gem-next": {"litellm_provider": "gemini", "input_cost_per_token": 1e-7, "output_cost_per_token": 0.0000004,
    "output_cost_per_reasoning_token": 3.5e-06, "output_cost_per_image": 0.039},
  "deepseek-next": {"litellm_provider": "deepseek", "input_cost_per_token": 9e-7, "output_cost_per_token": 9e-7},
  "deepseek/deepseek-next": {"litellm_provider": "deepseek", "input_cost_per_token": 2.8e-7, "output_cost_per_token": 4.2e-7},
  "openrouter/anthropic/claude-next": {"litellm_provider": "openrouter", "input_cost_per_token": 3.3e-06, "output_cost_per_token": 1.65e-05},
  "azure/gpt-4o": {"litellm_provider": "azure", "input_cost_per_token": 2.75e-06, "output_cost_per_token": 1.1e-05},
  "text-embedding-next": {"litellm_provider": "openai", "mode": "embedding", "input_cost_per_token": 2e-08, "output_cost_per_token": 0.0},
  "dashscope/qwen-next": {"litellm_provider": "dashscope", "tiered_pricing": [
    {"range": [0, 32000.0], "input_cost_per_token": 1.2e-06, "output_cost_per_token": 6e-06},
    {"range": [32000.0, 128000.0], "input_cost_per_token": 2.4e-06, "output_cost_per_token": 1.2e-05}]},
  "long-only": {"litellm_provider": "openai", "input_cost_per_token_above_200k_tokens": 1e-06},
  "ollama/free": {"litellm_provider": "ollama", "input_cost_per_token": 0.0, "output_cost_per_token": 0.0},
  "whisper-next": {"litellm_provider": "openai", "input_cost_per_second": 0.0001, "output_cost_per_second": 0.0001}
})";

constexpr int sample_models = 9;

}  // namespace

TEST_CASE("an import is priced as the file says") {
    Fixture f;
    const auto models = f.billing->import_prices(sample, f.clock.now());
    REQUIRE_MESSAGE(models.has_value(), (models ? "" : models.error().message));
    CHECK(*models == sample_models);

    Usage usage = tokens(100, 10);
    usage.cache_read = 1000;
    usage.cache_write_5m = 20;
    usage.cache_write_1h = 30;
    usage.web_searches = 2;
    CHECK(f.nano("anthropic", "claude-next", usage) == 300'000 + 150'000 + 300'000 + 75'000 + 180'000 + 20'000'000);
    usage.input = 200'000;
    CHECK(f.nano("anthropic", "claude-next-20261101", usage) ==
          1'200'000'000 + 225'000 + 600'000 + 150'000 + 360'000 + 20'000'000);
    Usage batch = tokens(1000, 100);
    batch.service_tier = "batch";
    CHECK(f.nano("anthropic", "claude-next", batch) == 1'500'000 + 750'000);
    batch.cache_read = 1;  // the file names no batch price for it
    CHECK_FALSE(f.price("anthropic", "claude-next", batch).has_value());

    Usage flex = tokens(1000, 100);
    flex.cache_read = 1;
    flex.service_tier = "flex";
    CHECK(f.nano("openai", "gpt-next", flex) == 625'000 + 500'000 + 62);  // 62.5 rounds to even
    Usage priority = tokens(272'001, 1);
    priority.service_tier = "priority";
    CHECK(f.nano("openai", "gpt-next", priority) == 272'001ll * 5'000 + 30'000);
    priority.input = 272'000;
    CHECK(f.nano("openai", "gpt-next", priority) == 272'000ll * 2'500 + 20'000);
    Usage sound = tokens(10, 10);
    sound.audio_input = 10;
    sound.audio_output = 10;
    CHECK(f.nano("openai", "gpt-next", sound) == 400'000 + 800'000);
    Usage search = tokens(1, 1);
    search.web_searches = 1;  // its price depends on a size that no usage tells
    const auto searched = f.price("openai", "gpt-next", search);
    REQUIRE(searched.has_value());
    CHECK(searched->unpriced == std::vector<std::string_view>{"web_search"});

    Usage thought = tokens(10, 30);
    thought.reasoning = 20;
    thought.images = 1;
    CHECK(f.nano("gemini", "gem-next", thought) == 1'000 + 4'000 + 70'000 + 39'000'000);
    CHECK(f.nano("deepseek", "deepseek-next", tokens(100, 100)) == 28'000 + 42'000);
    CHECK(f.nano("openrouter", "anthropic/claude-next", tokens(100, 0)) == 330'000);
    CHECK(f.nano("azure-openai", "gpt-4o", tokens(100, 0)) == 275'000);
    CHECK(f.nano("openai", "gpt-4o", tokens(100, 0)) == 250'000);
    CHECK(f.nano("openai", "text-embedding-next", tokens(100, 0)) == 2'000);
    CHECK(f.nano("qwen", "qwen-next", tokens(32'000, 10)) == 32'000 * 1'200 + 10 * 6'000);
    CHECK(f.nano("qwen", "qwen-next", tokens(32'001, 10)) == 32'001 * 2'400 + 10 * 12'000);
    Usage long_batch = tokens(200'001, 1);  // no batch price is given for that length
    long_batch.service_tier = "batch";
    CHECK_FALSE(f.price("anthropic", "claude-next", long_batch).has_value());
    CHECK(f.tariff("openai", "long-only") == "unpriced");
    CHECK(f.tariff("ollama", "free") == "unpriced");
    Usage heard;
    heard.audio_seconds = 27;
    CHECK(f.nano("openai", "whisper-next", heard) == 2'700'000);
    CHECK(f.tariff("openai", "whisper-next") == "unpriced");
    CHECK(f.tariff("openai-compatible", "sample_spec") == "unpriced");
}

TEST_CASE("imports win over built-in prices from their date on, survive a restart, and repeat harmlessly") {
    Fixture f;
    const std::string file =
        R"({"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 9e-06, "output_cost_per_token": 1e-05}})";
    const UnixMicros from = *parse_time("2026-11-10");
    int changes = 0;
    f.billing->on_change([&] { ++changes; });
    REQUIRE(f.billing->import_prices(file, from) == 1);
    CHECK(changes == 1);
    CHECK(f.tariff("openai", "gpt-4o") == "openai/gpt-4o@2026-11-10");
    f.clock.time = from - 1;
    CHECK(f.tariff("openai", "gpt-4o") == "openai/gpt-4o@2024-10-02");
    f.clock.time = *parse_time("2026-11-21");
    CHECK(f.billing->import_prices(file, f.clock.now()) == 1);  // the same prices later: nothing new
    CHECK(changes == 1);
    CHECK(f.tariff("openai", "gpt-4o") == "openai/gpt-4o@2026-11-10");
    f.open();
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 0)) == 9'000);

    const std::string dearer =
        R"({"gpt-4o": {"litellm_provider": "openai", "input_cost_per_token": 10e-06, "output_cost_per_token": 1e-05}})";
    REQUIRE(f.billing->import_prices(dearer, f.clock.now()) == 1);
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 0)) == 10'000);
    f.clock.time = *parse_time("2026-11-20");
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 0)) == 9'000);
}

TEST_CASE("a file that cannot be read changes nothing and says where") {
    Fixture f;
    const auto refused = [&](const std::string& file) {
        const auto done = f.billing->import_prices(file, f.clock.now());
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().code == ErrorCode::invalid_argument);
        return done.error().message;
    };
    const std::string broken =
        refused("{\n  \"gpt-4o\": {\"litellm_provider\": \"openai\",\n  \"input_cost_per_token\": 1e-6,,\n");
    CHECK(broken.find("line 3, column 32") != std::string::npos);
    refused("");
    refused("[]");
    refused("7");
    refused(R"({"a": {"litellm_provider": "openai", "input_cost_per_token": 1e-06)");
    CHECK(f.billing->import_prices("{}", f.clock.now()) == 0);
    CHECK(f.billing->import_prices(R"({"a": 7, "b": null, "c": {"litellm_provider": "openai"}})", f.clock.now()) == 0);
    const std::string deep = R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}";
    CHECK(f.billing->import_prices(deep, f.clock.now()) == 0);
}

TEST_CASE("a model with an odd price is skipped and named, the others are taken") {
    Fixture f;
    const auto answer = f.call("POST", "/api/v1/prices/import", R"({
      "a": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token": "2e-06"},
      "b": {"litellm_provider": "openai", "input_cost_per_token": -1e-06, "output_cost_per_token": 1e-06},
      "c": {"litellm_provider": "openai", "input_cost_per_token": "ask us", "output_cost_per_token": 1e-06},
      "d": {"litellm_provider": "openai", "input_cost_per_token": 1e-06, "output_cost_per_token_batches": 1e300},
      "e": {"litellm_provider": "openai", "tiered_pricing": [{"range": [-1, 5], "input_cost_per_token": 1e-06}]},
      "f": {"litellm_provider": "openai", "input_cost_per_token": 3e-06, "output_cost_per_character": -1}})");
    REQUIRE(answer.status == 200);
    const auto body = nlohmann::json::parse(answer.body);
    CHECK(body["models"] == 2);
    CHECK(body["changed"] == 2);
    CHECK(body["skipped"] == 4);
    std::string named;
    for (const auto& one : body["skipped_models"]) named += one["model"].get<std::string>();
    CHECK(named == "bcde");
    CHECK(body["skipped_models"][0]["reason"] == "input_cost_per_token is not a price: -1e-06");
    CHECK(f.nano("openai", "a", tokens(1, 1)) == 3'000);
    CHECK(f.nano("openai", "f", tokens(1, 0)) == 3'000);
    for (const char* model : {"b", "c", "d", "e"}) CHECK(f.tariff("openai", model) == "unpriced");
}

TEST_CASE("what LiteLLM says of a speed and a region multiplies its prices") {
    Fixture f;
    REQUIRE(f.billing->import_prices(
                R"({"claude-next": {"litellm_provider": "anthropic", "input_cost_per_token": 5e-06,
                    "output_cost_per_token": 2.5e-05, "provider_specific_entry": {"us": 1.1, "fast": 6.0, "other": {"a": 2}}}})",
                f.clock.now()) == 1);
    const auto cost = [&](const char* served) {
        Usage usage = tokens(100, 10);
        usage.service_tier = served;
        return f.nano("anthropic", "claude-next", usage);
    };
    CHECK(cost("standard") == 750'000);
    CHECK(cost("fast") == 4'500'000);
    CHECK(cost("standard+us") == 825'000);
    CHECK(cost("fast+us") == 4'950'000);
    CHECK(cost("fast+eu") == -1);
}

TEST_CASE("a list of the real size is taken quickly, while readers price") {
    Fixture f;
    std::string file = "{";
    for (int i = 0; i < 3000; ++i) {
        if (i > 0) file += ",";
        file += "\"model-" + std::to_string(i) +
                "\": {\"litellm_provider\": \"openai\", \"mode\": \"chat\", \"max_tokens\": 128000, " +
                "\"input_cost_per_token\": " + std::to_string(i + 1) + "e-09, \"output_cost_per_token\": 1.5e-06, " +
                "\"cache_read_input_token_cost\": 1e-08, \"supports_vision\": true, \"source\": "
                "\"https://example.com/a/long/address\"}";
    }
    file += "}";
    std::atomic<bool> stop = false;
    std::atomic<int> wrong = 0;
    std::thread reader([&] {
        PriceQuery query;
        query.provider_kind = "openai";
        query.upstream_model = "gpt-4o-mini";
        query.time = f.clock.now();
        while (!stop) {
            const auto snapshot = f.billing->snapshot();
            const auto cost = snapshot->price(query, tokens(1, 1));
            if (!cost || cost->total.nano_usd != 750 || cost->tariff != "openai/gpt-4o-mini@2024-07-18") ++wrong;
        }
    });
    const auto start = std::chrono::steady_clock::now();
    const auto models = f.billing->import_prices(file, f.clock.now());
    const auto took = std::chrono::steady_clock::now() - start;
    stop = true;
    reader.join();
    CHECK(models == 3000);
    CHECK(wrong == 0);
    CHECK(f.nano("openai", "model-2999", tokens(1, 0)) == 3'000);
    MESSAGE("3000 models in " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
    CHECK(took < std::chrono::seconds(20));  // far above what it takes: other work runs beside the tests
}
