#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "../world.hpp"
#include "core/db/sql_sqlite.hpp"
#include "lurus/billing.hpp"
#include "lurus/store/prices.hpp"

namespace lurus::test {

// Invented vendors' prices, shaped like the real ones.
inline constexpr const char* sample_prices = R"({
 "sources": {"page": {"url": "https://example.com/pricing", "checked": "2026-11-01"}},
 "prices": [
  {"vendor": "anthropic", "model": "claude-sonnet-4-5", "aliases": ["claude-sonnet-4.5"], "from": "2025-09-29", "source": "page",
   "rates": {
    "standard": {"input": "3", "output": "15", "cache_read": "0.30", "cache_write_5m": "3.75", "cache_write_1h": "6", "web_search": "10"},
    "standard>200000": {"input": "6", "output": "22.50", "cache_read": "0.60", "cache_write_5m": "7.50", "cache_write_1h": "12"},
    "batch": {"times": "0.5"}}},
  {"vendor": "openai", "model": "gpt-4o", "from": "2024-05-13", "until": "2024-10-02", "source": "page",
   "rates": {"standard": {"input": "5", "output": "15"}}},
  {"vendor": "openai", "model": "gpt-4o", "from": "2024-10-02", "source": "page",
   "rates": {"standard": {"input": "2.50", "output": "10", "cache_read": "1.25"}, "priority": {"input": "4.25", "output": "17", "cache_read": "2.125"}}},
  {"vendor": "openai", "model": "gpt-4o-2024-05-13", "from": "2024-05-13", "source": "page",
   "rates": {"standard": {"input": "5", "output": "15"}}},
  {"vendor": "openai", "model": "gpt-4o-mini", "from": "2024-07-18", "source": "page",
   "rates": {"standard": {"input": "0.15", "output": "0.60", "cache_read": "0.075"}}},
  {"vendor": "openai", "model": "sounds", "from": "2024-07-18", "source": "page",
   "rates": {"standard": {"input": "2", "output": "8", "audio_input": "40", "audio_output": "80", "image": "0.04"}}},
  {"vendor": "gemini", "model": "thinker", "from": "2025-01-01", "source": "page",
   "rates": {"standard": {"input": "0.15", "output": "0.60", "reasoning": "3.50"}}},
  {"vendor": "groq", "model": "openai/gpt-oss-120b", "from": "2025-08-05", "source": "page",
   "rates": {"standard": {"input": "0.15", "output": "0.60"}}}
 ]})";

struct Fixture {
    TempFolder folder;
    SetClock clock;
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<PriceStore> store;
    std::unique_ptr<Billing> billing;

    explicit Fixture(const std::string& prices = sample_prices) {
        clock.time = *parse_time("2026-11-21T09:00:00Z");
        open(prices);
    }

    void open(const std::string& prices = sample_prices) {
        BillingSettings settings;
        settings.builtin_prices = prices;
        billing.reset();
        auto opened = sql::open_sqlite(folder.path / "lurus.db", {"billing"});
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
        store = make_price_store(**opened);
        database = *std::move(opened);
        auto made = make_billing(settings, *store, clock);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        billing = *std::move(made);
    }

    std::optional<Cost> price(std::string_view kind, std::string_view model, const Usage& usage,
                              std::string_view provider = "p") const {
        PriceQuery query;
        query.provider_kind = kind;
        query.provider = provider;
        query.upstream_model = model;
        query.time = clock.now();
        // The tariff's name lives in the snapshot, which the caller does not keep.
        static std::shared_ptr<const TariffSnapshot> kept;
        kept = billing->snapshot();
        return kept->price(query, usage);
    }

    std::int64_t nano(std::string_view kind, std::string_view model, const Usage& usage,
                      std::string_view provider = "p") const {
        const auto cost = price(kind, model, usage, provider);
        return cost ? cost->total.nano_usd : -1;
    }

    std::string tariff(std::string_view kind, std::string_view model, std::string_view provider = "p") const {
        Usage one;
        one.input = 1;
        const auto cost = price(kind, model, one, provider);
        return cost ? std::string(cost->tariff) : "unpriced";
    }

    ApiResponse call(const std::string& method, const std::string& pattern, const std::string& body = {},
                     const std::map<std::string, std::string>& query = {}, const std::string& model = {}) {
        for (const auto& route : billing->api()) {
            if (route.method != method || route.path != pattern) continue;
            ApiRequest request;
            request.method = method;
            request.path = pattern;
            request.params["model"] = model;
            request.query = query;
            request.body = body;
            request.principal.kind = Principal::Kind::admin_token;
            return route.handler(request);
        }
        FAIL("no route " << method << " " << pattern);
        return {};
    }
};

inline Usage tokens(std::int64_t input, std::int64_t output) {
    Usage usage;
    usage.input = input;
    usage.output = output;
    return usage;
}

}  // namespace lurus::test
