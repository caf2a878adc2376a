#pragma once
// What every BackgroundStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include "lurus/store/background.hpp"
#include "tests/contract/two_handles.hpp"

namespace lurus::test {

inline Id background_id(char digit) {
    return *Id::parse(std::string(32, digit));
}

inline BackgroundAnswer background_answer(std::string id, UnixMicros time = 100) {
    BackgroundAnswer answer;
    answer.id = std::move(id);
    answer.record_id = background_id('1');
    answer.time = time;
    answer.model = "fast";
    answer.upstream_model = "gpt-5";
    answer.key = "ci";
    answer.user = "ann";
    answer.key_id = background_id('2');
    answer.org_id = background_id('3');
    answer.input_tokens = 7;
    answer.output_tokens = 1024;
    return answer;
}

TEST_CASE_TEMPLATE_DEFINE("background: an answer is booked once, whoever reads it", Adapter, background_once) {
    Adapter adapter;
    const Id node = background_id('a'), record = background_id('b');
    CHECK_FALSE(got(adapter.two().claim("resp_1", node, record)).has_value());
    done(adapter.one().add(background_answer("resp_1"), 0));
    const auto claimed = got(adapter.two().claim("resp_1", node, record));
    REQUIRE(claimed.has_value());
    CHECK(*claimed == background_answer("resp_1"));
    CHECK_FALSE(got(adapter.one().claim("resp_1", background_id('c'), background_id('d'))).has_value());
    // Asked for again, as it comes in two records: it stays claimed.
    done(adapter.one().add(background_answer("resp_1"), 0));
    CHECK_FALSE(got(adapter.one().claim("resp_1", node, record)).has_value());
    done(adapter.two().booked("resp_1"));
    CHECK_FALSE(got(adapter.one().claim("resp_1", node, record)).has_value());
    CHECK(got(adapter.one().claims(node)).empty());
}

TEST_CASE_TEMPLATE_DEFINE("background: a claim whose record never came is released", Adapter, background_release) {
    Adapter adapter;
    const Id node = background_id('a'), other = background_id('e');
    done(adapter.one().add(background_answer("resp_1"), 0));
    done(adapter.one().add(background_answer("resp_2"), 0));
    CHECK(got(adapter.one().claim("resp_1", node, background_id('b'))).has_value());
    CHECK(got(adapter.one().claim("resp_2", other, background_id('c'))).has_value());
    const auto claims = got(adapter.two().claims(node));
    REQUIRE(claims.size() == 1);
    CHECK(claims[0].id == "resp_1");
    CHECK(claims[0].record_id == background_id('b'));
    done(adapter.two().release("resp_1"));
    CHECK(got(adapter.two().claims(node)).empty());
    CHECK(got(adapter.one().claim("resp_1", other, background_id('f'))).has_value());
}

TEST_CASE_TEMPLATE_DEFINE("background: what is too old is forgotten", Adapter, background_old) {
    Adapter adapter;
    done(adapter.one().add(background_answer("resp_1", 100), 0));
    done(adapter.one().add(background_answer("resp_2", 300), 200));
    CHECK_FALSE(got(adapter.two().claim("resp_1", background_id('a'), background_id('b'))).has_value());
    CHECK(got(adapter.two().claim("resp_2", background_id('a'), background_id('b'))).has_value());
}

TEST_CASE_TEMPLATE_DEFINE("background: of two at once one gets it", Adapter, background_race) {
    Adapter adapter;
    for (int round = 0; round < 50; ++round) {
        const std::string id = "resp_" + std::to_string(round);
        done(adapter.one().add(background_answer(id), 0));
        const auto claim = [&](BackgroundStore& store, char node) {
            return [&store, id, node] {
                const auto claimed = store.claim(id, background_id(node), background_id(node));
                return claimed.has_value() && claimed->has_value();
            };
        };
        CHECK(winners(claim(adapter.one(), 'a'), claim(adapter.two(), 'b')) == 1);
    }
}

}  // namespace lurus::test

#define LURUS_BACKGROUND_STORE_SUITE(Adapter)               \
    TEST_CASE_TEMPLATE_INVOKE(background_once, Adapter);    \
    TEST_CASE_TEMPLATE_INVOKE(background_release, Adapter); \
    TEST_CASE_TEMPLATE_INVOKE(background_old, Adapter);     \
    TEST_CASE_TEMPLATE_INVOKE(background_race, Adapter)
