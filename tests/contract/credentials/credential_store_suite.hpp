#pragma once
// What every CredentialStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include <algorithm>

#include "core/crypto/sha256.hpp"
#include "lurus/store/credentials.hpp"
#include "tests/contract/two_handles.hpp"

namespace lurus::test {

inline void add_session(CredentialStore& store, const std::string& id, const std::string& user,
                        const std::string& refresh) {
    SignInSession session;
    session.id = id;
    session.user = user;
    session.method = "password";
    session.created = 1000;
    session.expires = 9000;
    done(store.add_session(session, sha256("cookie of " + id), sha256(refresh)));
}

TEST_CASE_TEMPLATE_DEFINE("credentials: a session that one handle ends is over for the other", Adapter,
                          credentials_sessions) {
    Adapter adapter;
    add_session(adapter.one(), "s1", "ann", "r1");
    add_session(adapter.one(), "s2", "ann", "r2");
    const auto read = got(adapter.two().session_of_cookie(sha256("cookie of s1")));
    REQUIRE(read.has_value());
    CHECK(read->id == "s1");
    CHECK(read->browser);
    CHECK(read->live_at(2000));
    done(adapter.one().end_session("s1", "signed out", 2000));
    CHECK_FALSE(got(adapter.two().session("s1"))->live_at(2000));
    CHECK(got(adapter.two().sessions("ann", 2000)).size() == 1);
    done(adapter.two().set_password("ann", "hash", 0, 3000));
    CHECK(got(adapter.one().sessions("ann", 3000)).empty());
}

TEST_CASE_TEMPLATE_DEFINE("credentials: a change names the version that it read", Adapter,
                          credentials_compare_and_set) {
    Adapter adapter;
    const auto is_conflict = [](const auto& result) { return !result && result.error().code == ErrorCode::conflict; };
    done(adapter.one().set_password("ann", "first", 0, 1000));
    const auto first = *got(adapter.two().password("ann"));
    CHECK(is_conflict(adapter.two().set_password("ann", "second", 0, 1001)));
    const auto better = got(adapter.two().rehash_password("ann", "better", first.version));
    CHECK(got(adapter.one().password("ann"))->version == better);
    CHECK(is_conflict(adapter.one().rehash_password("ann", "late", first.version)));
    add_session(adapter.one(), "s1", "ann", "r1");
    CHECK(is_conflict(adapter.one().set_password("ann", "late", first.version, 1002)));
    CHECK(got(adapter.two().session("s1"))->live_at(1002));
    CHECK(got(adapter.two().password("ann"))->hash == "better");
    done(adapter.two().set_password("ann", "second", better, 1003));
    done(adapter.one().forget("ann"));
    CHECK(is_conflict(adapter.two().set_password("ann", "late", better + 1, 1004)));
    done(adapter.two().set_password("ann", "first", 0, 2000));
    CHECK(got(adapter.one().password("ann"))->version > better + 1);

    done(adapter.one().enrol_totp("ann", "secret 1", 1000));
    const auto waits = *got(adapter.two().totp("ann"));
    done(adapter.one().enrol_totp("ann", "secret 2", 1001));
    CHECK(is_conflict(adapter.two().confirm_totp("ann", waits.version, 1, {}, 1002)));
    const auto again = *got(adapter.two().totp("ann"));
    done(adapter.two().confirm_totp("ann", again.version, 1, {sha256("code")}, 1003));
    const auto confirmed = *got(adapter.one().totp("ann"));
    CHECK_FALSE(got(adapter.one().take_totp_step("ann", again.version, 2)));
    CHECK(got(adapter.one().take_totp_step("ann", confirmed.version, 2)));
    // A step that no code of now can be followed by was taken while the clock was ahead.
    CHECK(got(adapter.one().take_totp_step("ann", confirmed.version, 2880)));
    CHECK_FALSE(got(adapter.one().take_totp_step("ann", confirmed.version, 2878)));
    CHECK(got(adapter.one().take_totp_step("ann", confirmed.version, 3)));
    CHECK_FALSE(got(adapter.one().take_totp_step("ann", confirmed.version, 3)));
    CHECK(got(adapter.one().take_recovery_code("ann", sha256("code"), 1004)));
    CHECK(got(adapter.two().totp("ann"))->version == confirmed.version);
    CHECK(is_conflict(adapter.two().drop_totp("ann", again.version)));
    done(adapter.two().drop_totp("ann", confirmed.version));
    CHECK(is_conflict(adapter.one().drop_totp("ann", confirmed.version)));
    done(adapter.one().enrol_totp("ann", "secret 3", 2000));
    CHECK(got(adapter.two().totp("ann"))->version > confirmed.version);

    done(adapter.one().link_outside("google", "subject", {"ann", 0}, 1000));
    CHECK(is_conflict(adapter.two().link_outside("google", "subject", {"bob", 0}, 1001)));
    const auto link = *got(adapter.two().outside_user("google", "subject"));
    CHECK(link.user == "ann");
    done(adapter.two().link_outside("google", "subject", {"bob", link.version}, 1002));
    CHECK(is_conflict(adapter.one().link_outside("google", "subject", {"cid", link.version}, 1003)));
    CHECK(got(adapter.one().outside_user("google", "subject"))->user == "bob");
}

TEST_CASE_TEMPLATE_DEFINE("credentials: of two changes of one version at once one wins", Adapter,
                          credentials_change_races) {
    Adapter adapter;
    std::int64_t version = 0;
    std::string current;
    for (int i = 0; i < 20; ++i) {
        const auto set = [&](CredentialStore& store, const char* hash) {
            return [&store, hash, version] { return store.set_password("ann", hash, version, 1000).has_value(); };
        };
        CHECK(winners(set(adapter.one(), "a"), set(adapter.two(), "b")) == 1);
        version = got(adapter.one().password("ann"))->version;
        const auto add = [&](CredentialStore& store, const std::string& kid) {
            StoredSigningKey key;
            key.kid = kid + std::to_string(i);
            key.sealed = "sealed";
            key.created = 1000 + i;
            return [&store, key, current] { return store.add_signing_key(key, current).has_value(); };
        };
        CHECK(winners(add(adapter.one(), "one"), add(adapter.two(), "two")) == 1);
        const auto keys = got(adapter.two().signing_keys());
        CHECK(keys.size() == static_cast<std::size_t>(i + 1));
        CHECK(std::ranges::count_if(keys, [](const StoredSigningKey& key) { return !key.retired; }) == 1);
        current = keys[0].kid;
    }
}

TEST_CASE_TEMPLATE_DEFINE("credentials: what is taken once goes to one of two that take it at once", Adapter,
                          credentials_races) {
    Adapter adapter;
    done(adapter.one().enrol_totp("ann", std::string("seal\0ed", 7), 500));
    CHECK(got(adapter.two().totp("ann"))->sealed == std::string("seal\0ed", 7));
    std::vector<SecretHash> codes;
    for (int i = 0; i < 10; ++i) codes.push_back(sha256("code " + std::to_string(i)));
    done(adapter.one().confirm_totp("ann", got(adapter.one().totp("ann"))->version, 1, codes, 1000));
    const auto version = got(adapter.one().totp("ann"))->version;
    CHECK(adapter.two().enrol_totp("ann", "other", 1000).error().code == ErrorCode::conflict);
    for (int i = 0; i < 10; ++i) {
        const std::string n = std::to_string(i);
        const auto both = [&](const auto& take) {
            return winners([&] { return take(adapter.one()); }, [&] { return take(adapter.two()); });
        };
        CHECK(both([&](CredentialStore& store) { return got(store.take_totp_step("ann", version, 10 + i)); }) == 1);
        CHECK(both([&](CredentialStore& store) { return got(store.take_recovery_code("ann", codes[i], 2000)); }) == 1);
        done(adapter.one().add_ticket(sha256("ticket " + n), {"reset", "ann", "{}", 9000}, 1000));
        CHECK(both([&](CredentialStore& store) {
                  return got(store.take_ticket(sha256("ticket " + n), "reset", 2000)).has_value();
              }) == 1);
        add_session(adapter.two(), "s" + n, "ann", "r" + n);
        const auto rotate = [&](CredentialStore& store, const char* who) {
            return got(store.rotate(sha256("r" + n), sha256(who + n), 2000)).outcome == Rotation::rotated;
        };
        CHECK(winners([&] { return rotate(adapter.one(), "a"); }, [&] { return rotate(adapter.two(), "b"); }) == 1);
        // The other one was a reuse, which ends the session.
        CHECK_FALSE(got(adapter.one().session("s" + n))->live_at(2000));
    }
    CHECK(got(adapter.one().totp("ann"))->recovery_codes == 0);
}

TEST_CASE_TEMPLATE_DEFINE("credentials: the feed tells whose changed, in order, and who was forgotten", Adapter,
                          credentials_feed) {
    Adapter adapter;
    ChangeFeed& feed = adapter.two().changes();
    CHECK(head_of(feed) == 0);
    done(adapter.one().set_password("bob", "hash", 0, 1000));
    add_session(adapter.two(), "s1", "ann", "r1");
    CHECK(changes_after(feed, 0) == std::vector<std::string>{"user/bob", "user/ann"});
    const auto seen = head_of(feed);
    CHECK_FALSE(got(adapter.one().take_recovery_code("ann", sha256("none"), 1000)));
    done(adapter.one().end_session("nobody's", "signed out", 1000));
    done(adapter.one().add_ticket(sha256("t"), {"reset", "ann", "{}", 9000}, 1000));
    done(adapter.one().prune(500, 500));
    CHECK(head_of(feed) == seen);
    StoredSigningKey key;
    key.kid = "k1";
    key.sealed = "sealed";
    key.created = 1000;
    done(adapter.one().add_signing_key(key, ""));
    done(adapter.two().link_outside("google", "subject", {"ann", 0}, 1000));
    CHECK(got(adapter.one().outside_user("google", "subject"))->user == "ann");
    done(adapter.one().forget("bob"));
    CHECK_FALSE(got(adapter.two().password("bob")).has_value());
    CHECK(changes_after(feed, seen) == std::vector<std::string>{"signing-keys", "user/ann", "-user/bob"});
    key.kid = "k2";
    key.created = 2000;
    const auto told = head_of(feed);
    CHECK(adapter.one().add_signing_key(key, "").error().code == ErrorCode::conflict);
    CHECK(adapter.one().add_signing_key(key, "k2").error().code == ErrorCode::conflict);
    CHECK(adapter.one().set_password("ann", "hash", 7, 1000).error().code == ErrorCode::conflict);
    CHECK(head_of(feed) == told);
    CHECK_FALSE(got(adapter.two().signing_keys()).at(0).retired.has_value());
    done(adapter.two().add_signing_key(key, "k1"));
    CHECK(changes_after(feed, told) == std::vector<std::string>{"signing-keys"});
    const auto keys = got(adapter.one().signing_keys());
    REQUIRE(keys.size() == 2);
    CHECK(keys[0].kid == "k2");
    CHECK(keys[1].retired == 2000);
}

#define LURUS_CREDENTIAL_STORE_SUITE(adapter)                        \
    TEST_CASE_TEMPLATE_INVOKE(credentials_sessions, adapter);        \
    TEST_CASE_TEMPLATE_INVOKE(credentials_compare_and_set, adapter); \
    TEST_CASE_TEMPLATE_INVOKE(credentials_change_races, adapter);    \
    TEST_CASE_TEMPLATE_INVOKE(credentials_races, adapter);           \
    TEST_CASE_TEMPLATE_INVOKE(credentials_feed, adapter)

}  // namespace lurus::test
