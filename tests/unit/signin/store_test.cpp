
#include <atomic>
#include <thread>
#include <vector>

#include "../stores.hpp"
#include "clock.hpp"
#include "core/crypto/sha256.hpp"

using namespace lurus;
using namespace lurus::signin;
using namespace lurus::test;

namespace {

struct Fixture {
    TempFolder folder;
    UnixMicros now = SetClock().now();
    std::unique_ptr<sql::Database> database = open();
    std::unique_ptr<CredentialStore> store = make_credential_store(*database);

    std::unique_ptr<sql::Database> open() const { return open_database(folder.path / "lurus.db"); }
    void add(const std::string& id, const std::string& user, const std::string& refresh) const {
        SignInSession session;
        session.id = id;
        session.user = user;
        session.method = "password";
        session.created = now;
        session.expires = now + hour;
        REQUIRE(store->add_session(session, sha256("cookie of " + id), sha256(refresh)).has_value());
    }
};

}  // namespace

TEST_CASE("a refresh token is taken once; the second taker ends the session for both") {
    Fixture f;
    f.add("s1", "alice", "r1");
    f.add("s2", "alice", "r9");
    auto first = f.store->rotate(sha256("r1"), sha256("r2"), f.now + 1);
    REQUIRE(first.has_value());
    CHECK(first->outcome == Rotation::rotated);
    CHECK(first->session.user == "alice");
    CHECK(f.store->rotate(sha256("r2"), sha256("r3"), f.now + 2)->outcome == Rotation::rotated);
    CHECK(f.store->rotate(sha256("r1"), sha256("r4"), f.now + 3)->outcome == Rotation::reused);
    CHECK(f.store->rotate(sha256("r3"), sha256("r5"), f.now + 4)->outcome == Rotation::ended);
    CHECK(f.store->rotate(sha256("r4"), sha256("r5"), f.now + 4)->outcome == Rotation::unknown);
    CHECK_FALSE((*f.store->session("s1"))->live_at(f.now + 4));
    CHECK((*f.store->session("s2"))->live_at(f.now + 4));
    CHECK(f.store->rotate(sha256("r9"), sha256("r10"), f.now + hour)->outcome == Rotation::ended);
}

TEST_CASE("of two that refresh at once one wins, and the session is over") {
    Fixture f;
    f.add("s1", "alice", "r1");
    auto other_database = f.open();
    auto other = make_credential_store(*other_database);
    std::atomic<int> rotated = 0, reused = 0, ended = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&, t] {
            CredentialStore& store = t % 2 == 0 ? *f.store : *other;
            const auto done = store.rotate(sha256("r1"), sha256("next " + std::to_string(t)), f.now + 1);
            if (!done) return;
            rotated += done->outcome == Rotation::rotated ? 1 : 0;
            reused += done->outcome == Rotation::reused ? 1 : 0;
            ended += done->outcome == Rotation::ended ? 1 : 0;
        });
    }
    for (auto& thread : threads) thread.join();
    CHECK(rotated == 1);
    CHECK(reused == 1);
    CHECK(ended == 2);
}

TEST_CASE("a new password ends the user's sessions and reset links, nobody else's") {
    Fixture f;
    REQUIRE(f.store->set_password("alice", "hash 1", 0, f.now).has_value());
    const auto version = (*f.store->password("alice"))->version;
    f.add("s1", "alice", "r1");
    f.add("s2", "bob", "r2");
    Ticket reset;
    reset.purpose = "reset";
    reset.subject = "alice";
    reset.expires = f.now + hour;
    REQUIRE(f.store->add_ticket(sha256("t1"), reset, f.now).has_value());
    const auto better = f.store->rehash_password("alice", "hash 2", version);
    REQUIRE(better.has_value());
    CHECK((*f.store->session("s1"))->live_at(f.now));
    CHECK_FALSE(f.store->rehash_password("alice", "hash 3", version).has_value());
    CHECK((*f.store->password("alice"))->hash == "hash 2");
    REQUIRE(f.store->set_password("alice", "hash 4", *better, f.now + 1).has_value());
    CHECK_FALSE((*f.store->session("s1"))->live_at(f.now + 1));
    CHECK((*f.store->session("s2"))->live_at(f.now + 1));
    CHECK_FALSE(f.store->ticket(sha256("t1"), "reset", f.now + 1)->has_value());
    CHECK_FALSE(f.store->password("carol")->has_value());
}

TEST_CASE("a ticket is for one purpose, once, until it expires") {
    Fixture f;
    Ticket invite;
    invite.purpose = "invite";
    invite.subject = "dora@example.com";
    invite.detail = R"({"role":"member"})";
    invite.expires = f.now + hour;
    REQUIRE(f.store->add_ticket(sha256("t"), invite, f.now).has_value());
    CHECK_FALSE(f.store->take_ticket(sha256("t"), "reset", f.now)->has_value());
    CHECK_FALSE(f.store->take_ticket(sha256("t"), "invite", f.now + hour)->has_value());
    const auto taken = f.store->take_ticket(sha256("t"), "invite", f.now + 1);
    REQUIRE(taken->has_value());
    CHECK((*taken)->detail == invite.detail);
    CHECK_FALSE(f.store->take_ticket(sha256("t"), "invite", f.now + 1)->has_value());
}

