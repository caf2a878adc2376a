#pragma once
// What every FlagStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include "lurus/store/flags.hpp"
#include "tests/contract/two_handles.hpp"

namespace lurus::test {

inline StoredFlag flag_set(std::string name, std::string value, std::int64_t version = 0) {
    StoredFlag flag;
    flag.name = std::move(name);
    flag.value = std::move(value);
    flag.version = version;
    return flag;
}

TEST_CASE_TEMPLATE_DEFINE("flags: what one handle writes, the other reads", Adapter, flags_read_your_writes) {
    Adapter adapter;
    const auto version = got(adapter.one().set(flag_set("log.bodies", R"("all")"), 100));
    for (FlagStore* store : {&adapter.one(), &adapter.two()}) {
        const auto all = got(store->all());
        REQUIRE(all.size() == 1);
        CHECK(all[0].name == "log.bodies");
        CHECK(all[0].value == R"("all")");
        CHECK(all[0].version == version);
    }
    done(adapter.two().unset("log.bodies", version));
    CHECK(got(adapter.one().all()).empty());
}

TEST_CASE_TEMPLATE_DEFINE("flags: a change names the version that it read", Adapter, flags_compare_and_set) {
    Adapter adapter;
    const auto first = got(adapter.one().set(flag_set("f", "1"), 100));
    CHECK(adapter.two().set(flag_set("f", "2"), 101).error().code == ErrorCode::conflict);
    const auto second = got(adapter.two().set(flag_set("f", "3", first), 102));
    CHECK(adapter.one().set(flag_set("f", "4", first), 103).error().code == ErrorCode::conflict);
    CHECK(adapter.one().unset("f", first).error().code == ErrorCode::conflict);
    CHECK(got(adapter.one().all()).at(0).value == "3");
    done(adapter.one().unset("f", second));
    CHECK(adapter.one().unset("f", second).error().code == ErrorCode::conflict);
    const auto third = got(adapter.one().set(flag_set("f", "5"), 200));
    CHECK(third != first);
    CHECK(third != second);
}

TEST_CASE_TEMPLATE_DEFINE("flags: of two at once one wins", Adapter, flags_race) {
    Adapter adapter;
    std::int64_t version = 0;
    for (int round = 0; round < 20; ++round) {
        const auto set = [&](FlagStore& store, std::string value) {
            return [&store, value, version] { return store.set(flag_set("f", value, version), 100).has_value(); };
        };
        CHECK(winners(set(adapter.one(), "1"), set(adapter.two(), "2")) == 1);
        version = got(adapter.one().all()).at(0).version;
    }
}

TEST_CASE_TEMPLATE_DEFINE("flags: the feed tells both handles what changed, in order", Adapter, flags_feed) {
    Adapter adapter;
    ChangeFeed& feed = adapter.two().changes();
    CHECK(head_of(feed) == 0);
    const auto version = got(adapter.one().set(flag_set("b", "1"), 100));
    got(adapter.two().set(flag_set("a", "1"), 101));
    CHECK(changes_after(feed, 0) == std::vector<std::string>{"b", "a"});
    const auto seen = head_of(feed);
    CHECK_FALSE(adapter.one().set(flag_set("a", "2"), 102).has_value());
    CHECK(head_of(feed) == seen);
    done(adapter.one().unset("b", version));
    CHECK(changes_after(feed, seen) == std::vector<std::string>{"-b"});
    CHECK(changes_after(adapter.one().changes(), 0) == std::vector<std::string>{"a", "-b"});
}

}  // namespace lurus::test

#define LURUS_FLAG_STORE_SUITE(Adapter)                         \
    TEST_CASE_TEMPLATE_INVOKE(flags_read_your_writes, Adapter); \
    TEST_CASE_TEMPLATE_INVOKE(flags_compare_and_set, Adapter);  \
    TEST_CASE_TEMPLATE_INVOKE(flags_race, Adapter);             \
    TEST_CASE_TEMPLATE_INVOKE(flags_feed, Adapter)
