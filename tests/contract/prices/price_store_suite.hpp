#pragma once
// What every PriceStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include "lurus/store/prices.hpp"
#include "tests/contract/two_handles.hpp"

namespace lurus::test {

inline StoredPrice price_of(std::string model, UnixMicros from, std::string rates, std::int64_t version = 0) {
    StoredPrice price;
    price.own = true;
    price.vendor = "acme";
    price.model = std::move(model);
    price.from = from;
    price.source = "a test";
    price.rates = std::move(rates);
    price.version = version;
    return price;
}

/// The own price of that model and date; its version is 0 when there is none.
inline StoredPrice stored(PriceStore& store, const std::string& model, UnixMicros from) {
    for (const auto& price : got(store.all()).prices) {
        if (price.own && price.model == model && price.from == from) return price;
    }
    return {};
}

TEST_CASE_TEMPLATE_DEFINE("prices: what one handle writes, the other reads", Adapter, prices_read_your_writes) {
    Adapter adapter;
    auto price = price_of("m", 5, R"({"a":1})");
    price.own = false;
    price.until = 9;
    done(adapter.one().put({price}, 100));
    for (PriceStore* store : {&adapter.one(), &adapter.two()}) {
        const auto all = got(store->all()).prices;
        REQUIRE(all.size() == 1);
        CHECK_FALSE(all[0].own);
        CHECK(all[0].vendor == "acme");
        CHECK(all[0].model == "m");
        CHECK(all[0].from == 5);
        CHECK(all[0].until == 9);
        CHECK(all[0].source == "a test");
        CHECK(all[0].rates == R"({"a":1})");
        CHECK(all[0].version != 0);
    }
}

TEST_CASE_TEMPLATE_DEFINE("prices: a replacement names the version that it read", Adapter, prices_compare_and_set) {
    Adapter adapter;
    done(adapter.one().put({price_of("m", 1, "first")}, 100));
    const auto before = stored(adapter.two(), "m", 1);
    done(adapter.two().put({price_of("m", 1, "second", before.version)}, 101));
    const auto late = adapter.one().put({price_of("m", 1, "third", before.version)}, 102);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ErrorCode::conflict);
    CHECK(adapter.one().put({price_of("m", 1, "fourth")}, 103).error().code == ErrorCode::conflict);
    CHECK(stored(adapter.one(), "m", 1).rates == "second");
    // All or none.
    const auto now = stored(adapter.one(), "m", 1);
    CHECK_FALSE(adapter.one().put({price_of("other", 1, "x"), price_of("m", 1, "y", before.version)}, 104).has_value());
    CHECK(stored(adapter.one(), "other", 1).version == 0);
    CHECK(stored(adapter.one(), "m", 1).version == now.version);
}

TEST_CASE_TEMPLATE_DEFINE("prices: of two at once one wins", Adapter, prices_race) {
    Adapter adapter;
    for (int round = 0; round < 20; ++round) {
        const std::string model = "m" + std::to_string(round);
        const auto put = [&](PriceStore& store, std::int64_t version, const char* who) {
            return [&store, model, version, who] {
                return store.put({price_of(model, 1, who, version)}, 100).has_value();
            };
        };
        CHECK(winners(put(adapter.one(), 0, "one"), put(adapter.two(), 0, "two")) == 1);
        const auto version = stored(adapter.one(), model, 1).version;
        CHECK(winners(put(adapter.one(), version, "three"), put(adapter.two(), version, "four")) == 1);
    }
}

TEST_CASE_TEMPLATE_DEFINE("prices: removal takes every date of an own price, and no import", Adapter, prices_removal) {
    Adapter adapter;
    auto imported = price_of("m", 1, "imported");
    imported.own = false;
    done(adapter.one().put({price_of("m", 1, "a"), price_of("m", 2, "b"), price_of("n", 1, "c"), imported}, 100));
    done(adapter.two().remove_own("acme", "m", std::nullopt));
    CHECK(got(adapter.one().all()).prices.size() == 2);
    CHECK(adapter.one().remove_own("acme", "m", std::nullopt).error().code == ErrorCode::not_found);
    const auto before = stored(adapter.one(), "m", 1);
    done(adapter.one().put({price_of("m", 1, "again")}, 200));
    CHECK(stored(adapter.one(), "m", 1).version != before.version);
}

/// Of all prices of that model, 0 = it never had one.
inline std::int64_t version_of(PriceStore& store, const std::string& model) {
    const auto versions = got(store.all()).versions;
    const auto at = versions.find(model);
    return at == versions.end() ? 0 : at->second;
}