TEST_CASE("a second factor's step and its recovery codes are taken once") {
    Fixture f;
    REQUIRE(f.store->enrol_totp("alice", "sealed 1", f.now).has_value());
    REQUIRE(f.store->enrol_totp("alice", std::string("sealed\0 2", 9), f.now).has_value());
    CHECK((*f.store->totp("alice"))->sealed == std::string("sealed\0 2", 9));
    CHECK_FALSE((*f.store->totp("alice"))->confirmed);
    const auto enrolled = (*f.store->totp("alice"))->version;
    REQUIRE(f.store->confirm_totp("alice", enrolled, 100, {sha256("c1"), sha256("c2")}, f.now).has_value());
    const auto version = (*f.store->totp("alice"))->version;
    CHECK(f.store->confirm_totp("alice", version, 101, {}, f.now).error().code == ErrorCode::conflict);
    CHECK(f.store->enrol_totp("alice", "sealed 3", f.now).error().code == ErrorCode::conflict);
    CHECK_FALSE(*f.store->take_totp_step("alice", version, 100));
    CHECK(*f.store->take_totp_step("alice", version, 101));
    CHECK_FALSE(*f.store->take_totp_step("alice", version, 101));
    CHECK_FALSE(*f.store->take_totp_step("alice", version, 99));
    CHECK(*f.store->take_recovery_code("alice", sha256("c1"), f.now));
    CHECK_FALSE(*f.store->take_recovery_code("alice", sha256("c1"), f.now));
    CHECK_FALSE(*f.store->take_recovery_code("bob", sha256("c2"), f.now));
    CHECK((*f.store->totp("alice"))->recovery_codes == 1);
    REQUIRE(f.store->drop_totp("alice", version).has_value());
    CHECK_FALSE(f.store->totp("alice")->has_value());
    CHECK_FALSE(*f.store->take_recovery_code("alice", sha256("c2"), f.now));
}

TEST_CASE("sessions are found by id and cookie, listed while they live, and pruned") {
    Fixture f;
    f.add("s1", "alice", "r1");
    f.add("s2", "alice", "r2");
    CHECK((*f.store->session_of_cookie(sha256("cookie of s2")))->id == "s2");
    CHECK_FALSE(f.store->session_of_cookie(sha256("cookie of s3"))->has_value());
    CHECK(f.store->sessions("alice", f.now)->size() == 2);
    REQUIRE(f.store->end_session("s1", "signed out", f.now + 1).has_value());
    CHECK(f.store->sessions("alice", f.now + 1)->size() == 1);
    CHECK(f.store->sessions("alice", f.now + hour)->empty());
    REQUIRE(f.store->prune(f.now + hour, 0).has_value());
    CHECK_FALSE(f.store->session("s2")->has_value());
    CHECK(f.store->rotate(sha256("r2"), sha256("r3"), f.now + hour)->outcome == Rotation::unknown);
}

TEST_CASE("one signing key is current; a retired one stays until it is pruned") {
    Fixture f;
    REQUIRE(f.store->add_signing_key({.kid = "k1", .sealed = "a", .created = f.now, .retired = {}}, "").has_value());
    REQUIRE(f.store->add_signing_key({.kid = "k2", .sealed = "b", .created = f.now + hour, .retired = {}}, "k1")
                .has_value());
    auto keys = f.store->signing_keys();
    REQUIRE(keys->size() == 2);
    CHECK(keys->at(0).kid == "k2");
    CHECK_FALSE(keys->at(0).retired.has_value());
    CHECK(keys->at(1).retired == f.now + hour);
    REQUIRE(f.store->prune(f.now, f.now + hour).has_value());
    CHECK(f.store->signing_keys()->size() == 1);
}

TEST_CASE("erasing a user leaves nothing of theirs") {
    Fixture f;
    f.add("s1", "alice", "r1");
    REQUIRE(f.store->set_password("alice", "h", 0, f.now - 1).has_value());
    REQUIRE(f.store->enrol_totp("alice", "s", f.now).has_value());
    REQUIRE(f.store->link_outside("corp", "subject 1", {"alice", 0}, f.now).has_value());
    CHECK((*f.store->outside_user("corp", "subject 1"))->user == "alice");
    REQUIRE(f.store->forget("alice").has_value());
    CHECK_FALSE(f.store->password("alice")->has_value());
    CHECK_FALSE(f.store->totp("alice")->has_value());
    CHECK_FALSE(f.store->session("s1")->has_value());
    CHECK_FALSE(f.store->outside_user("corp", "subject 1")->has_value());
}
