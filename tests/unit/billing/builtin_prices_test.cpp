#include <fstream>
#include <iterator>
#include <map>
#include <set>

#include "fixture.hpp"
#include "modules/billing/tariff/model_name.hpp"
#include "modules/billing/tariff/price_file.hpp"

using namespace lurus;
using namespace lurus::test;

namespace {

std::string shipped() {
    std::ifstream file(LURUS_SOURCE_DIR "/config/prices.json", std::ios::binary);
    REQUIRE(file.good());
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

std::vector<billing::Tariff> tariffs() {
    auto read = billing::read_price_file(shipped());
    REQUIRE_MESSAGE(read.has_value(), (read ? "" : read.error().message));
    return *std::move(read);
}

}  // namespace

TEST_CASE("every built-in price has a source and a date") {
    const auto all = tariffs();
    CHECK(all.size() > 150);
    std::set<std::string> vendors;
    for (const auto& tariff : all) {
        CAPTURE(tariff.label);
        vendors.insert(tariff.vendor);
        CHECK(tariff.source.starts_with("https://"));
        CHECK(parse_time(tariff.checked).has_value());
        CHECK(tariff.from > *parse_time("2020-01-01"));
        CHECK(tariff.services.front().name == "standard");
    }
    CHECK(vendors == std::set<std::string>{"anthropic", "azure-openai", "deepseek", "gemini", "groq", "minimax",
                                           "mistral", "moonshot", "openai", "qwen", "xai", "zhipu"});
}

TEST_CASE("no name has two built-in prices at one time, nor two makers") {
    const auto all = tariffs();
    std::map<std::pair<std::string, std::string>, std::vector<const billing::Tariff*>> by_name;
    std::map<std::string, std::set<std::string>> makers;
    for (const auto& tariff : all) {
        std::vector<std::string> names = tariff.aliases;
        names.push_back(tariff.model);
        for (const auto& name : names) {
            by_name[{tariff.vendor, name}].push_back(&tariff);
            if (billing::maker_rank(tariff.vendor) >= 0) makers[name].insert(tariff.vendor);
        }
    }
    for (const auto& [name, list] : by_name) {
        CAPTURE(name.first);
        CAPTURE(name.second);
        for (std::size_t i = 0; i < list.size(); ++i) {
            for (std::size_t k = i + 1; k < list.size(); ++k) {
                const auto& a = *list[i];
                const auto& b = *list[k];
                if (a.hours.has_value() != b.hours.has_value()) continue;
                const bool apart = (a.until && *a.until <= b.from) || (b.until && *b.until <= a.from);
                CHECK_MESSAGE(apart, a.label << " and " << b.label);
            }
        }
    }
    for (const auto& [name, vendors] : makers) CHECK_MESSAGE(vendors.size() == 1, name);
}

TEST_CASE("built-in prices are in a sane order: cached is not dearer than fresh, long not cheaper than short") {
    using billing::Class;
    for (const auto& tariff : tariffs()) {
        for (const auto& service : tariff.services) {
            CAPTURE(tariff.label);
            CAPTURE(service.name);
            const auto& base = service.tiers.front().rates;
            if (base.has(Class::cache_read)) CHECK(base.of(Class::cache_read) <= base.of(Class::input));
            if (base.has(Class::cache_write_1h))
                CHECK(base.of(Class::cache_write_1h) >= base.of(Class::cache_write_5m));
            for (const auto& tier : service.tiers) {
                CHECK_FALSE((tier.rates.has(Class::input) && !base.has(Class::input)));
                for (std::size_t i = 0; i < billing::class_count; ++i) {
                    if (base.pico[i] != billing::Rates::none && tier.rates.pico[i] != billing::Rates::none) {
                        CHECK(tier.rates.pico[i] >= base.pico[i]);
                    }
                }
            }
        }
    }
}

TEST_CASE("models in use today are priced as their vendors' pages say") {
    Fixture f(shipped());
    f.clock.time = *parse_time("2026-11-21T12:00:00Z");  // a Saturday: DeepSeek's off-peak
    Usage usage = tokens(1'000'000, 0);
    const auto input = [&](const char* kind, const char* model) {
        CAPTURE(model);
        usage = tokens(10'000, 0);
        return f.nano(kind, model, usage) / 10;  // per million tokens, in micro-dollars
    };
    const auto output = [&](const char* kind, const char* model) {
        usage = tokens(0, 10'000);
        return f.nano(kind, model, usage) / 10;
    };
    struct Row {
        const char* kind;
        const char* model;
        std::int64_t in, out;
    };
    for (const Row& row : {Row{"anthropic", "claude-opus-5-5", 4'000'000, 20'000'000},
                           Row{"anthropic", "claude-haiku-5-5", 100'000, 500'000},
                           Row{"anthropic", "claude-sonnet-5", 2'000'000, 10'000'000},
                           Row{"anthropic", "claude-fable-5-2", 8'000'000, 40'000'000},
                           Row{"anthropic", "claude-opus-4-5-20251101", 5'000'000, 25'000'000},
                           Row{"anthropic", "claude-opus-4-1-20250805", 15'000'000, 75'000'000},
                           Row{"anthropic", "claude-haiku-4-5-20251001", 1'000'000, 5'000'000},
                           Row{"anthropic", "claude-sonnet-4-20250514", 3'000'000, 15'000'000},
                           Row{"anthropic", "claude-sonnet-4-0", 3'000'000, 15'000'000},
                           Row{"anthropic", "claude-3-opus-20240229", 15'000'000, 75'000'000},
                           Row{"openai", "gpt-6.1-sol", 2'000'000, 10'000'000},
                           Row{"openai", "gpt-5.6-sol", 4'000'000, 20'000'000},
                           Row{"openai", "gpt-5.5-2026-04-23", 5'000'000, 30'000'000},
                           Row{"openai", "gpt-5.4", 2'500'000, 15'000'000},
                           Row{"openai", "gpt-5.2-2025-12-11", 1'750'000, 14'000'000},
                           Row{"openai", "gpt-5-codex", 1'250'000, 10'000'000},
                           Row{"openai", "gpt-5-nano-2025-08-07", 50'000, 400'000},
                           Row{"openai", "gpt-4.1-2025-04-14", 2'000'000, 8'000'000},
                           Row{"openai", "gpt-4.1-nano", 100'000, 400'000},
                           Row{"openai", "gpt-4o-2024-08-06", 2'500'000, 10'000'000},
                           Row{"openai", "gpt-4o-mini-2024-07-18", 150'000, 600'000},
                           Row{"openai", "o4-mini-2025-04-16", 1'100'000, 4'400'000},
                           Row{"azure-openai", "gpt-35-turbo", 500'000, 1'500'000},
                           Row{"gemini", "models/gemini-2.5-flash", 300'000, 2'500'000},
                           Row{"gemini", "gemini-3.1-pro-preview", 2'000'000, 12'000'000},
                           Row{"gemini", "gemini-3.5-flash", 1'500'000, 9'000'000},
                           Row{"gemini", "gemini-3.8-flash", 750'000, 3'750'000},
                           Row{"deepseek", "deepseek-v4-pro", 660'000, 1'980'000},
                           Row{"deepseek", "deepseek-v4-flash", 150'000, 600'000},
                           Row{"xai", "grok-4.3", 1'250'000, 2'500'000},
                           Row{"mistral", "mistral-small-latest", 150'000, 600'000},
                           Row{"mistral", "magistral-medium-latest", 2'000'000, 5'000'000},
                           Row{"qwen", "qwen3-max", 1'200'000, 6'000'000},
                           Row{"moonshot", "kimi-k3", 3'000'000, 15'000'000},
                           Row{"kimi", "kimi-k2.6", 950'000, 4'000'000},
                           Row{"glm", "GLM-4.7", 600'000, 2'200'000},
                           Row{"zhipu", "glm-5.3", 1'400'000, 4'400'000},
                           Row{"groq", "openai/gpt-oss-120b", 150'000, 600'000},
                           Row{"groq", "llama-3.3-70b-versatile", 590'000, 790'000},
                           Row{"new-api", "claude-opus-5-5", 4'000'000, 20'000'000},
                           Row{"demo", "gpt-5.4", 2'500'000, 15'000'000}}) {
        CAPTURE(row.model);
        CHECK(input(row.kind, row.model) == row.in);
        CHECK(output(row.kind, row.model) == row.out);
    }
    CHECK(f.tariff("openai", "gpt-4.1-nano-wrong") == "unpriced");
    CHECK(f.tariff("openai", "gpt-5.5-preview") == "unpriced");
    CHECK(f.tariff("anthropic", "claude-opus-5-6") == "unpriced");
}

TEST_CASE("dated facts of the built-in list") {
    Fixture f(shipped());
    Usage read;
    read.cache_read = 1'000'000;
    f.clock.time = *parse_time("2026-10-06");
    CHECK(f.nano("anthropic", "claude-sonnet-5-5", read) == 200'000'000);
    f.clock.time = *parse_time("2026-10-07");
    CHECK(f.nano("anthropic", "claude-sonnet-5-5", read) == 100'000'000);
    f.clock.time = *parse_time("2026-03-12");
    CHECK(f.nano("anthropic", "claude-opus-4-6", tokens(200'001, 0)) == 200'001ll * 10'000);
    f.clock.time = *parse_time("2026-03-13");
    CHECK(f.nano("anthropic", "claude-opus-4-6", tokens(200'001, 0)) == 200'001ll * 5'000);
    f.clock.time = *parse_time("2026-12-31T23:59:59Z");
    CHECK(f.nano("gemini", "gemini-3.8-flash", tokens(1000, 0)) == 750'000);
    f.clock.time = *parse_time("2027-01-01");
    CHECK(f.nano("gemini", "gemini-3.8-flash", tokens(1000, 0)) == 1'500'000);
}

TEST_CASE("prices that depend on the hour") {
    Fixture f(shipped());
    const auto at = [&](const char* time) {
        f.clock.time = *parse_time(time);
        return f.nano("deepseek", "deepseek-flash", tokens(1'000'000, 0));
    };
    CHECK(at("2026-11-20T00:59:59.999999Z") == 150'000'000);  // Friday
    CHECK(at("2026-11-20T01:00:00Z") == 300'000'000);
    CHECK(at("2026-11-20T03:59:59Z") == 300'000'000);
    CHECK(at("2026-11-20T04:00:00Z") == 150'000'000);
    CHECK(at("2026-11-20T06:00:00Z") == 300'000'000);
    CHECK(at("2026-11-20T10:00:00Z") == 150'000'000);
    CHECK(at("2026-11-21T02:00:00Z") == 150'000'000);  // Saturday
    CHECK(at("2026-11-22T02:00:00Z") == 150'000'000);
    CHECK(at("2026-11-23T02:00:00Z") == 300'000'000);
    CHECK(f.tariff("deepseek", "deepseek-flash") == "deepseek/deepseek-flash@2026-09-10/peak");
}

TEST_CASE("pictures that cost unlike text have no price where the usage does not tell them apart") {
    Fixture f(shipped());
    Usage usage = tokens(1000, 500);
    usage.images = 1;
    CHECK_FALSE(f.price("openai", "gpt-image-1", usage).has_value());
    usage.image_input = 400;
    CHECK(f.nano("openai", "gpt-image-1", usage) == 600 * 5'000 + 400 * 10'000 + 500 * 40'000);
    usage.image_input = 0;
    CHECK(f.nano("openai", "gpt-image-1", usage) == 1000 * 5'000 + 500 * 40'000);
    Usage made = tokens(10, 1300);
    made.image_output = 1290;
    CHECK(f.nano("gemini", "gemini-2.5-flash-image", made) == 10 * 300 + 10 * 2'500 + 1290 * 30'000);
}

TEST_CASE("a price file with a mistake is refused by name") {
    const auto refused = [](const std::string& entry) {
        const auto read = billing::read_price_file(
            R"({"sources":{"s":{"url":"https://x","checked":"2026-01-01"}},"prices":[)" + entry + "]}");
        REQUIRE_FALSE(read.has_value());
        return read.error().message;
    };
    const auto with = [](const std::string& rates, const std::string& more = {}) {
        return R"({"vendor":"v","model":"m-1","from":"2026-01-01","source":"s",)" + more + R"("rates":)" + rates + "}";
    };
    CHECK(refused(with(R"({"standard":{"input":"1"}})", R"("price":1,)")).find("m-1") != std::string::npos);
    CHECK(refused(with(R"({"standard":{"inputs":"1"}})")).find("`inputs`") != std::string::npos);
    CHECK(refused(with(R"({"standard":{"input":1}})")).find("decimal text") != std::string::npos);
    CHECK(refused(with(R"({"standard":{"input":"-1"}})")).find("`-1`") != std::string::npos);
    CHECK(refused(with(R"({"standard":{}})")).find("no price") != std::string::npos);
    CHECK(refused(with(R"({})")).find("no price") != std::string::npos);
    CHECK(refused(with(R"({"standard>0":{"input":"1"}})")).find("`0`") != std::string::npos);
    CHECK(refused(with(R"({"standard>200000":{"input":"1"}})")).find("short requests") != std::string::npos);
    CHECK(refused(with(R"({"batch":{"times":"0.5"}})")).find("`times`") != std::string::npos);
    CHECK(refused(with(R"({"standard":{"input":"0.000001"},"batch":{"times":"0.3"}})")).find("whole pico") !=
          std::string::npos);
    CHECK(refused(with(R"({"standard":{"input":"1"}})", R"("until":"2025-01-01",)")).find("`until`") !=
          std::string::npos);
    CHECK(
        refused(with(R"({"standard":{"input":"1"}})", R"("hours":{"name":"p","days":"mon-fri","utc":["4:00-01:00"]},)"))
            .find("`hours`") != std::string::npos);
    CHECK(refused(R"({"vendor":"v","model":"m-1","from":"2026-01-01","source":"t","rates":{"standard":{"input":"1"}}})")
              .find("`t`") != std::string::npos);
    CHECK(refused("7").find("prices[0]") != std::string::npos);
    CHECK_FALSE(billing::read_price_file("{").has_value());
    CHECK_FALSE(billing::read_price_file("[]").has_value());
    Fixture f;
    BillingSettings settings;
    settings.builtin_prices = "{";
    CHECK_FALSE(make_billing(settings, *f.store, f.clock).has_value());
}

TEST_CASE("a length or a tier without a list price is unpriced, not priced as its neighbour") {
    Fixture f(shipped());
    Usage usage = tokens(272'000, 10);
    usage.service_tier = "priority";
    CHECK(f.price("openai", "gpt-5.5", usage).has_value());
    usage.input = 272'001;
    CHECK_FALSE(f.price("openai", "gpt-5.5", usage).has_value());
    usage.service_tier = "default";
    CHECK(f.nano("openai", "gpt-5.5", usage) == 272'001ll * 10'000 + 10 * 45'000);
    usage.service_tier = "scale";
    CHECK_FALSE(f.price("openai", "gpt-5.5", usage).has_value());
    CHECK(f.price("xai", "grok-4-fast", tokens(128'000, 1)).has_value());
    CHECK_FALSE(f.price("xai", "grok-4-fast", tokens(128'001, 1)).has_value());
    Usage fast = tokens(1000, 1000);
    fast.service_tier = "fast";
    CHECK(f.nano("anthropic", "claude-opus-5-5", fast) == 8'000'000 + 40'000'000);
    CHECK(f.nano("openai", "gpt-6.1-sol", fast) == 4'000'000 + 20'000'000);
    CHECK_FALSE(f.price("anthropic", "claude-haiku-5-5", fast).has_value());
}
