#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/db/sql_sqlite.hpp"
#include "lurus/sync.hpp"
#include "modules/sync/move.hpp"
#include "modules/sync/tables.hpp"
#include "tests/unit/postgres_server.hpp"

namespace lurus::test {
namespace {

/// A folder's lurus.db, and an empty database that it may move to.
class MoveWorld {
    TempFolder folder_;
    const std::string url_ = PostgresServer::here().new_database();

public:
    std::unique_ptr<sql::Database> local = open_local(folder_.path / "lurus.db");
    std::unique_ptr<sql::PostgresDatabase> postgres = PostgresServer::here().open(url_);
    SetClock clock;

    static std::unique_ptr<sql::Database> open_local(const std::filesystem::path& file) {
        auto opened = sql::open_sqlite(file, {"identity", "limits", "tenancy", "audit", "signin", "billing", "provider",
                                              "flags", "api", "background", "sync"});
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
        return *std::move(opened);
    }

    void run(sql::Database& database, const std::string& statement, const sql::Values& values = {}) {
        auto done = database.write("preparing", [&](sql::Transaction& db) -> Result<void> {
            auto ran = db.execute(statement, values);
            if (!ran) return std::unexpected(ran.error());
            return {};
        });
        REQUIRE_MESSAGE(done.has_value(), (done ? "" : done.error().message));
    }
    std::int64_t count(sql::Database& database, const std::string& from) {
        auto found = database.read("counting", [&](sql::Connection& db) {
            return db.first("SELECT count(*) FROM " + from, {}, [](const sql::Row& row) { return row.integer(0); });
        });
        REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().message));
        return found->value_or(-1);
    }
    std::vector<std::string> texts(sql::Database& database, const std::string& query) {
        auto found = database.read("reading", [&](sql::Connection& db) {
            return db.all(query, {}, [](const sql::Row& row) { return std::string(row.text(0)); });
        });
        REQUIRE_MESSAGE(found.has_value(), (found ? "" : found.error().message));
        return *found;
    }

    /// Something in every table that refers to another, a null, bytes, a text that is no ASCII.
    void fill() {
        run(*local,
            "INSERT INTO user_account (id, email, name, status, email_verified, created_us) VALUES ('u1', "
            "'ann@example.com', 'Änn \xE2\x82\xAC', 'active', 1, 9000000000000000)");
        run(*local,
            "INSERT INTO member (id, org, user_id, name, role, created_us) VALUES ('m1', "
            "'00000000000000000000000000000001', 'u1', 'ann', 'owner', 5)");
        run(*local, "INSERT INTO totp (user_id, sealed) VALUES ('u1', $1)", {sql::Bytes(std::string("\0\xff'\\", 4))});
        run(*local, "INSERT INTO recovery_code (user_id, hash) VALUES ('u1', $1)",
            {sql::Bytes(std::string(32, '\x01'))});
        run(*local, "INSERT INTO api_key (id, name, hint, created_us, hash) VALUES ('k1', 'one', 'cr_', 1, $1)",
            {sql::Bytes(std::string(32, '\x02'))});
        run(*local, "INSERT INTO key_rules (key_id, rules) VALUES ('k1', '{}')");
        for (int i = 0; i < 250; ++i)
            run(*local, "INSERT INTO provider (name, kind, created_us) VALUES ($1, 'demo', 7)",
                {"p" + std::to_string(i)});
        run(*local, "DELETE FROM provider WHERE name = 'p3'");
        run(*local,
            "INSERT INTO session (id, user_id, method, created_us, expires_us, cookie_hash) VALUES ('s1', 'u1', "
            "'password', 1, 2, $1)",
            {sql::Bytes(std::string(32, '\x03'))});
        run(*local, "INSERT INTO refresh_token (hash, session_id, issued_us) VALUES ($1, 's1', 3)",
            {sql::Bytes(std::string(32, '\x04'))});
        run(*local,
            "INSERT INTO api_answer (caller, key_hash, request_hash, answer, begun_us) VALUES ('c', 'abc', "
            "'def', $1, 4)",
            {sql::Bytes("sealed")});
    }
    /// All rows of all tables that move, as SQLite writes them.
    std::vector<std::string> content() {
        std::vector<std::string> out;
        const auto add = [&](const char* table) {
            std::string columns;
            for (const auto& column : texts(*local, std::string("SELECT name FROM pragma_table_info('") + table + "')"))
                columns += (columns.empty() ? "quote(" : " || ',' || quote(") + column + ")";
            for (const auto& row : texts(*local, "SELECT " + columns + " FROM " + table + " ORDER BY 1"))
                out.push_back(std::string(table) + ": " + row);
        };
        for (const char* table : sync::mirrored) add(table);
        for (const char* table : sync::unmirrored) add(table);
        return out;
    }

