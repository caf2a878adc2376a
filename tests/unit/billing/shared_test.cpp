// Two processes over one database.
#include "tests/unit/billing/fixture.hpp"

using namespace lurus;
using namespace lurus::test;

TEST_CASE("prices: what another process changes is taken over, and told once") {
    Fixture f;
    auto opened = sql::open_sqlite(f.folder.path / "lurus.db", {"billing"});
    REQUIRE(opened.has_value());
    const auto store = make_price_store(**opened);
    BillingSettings settings;
    settings.builtin_prices = sample_prices;
    const auto other = make_billing(settings, *store, f.clock);
    REQUIRE(other.has_value());
    int told = 0;
    (*other)->on_change([&] { ++told; });
    PriceQuery query;
    query.provider_kind = "openai";
    query.provider = "p";
    query.upstream_model = "gpt-4o";
    query.time = f.clock.now();
    const auto costs = [&] {
        const auto cost = (*other)->snapshot()->price(query, tokens(1000, 0));
        return cost ? cost->total.nano_usd : -1;
    };
    CHECK(costs() == 2'500'000);
    REQUIRE(f.call("PUT", "/api/v1/prices/{model}", R"({"vendor":"openai","rates":{"standard":{"input":"7"}}})", {},
                   "gpt-4o")
                .status == 200);
    CHECK(costs() == 2'500'000);
    REQUIRE((*other)->refresh().has_value());
    CHECK(costs() == 7'000'000);
    CHECK(told == 1);
    REQUIRE((*other)->refresh().has_value());
    CHECK(told == 1);
    REQUIRE(f.call("DELETE", "/api/v1/prices/{model}", "", {{"vendor", "openai"}}, "gpt-4o").status == 204);
    REQUIRE((*other)->refresh().has_value());
    CHECK(costs() == 2'500'000);
    CHECK(told == 2);
}
