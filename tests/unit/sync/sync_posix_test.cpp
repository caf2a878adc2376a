// A node's sync over a real PostgreSQL.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "core/crypto/secret_box.hpp"
#include "core/db/sql_sqlite.hpp"
#include "lurus/sync.hpp"
#include "tests/unit/postgres_server.hpp"

using namespace lurus;
using namespace lurus::test;

namespace {

std::shared_ptr<const SecretBox> box_of(char digit) {
    return std::make_shared<const SecretBox>(SecretBox::from_text(Secret(std::string(64, digit))).value());
}

/// Set while the node's thread reads it.
class SharedClock final : public Clock {
public:
    UnixMicros now() const override { return time; }
    std::int64_t monotonic_us() const override { return time; }
    std::atomic<UnixMicros> time = system_clock().now();
};

/// A folder whose node can be started and stopped.
struct SyncedFolder {
    std::string url;
    TempFolder folder;
    SyncSettings settings;
    SharedClock clock;
    std::unique_ptr<sql::Database> local =
        sql::open_sqlite(folder.path / "lurus.db", {"identity", "limits", "tenancy", "audit", "signin", "billing",
                                                    "provider", "flags", "api", "background", "sync"})
            .value();
    std::unique_ptr<Sync> sync;

    explicit SyncedFolder(std::string where) : url(std::move(where)) {}

    void start() {
        sync.reset();
        auto made = make_sync(settings, PostgresServer::here().open(url), *local, clock);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        sync = *std::move(made);
        const auto met = sync->meet(60'000);
        REQUIRE_MESSAGE(met.has_value(), (met ? "" : met.error().message));
    }
    bool has_flag(const std::string& name) {
        return local
            ->read("looking",
                   [&](sql::Connection& db) { return db.exists("SELECT 1 FROM flag WHERE name = $1", {name}); })
            .value();
    }
    Result<std::int64_t> add_flag(const std::string& name) {
        return sync->database().write("adding", [&](sql::Transaction& t) {
            return t.execute("INSERT INTO flag (name, value, changed_us) VALUES ($1, 'v', 1)", {name});
        });
    }
};

std::int64_t number_there(const std::string& url, std::string_view query) {
    return PostgresServer::here()
        .open(url)
        ->read("looking",
               [&](sql::Connection& db) {
                   return db.first(query, {}, [](const sql::Row& row) { return row.integer(0); });
               })
        .value()
        .value_or(-1);
}

}  // namespace

TEST_CASE("sync: what one node changes is there when the change returns, and follows on the others") {
    const std::string url = PostgresServer::here().new_database();
    SyncedFolder one(url), two(url);
    one.start();
    two.start();
    CHECK(one.sync->joined());
    CHECK(one.sync->state().mode == BackendMode::online);
    CHECK(one.sync->state().reason.empty());
    CHECK(one.sync->not_ready().empty());
    REQUIRE(one.add_flag("a").has_value());
    CHECK(one.has_flag("a"));
    for (int i = 0; i < 6000 && !two.has_flag("a"); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(two.has_flag("a"));
}

TEST_CASE("sync: what is set for a node stays over its start") {
    SyncedFolder node(PostgresServer::here().new_database());
    node.start();
    REQUIRE(node.sync->set(BackendSetting::off).has_value());
    CHECK(node.sync->state().mode == BackendMode::off);
    node.start();
    CHECK(node.sync->state().mode == BackendMode::off);
    const auto refused = node.add_flag("a");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::unavailable);
    REQUIRE(node.sync->set(BackendSetting::automatic).has_value());
    node.start();
    CHECK(node.sync->state().mode == BackendMode::online);
    CHECK(node.add_flag("a").has_value());
}

TEST_CASE("sync: a node with another master key says so, and goes on") {
    const std::string url = PostgresServer::here().new_database();
    SyncedFolder first(url), same(url), other(url);
    first.settings.box = same.settings.box = box_of('1');
    other.settings.box = box_of('2');
    for (SyncedFolder* node : {&first, &same, &other}) node->start();
    CHECK(first.sync->problem().empty());
    CHECK(same.sync->problem().empty());
    CHECK(other.sync->problem().contains("LURUS_MASTER_KEY"));
    CHECK(other.sync->not_ready().empty());
    CHECK(other.add_flag("a").has_value());
    other.settings.box = box_of('1');
    other.start();
    CHECK(other.sync->problem().empty());
}

TEST_CASE("sync: upkeep removes what is older than a week from the feed") {
    const std::string url = PostgresServer::here().new_database();
    SyncedFolder node(url);
    node.start();
    REQUIRE(node.add_flag("a").has_value());
    REQUIRE(node.add_flag("b").has_value());
    PostgresServer::here().psql(url,
                                "UPDATE commit_feed SET time = now() - interval '8 days' WHERE number < "
                                "(SELECT number FROM commit_head)");
    node.sync->upkeep();
    CHECK(number_there(url, "SELECT count(*) FROM commit_feed") == 1);
    CHECK(number_there(url, "SELECT count(*) FROM row_change WHERE mark NOT IN (SELECT mark FROM commit_feed)") == 0);
    REQUIRE(node.add_flag("c").has_value());
    CHECK(node.has_flag("c"));
    // It is done once an hour.
    PostgresServer::here().psql(url, "UPDATE commit_feed SET time = now() - interval '8 days'");
    node.sync->upkeep();
    CHECK(number_there(url, "SELECT count(*) FROM commit_feed") == 2);
    node.clock.time += 3'600'000'000;
    node.sync->upkeep();
    CHECK(number_there(url, "SELECT count(*) FROM commit_feed") == 1);
}

TEST_CASE("sync: a mirror that is older than it may be is not served from, also after a start") {
    SyncedFolder node(PostgresServer::here().new_database());
    node.settings.mirror_max_age_us = 60'000'000;
    node.start();
    CHECK_FALSE(node.sync->too_old());
    REQUIRE(node.sync->set(BackendSetting::off).has_value());
    node.start();  // it does not ask
    CHECK_FALSE(node.sync->too_old());
    CHECK(node.sync->state().mirror.has_value());
    node.clock.time += 60'000'001;
    CHECK(node.sync->too_old());
    CHECK(node.sync->not_ready().contains("mirror_max_age"));
    REQUIRE(node.sync->set(BackendSetting::automatic).has_value());
    node.start();
    CHECK_FALSE(node.sync->too_old());
    CHECK(node.sync->not_ready().empty());
}
