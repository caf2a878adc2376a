#pragma once
// What every KeyStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include "lurus/store/keys.hpp"
#include "tests/contract/two_handles.hpp"

namespace lurus::test {

inline KeyInfo key_called(const std::string& id, const std::string& name) {
    KeyInfo key;
    key.id = id;
    key.name = name;
    key.source = "store";
    key.created = 1000;
    for (std::size_t i = 0; i < key.hash.size() && i < id.size(); ++i) key.hash[i] = static_cast<std::uint8_t>(id[i]);
    return key;
}

inline KeyInfo stored_key(KeyStore& store, const std::string& id) {
    const auto found = got(store.find(id));
    REQUIRE(found.has_value());
    return *found;
}

TEST_CASE_TEMPLATE_DEFINE("keys: what one handle writes, the other reads whole", Adapter, keys_round_trip) {
    Adapter adapter;
    KeyInfo key = key_called("a", "laptop");
    key.user = "member";
    key.team = "team";
    key.tags = {"x", "y \"quoted\""};
    key.hint = "cr_…wxyz";
    key.note = "a note";
    key.expires = 5000;
    key.expires_after = 60;
    key.disabled = true;
    key.models = {"claude-*"};
    key.families = {Family::anthropic};
    key.old = {OldKey{key.hash, "cr_…abcd", 4000}, OldKey{key_called("b", "").hash, "", 5000}};
    KeyBounds bounds;
    bounds.disabled = true;
    bounds.expires = 7000;
    bounds.expires_after = 80;
    bounds.team = "team";
    bounds.models = {"claude-*"};
    bounds.deny_models = {"*opus*"};
    bounds.user_agents = {"claude-cli/*"};
    bounds.families = {Family::anthropic, Family::openai};
    bounds.ips = {IpRange::parse("10.0.0.0/8").value()};
    key.bounds = std::make_shared<const KeyBounds>(bounds);
    done(adapter.one().insert(key));
    for (const auto& read : {stored_key(adapter.two(), "a"), got(adapter.two().load()).at(0)}) {
        CHECK(read.name == "laptop");
        CHECK(read.org == default_org);
        CHECK(read.user == "member");
        CHECK(read.team == "team");
        CHECK(read.tags == key.tags);
        CHECK(read.hint == key.hint);
        CHECK(read.note == key.note);
        CHECK(read.source == "store");
        CHECK(read.created == 1000);
        CHECK(read.expires == 5000);
        CHECK(read.expires_after == 60);
        CHECK_FALSE(read.last_used.has_value());
        CHECK(read.disabled);
        CHECK(read.models == key.models);
        CHECK(read.families == key.families);
        REQUIRE(read.bounds);
        CHECK(*read.bounds == bounds);
        CHECK(read.hash == key.hash);
        CHECK(read.old == key.old);
        CHECK(read.version == 1);
    }
    CHECK_FALSE(got(adapter.two().find("b")).has_value());
}

TEST_CASE_TEMPLATE_DEFINE("keys: a name and a hash are taken once, also after the key was revoked", Adapter,
                          keys_unique) {
    Adapter adapter;
    done(adapter.one().insert(key_called("a", "laptop")));
    CHECK(adapter.two().insert(key_called("b", "laptop")).error().code == ErrorCode::conflict);
    KeyInfo same_value = key_called("c", "other");
    same_value.hash = key_called("a", "").hash;
    CHECK(adapter.two().insert(same_value).error().code == ErrorCode::conflict);
    CHECK(got(adapter.two().revoke({"a", "nobody"}, 2000, false)) == std::vector<std::string>{"a"});
    CHECK(got(adapter.one().revoke({"a"}, 2000, false)).empty());
    CHECK(got(adapter.one().load()).empty());
    CHECK_FALSE(got(adapter.one().find("a")).has_value());
    done(adapter.one().insert(key_called("b", "laptop")));
    CHECK(adapter.one().insert(same_value).error().code == ErrorCode::conflict);
}

TEST_CASE_TEMPLATE_DEFINE("keys: the one of a name and owner that was revoked last is found", Adapter,
                          keys_last_revoked) {
    Adapter adapter;
    const auto revoked = [&](const std::string& owner) {
        const auto found = got(adapter.two().last_revoked(default_org, owner, "laptop"));
        return found ? found->id : std::string();
    };
    CHECK(revoked("member").empty());
    for (const auto& [id, owner, when] :
         {std::tuple("a", "member", 10), std::tuple("b", "member", 30), std::tuple("c", "other", 20)}) {
        KeyInfo key = key_called(id, "laptop");
        key.user = owner;
        done(adapter.one().insert(key));
        CHECK(revoked(owner) != id);
        got(adapter.one().revoke({id}, when, false));
    }
    CHECK(revoked("member") == "b");
    CHECK(revoked("other") == "c");
    CHECK(revoked("nobody").empty());
}

TEST_CASE_TEMPLATE_DEFINE("keys: an update is of the version that was read", Adapter, keys_compare_and_set) {
    Adapter adapter;
    done(adapter.one().insert(key_called("a", "laptop")));
    KeyInfo first = stored_key(adapter.one(), "a"), second = stored_key(adapter.two(), "a");
    first.note = "first";
    second.note = "second";
    CHECK(got(adapter.one().update(first)) == 2);
    const auto late = adapter.two().update(second);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == ErrorCode::conflict);
    CHECK(late.error().message.find("`laptop`") != std::string::npos);
    CHECK(stored_key(adapter.two(), "a").note == "first");
    second.version = 2;
    CHECK(got(adapter.two().update(second)) == 3);
    got(adapter.one().revoke({"a"}, 2000, false));
    second.version = 3;
    CHECK(adapter.two().update(second).error().code == ErrorCode::conflict);
}