    Result<Moved> to_postgres() { return move_to_postgres(*postgres, *local, "there", clock, nullptr); }
    Result<Moved> to_sqlite() { return move_to_sqlite(*postgres, *local, "there", clock, nullptr); }
    std::unique_ptr<Sync> node(sql::Database& its_local, const std::string& url) {
        SyncSettings settings;
        settings.shown = "there";
        auto made =
            make_sync(settings, url.empty() ? nullptr : PostgresServer::here().open(url), its_local, system_clock());
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        return *std::move(made);
    }
    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] std::filesystem::path other_file() const { return folder_.path / "other.db"; }
};

TEST_CASE("every table of lurus.db moves, or is known to stay") {
    MoveWorld world;
    std::set<std::string> known(sync::mirrored.begin(), sync::mirrored.end());
    known.insert(sync::unmirrored.begin(), sync::unmirrored.end());
    for (const char* stays : {"audit", "audit_head", "background_answer", "mirror", "move"}) known.insert(stays);
    for (const auto& table : world.texts(*world.local,
                                         "SELECT name FROM sqlite_master WHERE type = 'table' AND name "
                                         "NOT LIKE 'sqlite_%' AND name NOT LIKE '%migration%'"))
        CHECK_MESSAGE(known.contains(table), table);
}

