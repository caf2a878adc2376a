#pragma once
// What every CredentialStore must do. An adapter gives two handles on one database, `one()` and `two()`.

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
    done(adapter.two().set_password("ann", "hash", 3000));
    CHECK(got(adapter.one().sessions("ann", 3000)).empty());
    CHECK(got(adapter.one().password("ann")) == "hash");
    done(adapter.one().rehash_password("ann", "another", "better"));
    CHECK(got(adapter.two().password("ann")) == "hash");
    done(adapter.one().rehash_password("ann", "hash", "better"));
    CHECK(got(adapter.two().password("ann")) == "better");
}

TEST_CASE_TEMPLATE_DEFINE("credentials: what is taken once goes to one of two that take it at once", Adapter,
                          credentials_races) {
    Adapter adapter;
    done(adapter.one().enrol_totp("ann", std::string("seal\0ed", 7)));
    CHECK(got(adapter.two().totp("ann"))->sealed == std::string("seal\0ed", 7));
    std::vector<SecretHash> codes;
    for (int i = 0; i < 10; ++i) codes.push_back(sha256("code " + std::to_string(i)));
    done(adapter.one().confirm_totp("ann", 1, codes, 1000));
    CHECK(adapter.two().enrol_totp("ann", "other").error().code == ErrorCode::conflict);
    for (int i = 0; i < 10; ++i) {
        const std::string n = std::to_string(i);
        const auto both = [&](const auto& take) {
            return winners([&] { return take(adapter.one()); }, [&] { return take(adapter.two()); });
        };
        CHECK(both([&](CredentialStore& store) { return got(store.take_totp_step("ann", 10 + i)); }) == 1);
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
    done(adapter.one().set_password("bob", "hash", 1000));
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
    done(adapter.one().add_signing_key(key));
    done(adapter.two().link_outside("google", "subject", "ann", 1000));
    CHECK(got(adapter.one().outside_user("google", "subject")) == "ann");
    done(adapter.one().forget("bob"));
    CHECK_FALSE(got(adapter.two().password("bob")).has_value());
    CHECK(changes_after(feed, seen) == std::vector<std::string>{"signing-keys", "user/ann", "-user/bob"});
    key.kid = "k2";
    key.created = 2000;
    done(adapter.two().add_signing_key(key));
    const auto keys = got(adapter.one().signing_keys());
    REQUIRE(keys.size() == 2);
    CHECK(keys[0].kid == "k2");
    CHECK(keys[1].retired == 2000);
}

#define LURUS_CREDENTIAL_STORE_SUITE(adapter)                 \
    TEST_CASE_TEMPLATE_INVOKE(credentials_sessions, adapter); \
    TEST_CASE_TEMPLATE_INVOKE(credentials_races, adapter);    \
    TEST_CASE_TEMPLATE_INVOKE(credentials_feed, adapter)

}  // namespace lurus::test
