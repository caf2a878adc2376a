#pragma once
// What every IdempotencyStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include "lurus/store/idempotency.hpp"
#include "tests/contract/two_handles.hpp"

namespace lurus::test {

TEST_CASE_TEMPLATE_DEFINE("idempotency: a key is kept once, and its answer is the same for both", Adapter,
                          idempotency_answers) {
    Adapter adapter;
    CHECK_FALSE(got(adapter.one().reserve("ann", "key", "request", 100, 0)).has_value());
    auto begun = got(adapter.two().reserve("ann", "key", "another", 101, 0));
    REQUIRE(begun.has_value());
    CHECK(begun->request_hash == "request");
    CHECK(begun->answer.empty());
    const std::string answer("sealed\x00\xff", 8);
    done(adapter.one().finish("ann", "key", answer));
    begun = got(adapter.two().reserve("ann", "key", "request", 102, 0));
    REQUIRE(begun.has_value());
    CHECK(begun->answer == answer);
    // Another caller's key is another key.
    CHECK_FALSE(got(adapter.two().reserve("bob", "key", "request", 103, 0)).has_value());
}

TEST_CASE_TEMPLATE_DEFINE("idempotency: what is forgotten or too old may begin again", Adapter, idempotency_forgets) {
    Adapter adapter;
    CHECK_FALSE(got(adapter.one().reserve("ann", "key", "request", 100, 0)).has_value());
    done(adapter.two().forget("ann", "key"));
    CHECK_FALSE(got(adapter.one().reserve("ann", "key", "second", 200, 0)).has_value());
    CHECK(got(adapter.two().reserve("ann", "key", "third", 300, 200)).has_value());
    CHECK_FALSE(got(adapter.two().reserve("ann", "key", "fourth", 400, 201)).has_value());
}

TEST_CASE_TEMPLATE_DEFINE("idempotency: of two at once one gets the key", Adapter, idempotency_race) {
    Adapter adapter;
    for (int round = 0; round < 50; ++round) {
        const std::string key = "key" + std::to_string(round);
        const auto reserve = [&](IdempotencyStore& store, std::string request) {
            return [&store, key, request] {
                const auto begun = store.reserve("ann", key, request, 100, 0);
                return begun.has_value() && !begun->has_value();
            };
        };
        CHECK(winners(reserve(adapter.one(), "a"), reserve(adapter.two(), "b")) == 1);
    }
}

}  // namespace lurus::test

#define LURUS_IDEMPOTENCY_STORE_SUITE(Adapter)               \
    TEST_CASE_TEMPLATE_INVOKE(idempotency_answers, Adapter); \
    TEST_CASE_TEMPLATE_INVOKE(idempotency_forgets, Adapter); \
    TEST_CASE_TEMPLATE_INVOKE(idempotency_race, Adapter)