TEST_CASE("what is moved to PostgreSQL and back is what was there") {
    MoveWorld world;
    world.fill();
    const auto before = world.content();
    const auto moved = world.to_postgres();
    REQUIRE_MESSAGE(moved.has_value(), (moved ? "" : moved.error().message));
    CHECK(moved->rows == static_cast<std::int64_t>(before.size()));
    CHECK_FALSE(moved->resumed);
    CHECK(world.texts(*world.local, "SELECT installation FROM mirror") == std::vector{moved->installation});
    CHECK(world.texts(*world.postgres, "SELECT id FROM installation") == std::vector{moved->installation});
    CHECK(world.count(*world.local, "session") == 0);
    CHECK(world.count(*world.postgres, "session") == 1);
    // Where the mirror stands is where the history does: there is nothing to be pulled.
    CHECK(world.texts(*world.local, "SELECT mark FROM mirror") ==
          world.texts(*world.postgres,
                      "SELECT f.mark::text FROM commit_feed f JOIN commit_head h ON h.number = f.number"));

    // A node goes on from there, and what it adds comes last.
    {
        auto node = world.node(*world.local, world.url());
        REQUIRE(node->meet(20'000).has_value());
        world.run(node->database(), "INSERT INTO provider (name, kind, created_us) VALUES ('after', 'demo', 8)");
        CHECK(world.texts(*world.local, "SELECT name FROM provider ORDER BY position DESC LIMIT 1") ==
              std::vector<std::string>{"after"});
        world.run(node->database(), "DELETE FROM provider WHERE name = 'after'");
    }
    const auto again = world.to_postgres();
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().code == ErrorCode::conflict);

    const auto back = world.to_sqlite();
    REQUIRE_MESSAGE(back.has_value(), (back ? "" : back.error().message));
    CHECK(world.content() == before);
    CHECK(world.count(*world.local, "mirror") == 0);
    CHECK_FALSE(belongs_to_installation(*world.local).value());
}

TEST_CASE("a database that has something is not moved into") {
    MoveWorld world;
    world.fill();
    const auto before = world.content();
    SUBCASE("an installation") {
        world.run(*world.postgres, "INSERT INTO installation (one, id, created_us) VALUES (1, 'other', 1)");
    }
    SUBCASE("content") {
        world.run(*world.postgres, "INSERT INTO flag (name, value, changed_us) VALUES ('a', '1', 1)");
    }
    const auto moved = world.to_postgres();
    REQUIRE_FALSE(moved.has_value());
    CHECK(moved.error().code == ErrorCode::conflict);
    CHECK(world.content() == before);
    CHECK(world.count(*world.local, "mirror") == 0);
    CHECK(world.count(*world.local, "move") == 0);
    CHECK(world.count(*world.postgres, "provider") == 0);
}

TEST_CASE("what cannot be stored leaves both as they were") {
    MoveWorld world;
    world.fill();
    // PostgreSQL keeps no zero byte in a text.
    world.run(*world.local,
              "INSERT INTO model_list (provider, base_url, fetched_us, models) VALUES ('p', '', 1, "
              "CAST(x'6100' AS TEXT))");
    const auto moved = world.to_postgres();
    REQUIRE_FALSE(moved.has_value());
    CHECK(moved.error().message.contains("model_list"));
    CHECK(world.count(*world.local, "move") == 0);
    CHECK(world.count(*world.postgres, "provider") == 0);
    CHECK(world.count(*world.postgres, "installation") == 0);
    CHECK_FALSE(belongs_to_installation(*world.local).value());
}

// As a process leaves it that is killed between the two commits, or before the first of them.
TEST_CASE("a move that was cut off is ended by what became of its commit") {
    MoveWorld world;
    world.fill();
    const auto before = world.content();
    const auto cut_off = [&](const std::string& installation) {
        world.run(*world.local,
                  "INSERT INTO move (one, direction, installation, number, mark) VALUES (1, "
                  "'to_postgres', $1, 1, 'm')",
                  {installation});
    };
    SUBCASE("it was committed") {
        const auto moved = world.to_postgres();
        REQUIRE(moved.has_value());
        world.run(*world.local, "DELETE FROM mirror");
        cut_off(moved->installation);
        SUBCASE("without PostgreSQL the folder takes no changes") {
            CHECK(belongs_to_installation(*world.local).value());
            const auto node = world.node(*world.local, "");
            CHECK(node->joined());
            CHECK(node->state().reason.contains("--to-postgres"));
            const auto refused = node->database().write(
                "changing", [](sql::Transaction& db) { return db.execute("DELETE FROM provider"); });
            REQUIRE_FALSE(refused.has_value());
            CHECK(refused.error().code == ErrorCode::unavailable);
        }
        SUBCASE("by the command") {
            const auto again = world.to_postgres();
            REQUIRE(again.has_value());
            CHECK(again->resumed);
            CHECK(again->installation == moved->installation);
        }
        SUBCASE("by a node that starts") {
            const auto node = world.node(*world.local, world.url());
            REQUIRE(node->meet(20'000).has_value());
            CHECK(world.count(*world.local, "move") == 0);
            CHECK(node->place().value().installation == moved->installation);
        }
    }
    SUBCASE("it was not") {
        cut_off("0123");
        SUBCASE("the command does it") {
            const auto moved = world.to_postgres();
            REQUIRE(moved.has_value());
            CHECK(moved->installation != "0123");
        }
        SUBCASE("a node that starts says so, and the folder is as before") {
            {
                const auto node = world.node(*world.local, world.url());
                const auto refused = node->meet(20'000);
                REQUIRE_FALSE(refused.has_value());
                CHECK(refused.error().message.contains("lurus migrate --to-postgres"));
            }
            CHECK(world.content() == before);
            CHECK_FALSE(belongs_to_installation(*world.local).value());
        }
    }
}

TEST_CASE("once a node took an installation into lurus.db, nobody changes anything there") {
    MoveWorld world;
    world.fill();
    REQUIRE(world.to_postgres().has_value());
    const auto other_local = MoveWorld::open_local(world.other_file());
    const auto other = world.node(*other_local, world.url());
    REQUIRE(other->meet(20'000).has_value());
    REQUIRE(world.to_sqlite().has_value());

    const auto change = [](sql::Transaction& db) { return db.execute("DELETE FROM provider"); };
    CHECK_FALSE(other->database().write("changing", change).has_value());
    CHECK_FALSE(world.postgres->write("changing", change).has_value());
    CHECK_FALSE(world.postgres
                    ->write("ending a session", [](sql::Transaction& db) { return db.execute("DELETE FROM session"); })
                    .has_value());
    CHECK(world.count(*world.postgres, "provider") == 249);
    // It goes on serving what it has, and says why it takes no changes.
    while (!other->state().reason.contains("--to-sqlite")) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    CHECK(world.count(*other_local, "provider") == 249);

    const auto second = move_to_sqlite(*world.postgres, *other_local, "there", world.clock, nullptr);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == ErrorCode::conflict);
}

TEST_CASE("a way back that was cut off after the retirement is ended by the folder that began it") {
    MoveWorld world;
    world.fill();
    const auto before = world.content();
    const auto moved = world.to_postgres();
    REQUIRE(moved.has_value());
    world.run(*world.local,
              "INSERT INTO move (one, direction, installation, number, mark) VALUES (1, 'to_sqlite', $1, "
              "0, 'token')",
              {moved->installation});
    world.run(*world.postgres, "UPDATE installation SET retired_us = 1, retired_by = 'token'");
    const auto back = world.to_sqlite();
    REQUIRE_MESSAGE(back.has_value(), (back ? "" : back.error().message));
    CHECK(back->resumed);
    CHECK(world.content() == before);
    const auto twice = world.to_sqlite();
    REQUIRE_FALSE(twice.has_value());
    CHECK(twice.error().code == ErrorCode::conflict);
}

}  // namespace
}  // namespace lurus::test