TEST_CASE_TEMPLATE_DEFINE("keys: of two updates at once one wins", Adapter, keys_race) {
    Adapter adapter;
    done(adapter.one().insert(key_called("a", "laptop")));
    for (std::int64_t version = 1; version <= 20; ++version) {
        const auto update = [version](KeyStore& store, const char* note) {
            return [&store, version, note] {
                KeyInfo key = key_called("a", "laptop");
                key.version = version;
                key.note = note;
                return store.update(key).has_value();
            };
        };
        CHECK(winners(update(adapter.one(), "one"), update(adapter.two(), "two")) == 1);
        CHECK(stored_key(adapter.one(), "a").version == version + 1);
    }
}

TEST_CASE_TEMPLATE_DEFINE("keys: the feed tells of each key once, in order, and of revoked ones", Adapter, keys_feed) {
    Adapter adapter;
    ChangeFeed& feed = adapter.two().changes();
    CHECK(head_of(feed) == 0);
    done(adapter.one().insert(key_called("b", "b")));
    done(adapter.two().insert(key_called("a", "a")));
    CHECK(changes_after(feed, 0) == std::vector<std::string>{"b", "a"});
    const auto seen = head_of(feed);
    CHECK_FALSE(adapter.one().insert(key_called("c", "a")).has_value());
    KeyInfo stale = key_called("b", "b");
    stale.version = 9;
    CHECK_FALSE(adapter.one().update(stale).has_value());
    // When a key was used is no change of it.
    done(adapter.one().note_use({{"a", 7000}}));
    done(adapter.two().note_use({{"a", 6000}}));
    CHECK(head_of(feed) == seen);
    CHECK(stored_key(adapter.two(), "a").last_used == 7000);
    CHECK(stored_key(adapter.two(), "a").version == 1);
    got(adapter.one().update(stored_key(adapter.one(), "b")));
    got(adapter.two().revoke({"a"}, 2000, true));
    CHECK(changes_after(feed, seen) == std::vector<std::string>{"b", "-a"});
    CHECK(changes_after(adapter.one().changes(), 0) == std::vector<std::string>{"b", "-a"});
}

#define LURUS_KEY_STORE_SUITE(adapter)                        \
    TEST_CASE_TEMPLATE_INVOKE(keys_round_trip, adapter);      \
    TEST_CASE_TEMPLATE_INVOKE(keys_unique, adapter);          \
    TEST_CASE_TEMPLATE_INVOKE(keys_last_revoked, adapter);    \
    TEST_CASE_TEMPLATE_INVOKE(keys_compare_and_set, adapter); \
    TEST_CASE_TEMPLATE_INVOKE(keys_race, adapter);            \
    TEST_CASE_TEMPLATE_INVOKE(keys_feed, adapter)

}  // namespace lurus::test