TEST_CASE_TEMPLATE_DEFINE("prices: those of a model have a version together, which never comes back", Adapter,
                          prices_of_a_model) {
    Adapter adapter;
    auto imported = price_of("m", 1, "imported");
    imported.own = false;
    CHECK(version_of(adapter.two(), "m") == 0);
    done(adapter.one().put({imported, price_of("other", 1, "x")}, 100));
    const auto first = version_of(adapter.two(), "m");
    CHECK(first > 0);
    CHECK(adapter.two().put_own(price_of("m", 2, "a"), 0, 101).error().code == ErrorCode::conflict);
    const auto second = got(adapter.two().put_own(price_of("m", 2, "a"), first, 101));
    CHECK(second > first);
    CHECK(version_of(adapter.one(), "m") == second);
    // A price of another date is another row, and a change of the same model.
    CHECK(adapter.one().put_own(price_of("m", 3, "b"), first, 102).error().code == ErrorCode::conflict);
    CHECK(adapter.one().remove_own("acme", "m", first).error().code == ErrorCode::conflict);
    CHECK(stored(adapter.one(), "m", 2).rates == "a");
    CHECK(stored(adapter.one(), "m", 3).version == 0);
    // As the row's own version: what it refuses changes no model's.
    CHECK(adapter.one().put_own(price_of("m", 2, "c"), second, 103).error().code == ErrorCode::conflict);
    CHECK(version_of(adapter.one(), "m") == second);
    done(adapter.one().remove_own("acme", "m", second));
    const auto third = version_of(adapter.two(), "m");
    CHECK(third > second);
    CHECK(got(adapter.two().put_own(price_of("m", 2, "a"), std::nullopt, 104)) > third);
    CHECK(version_of(adapter.one(), "other") == version_of(adapter.two(), "other"));
    const auto fresh = got(adapter.one().put_own(price_of("new", 1, "a"), 0, 105));
    CHECK(version_of(adapter.two(), "new") == fresh);
}

TEST_CASE_TEMPLATE_DEFINE("prices: of two that change what they read of a model one wins", Adapter, prices_model_race) {
    Adapter adapter;
    for (int round = 0; round < 20; ++round) {
        const auto read = version_of(adapter.one(), "m");
        const auto put = [&](PriceStore& store, UnixMicros from) {
            return [&store, from, read] { return store.put_own(price_of("m", from, "x"), read, 100).has_value(); };
        };
        CHECK(winners(put(adapter.one(), 2 * round), put(adapter.two(), 2 * round + 1)) == 1);
    }
    CHECK(got(adapter.one().all()).prices.size() == 20);
}

TEST_CASE_TEMPLATE_DEFINE("prices: the feed tells both handles what changed, in order", Adapter, prices_feed) {
    Adapter adapter;
    ChangeFeed& feed = adapter.two().changes();
    CHECK(head_of(feed) == 0);
    done(adapter.one().put({price_of("b", 1, "x")}, 100));
    done(adapter.two().put({price_of("a", 1, "x")}, 101));
    const auto first = changes_after(feed, 0);
    REQUIRE(first.size() == 2);
    CHECK(first[0].contains("/b@"));
    CHECK(first[1].contains("/a@"));
    const auto seen = head_of(feed);
    CHECK(changes_after(feed, seen).empty());
    CHECK_FALSE(adapter.one().put({price_of("a", 1, "refused")}, 102).has_value());
    CHECK(head_of(feed) == seen);
    done(adapter.one().remove_own("acme", "b", std::nullopt));
    CHECK(changes_after(feed, seen) == std::vector{"-" + first[0]});
    CHECK(changes_after(adapter.one().changes(), 0) == std::vector{first[1], "-" + first[0]});
}

}  // namespace lurus::test

#define LURUS_PRICE_STORE_SUITE(Adapter)                         \
    TEST_CASE_TEMPLATE_INVOKE(prices_read_your_writes, Adapter); \
    TEST_CASE_TEMPLATE_INVOKE(prices_compare_and_set, Adapter);  \
    TEST_CASE_TEMPLATE_INVOKE(prices_race, Adapter);             \
    TEST_CASE_TEMPLATE_INVOKE(prices_removal, Adapter);          \
    TEST_CASE_TEMPLATE_INVOKE(prices_of_a_model, Adapter);       \
    TEST_CASE_TEMPLATE_INVOKE(prices_model_race, Adapter);       \
    TEST_CASE_TEMPLATE_INVOKE(prices_feed, Adapter)
