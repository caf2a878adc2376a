#include <SQLiteCpp/SQLiteCpp.h>
#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>

#include "../world.hpp"
#include "core/db/sql_feed.hpp"
#include "core/db/sql_sqlite.hpp"

using namespace lurus;

namespace {

struct Opened {
    test::TempFolder folder;
    std::unique_ptr<sql::Database> db = open();

    Opened() {
        run("CREATE TABLE t (id TEXT PRIMARY KEY, n INTEGER, data BLOB, version INTEGER NOT NULL DEFAULT 1)", {});
    }
    /// As another process would.
    std::unique_ptr<sql::Database> open() {
        auto opened = sql::open_sqlite(folder.path / "a.db", {});
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
        return *std::move(opened);
    }
    std::int64_t run(std::string_view statement, const sql::Values& values) {
        const auto rows = db->write("testing", [&](sql::Transaction& t) { return t.execute(statement, values); });
        REQUIRE_MESSAGE(rows.has_value(), (rows ? "" : rows.error().message));
        return *rows;
    }
    std::int64_t count() {
        const auto n = db->read("counting", [](sql::Connection& c) {
            return c.first("SELECT count(*) FROM t", {}, [](const sql::Row& row) { return row.integer(0); });
        });
        REQUIRE(n.has_value());
        return n->value();
    }
    Result<std::int64_t> put(std::string_view id) {
        return db->write("putting", [&](sql::Transaction& t) {
            t.changed("things", id);
            return t.execute("INSERT INTO t (id) VALUES ($1)", {id});
        });
    }
    std::vector<std::string> changes_after(std::int64_t number, std::size_t limit = 100) {
        sql::SqlFeed feed(*db, "things");
        const auto found = feed.changes_after(number, limit);
        REQUIRE(found.has_value());
        std::vector<std::string> out;
        for (const auto& change : *found)
            out.push_back(std::to_string(change.number) + " " + change.id + (change.deleted ? " deleted" : ""));
        return out;
    }
    std::int64_t head() {
        sql::SqlFeed feed(*db, "things");
        return feed.head().value();
    }
};

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE_FIXTURE(Opened, "parameters are taken by their number, in any order and more than once") {
    const std::string zero("\0x", 2);
    CHECK(run("INSERT INTO t (n, id, data) VALUES ($2, $1, $3), ($2, $1 || $1, NULL)", {"a", 7, sql::Bytes(zero)}) ==
          2);
    const auto rows = db->read("reading", [&](sql::Connection& c) {
        return c.all("SELECT id, n, data FROM t WHERE n = $1 ORDER BY id", {7}, [&](const sql::Row& row) {
            return std::string(row.text(0)) + "/" + std::to_string(row.integer(1)) + "/" +
                   (row.is_null(2)         ? "null"
                    : row.bytes(2) == zero ? "bytes"
                                           : "other");
        });
    });
    REQUIRE(rows.has_value());
    CHECK(*rows == Lines{"a/7/bytes", "aa/7/null"});
}

TEST_CASE_FIXTURE(Opened, "what is null stays null, also where the statement was used with a value before") {
    run("INSERT INTO t (id, n) VALUES ($1, $2)", {"a", 1});
    run("INSERT INTO t (id, n) VALUES ($1, $2)", {"b", std::optional<std::int64_t>()});
    const auto found = db->read("reading", [](sql::Connection& c) {
        return c.all("SELECT n FROM t ORDER BY id", {}, [](const sql::Row& row) { return row.integer_if_any(0); });
    });
    REQUIRE(found.has_value());
    CHECK(found->at(0) == 1);
    CHECK_FALSE(found->at(1).has_value());
}

TEST_CASE_FIXTURE(Opened, "a question mark, and a parameter without a value, are refused") {
    for (const char* statement :
         {"INSERT INTO t (id) VALUES (?)", "INSERT INTO t (id) VALUES (:a)", "INSERT INTO t (id, n) VALUES ($1, $2)"}) {
        const auto done = db->write("testing", [&](sql::Transaction& t) { return t.execute(statement, {"a"}); });
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().code == ErrorCode::internal);
        CHECK(done.error().message.starts_with("testing: "));
    }
    CHECK(count() == 0);
}

TEST_CASE_FIXTURE(Opened, "a change that fails, is refused or throws leaves nothing behind") {
    const auto refused = db->write("testing", [](sql::Transaction& t) -> Result<void> {
        if (auto done = t.execute("INSERT INTO t (id) VALUES ('a')"); !done) return std::unexpected(done.error());
        t.changed("things", "a");
        return fail(ErrorCode::permission_denied, "no");
    });
    CHECK(refused.error().code == ErrorCode::permission_denied);
    CHECK_THROWS_AS(db->write("testing",
                              [](sql::Transaction& t) -> Result<void> {
                                  static_cast<void>(t.execute("INSERT INTO t (id) VALUES ('a')"));
                                  throw std::runtime_error("a bug");
                              }),
                    std::runtime_error);
    run("INSERT INTO t (id) VALUES ('b')", {});
    const auto taken = db->write("storing b", [](sql::Transaction& t) -> Result<std::int64_t> {
        if (auto done = t.execute("INSERT INTO t (id) VALUES ('c')"); !done) return done;
        return t.execute("INSERT INTO t (id) VALUES ('b')");
    });
    CHECK(taken.error().code == ErrorCode::conflict);
    CHECK(taken.error().message.starts_with("storing b: "));
    CHECK(count() == 1);
    CHECK(head() == 0);
}

TEST_CASE_FIXTURE(Opened, "a reader may stop early, fail, and ask something else for each row") {
    for (const char* id : {"a", "b", "c"}) run("INSERT INTO t (id) VALUES ($1)", {id});
    Lines seen;
    const auto select = "SELECT id FROM t WHERE id >= $1 ORDER BY id";
    const auto done = db->read("reading", [&](sql::Connection& c) {
        return c.query(select, {"a"}, [&](const sql::Row& row) -> Result<bool> {
            const auto rest = c.all(select, {row.text(0)}, [](const sql::Row& inner) { return inner.text(0).size(); });
            if (!rest) return std::unexpected(rest.error());
            seen.push_back(std::string(row.text(0)) + std::to_string(rest->size()));
            return seen.size() < 2;
        });
    });
    CHECK(done.has_value());
    CHECK(seen == Lines{"a3", "b2"});
    const auto failed = db->read("reading", [&](sql::Connection& c) {
        return c.all(select, {"a"}, [](const sql::Row&) -> Result<int> { return fail(ErrorCode::corrupt, "bad"); });
    });
    CHECK(failed.error().message == "bad");
    CHECK(count() == 3);
}

TEST_CASE_FIXTURE(Opened, "a reader's statements see one moment, and do not wait for a writer") {
    const auto other = open();
    const auto done = other->write("writing", [&](sql::Transaction& t) -> Result<void> {
        if (auto put = t.execute("INSERT INTO t (id) VALUES ('a')"); !put) return std::unexpected(put.error());
        CHECK(count() == 0);
        return {};
    });
    CHECK(done.has_value());
    CHECK(count() == 1);
    const auto same = db->read("reading", [&](sql::Connection& c) -> Result<bool> {
        const auto before = c.exists("SELECT 1 FROM t WHERE id = 'b'");
        static_cast<void>(
            other->write("writing", [](sql::Transaction& t) { return t.execute("INSERT INTO t (id) VALUES ('b')"); }));
        const auto after = c.exists("SELECT 1 FROM t WHERE id = 'b'");
        return before.value() == after.value();
    });
    CHECK(same.value());
    CHECK(count() == 2);
}

TEST_CASE_FIXTURE(Opened, "an update that compares versions has one winner") {
    run("INSERT INTO t (id, n) VALUES ('a', 0)", {});
    const auto other = open();
    const auto change = [](sql::Database& database, int n) {
        return database.write("changing", [&](sql::Transaction& t) {
            return t.execute_versioned("UPDATE t SET n = $1, version = version + 1 WHERE id = 'a' AND version = $2",
                                       {n, 1}, "thing `a`");
        });
    };
    CHECK(change(*other, 5).has_value());
    const auto second = change(*db, 6);
    CHECK(second.error().code == ErrorCode::conflict);
    CHECK(second.error().message == "thing `a` was changed meanwhile; read it again");
}

TEST_CASE_FIXTURE(Opened, "a feed numbers what was committed, keeps an id once, and remembers what is gone") {
    CHECK(head() == 0);
    REQUIRE(put("a").has_value());
    REQUIRE(put("b").has_value());
    REQUIRE_FALSE(put("b").has_value());
    CHECK(head() == 2);
    CHECK(changes_after(0) == Lines{"1 a", "2 b"});
    const auto both = db->write("removing", [](sql::Transaction& t) {
        t.changed("things", "a");
        t.deleted("things", "a");
        t.changed("things", "c");
        t.changed("others", "x");
        return t.execute("DELETE FROM t WHERE id = $1", {"a"});
    });
    REQUIRE(both.has_value());
    CHECK(head() == 4);
    CHECK(changes_after(0) == Lines{"2 b", "3 a deleted", "4 c"});
    CHECK(changes_after(2) == Lines{"3 a deleted", "4 c"});
    CHECK(changes_after(2, 1) == Lines{"3 a deleted"});
    CHECK(changes_after(4).empty());
}

TEST_CASE_FIXTURE(Opened, "who follows a feed while others write misses nothing") {
    constexpr int writers = 3, each = 40;
    std::vector<std::jthread> threads;
    for (int w = 0; w < writers; ++w) {
        threads.emplace_back([this, w] {
            const auto own = open();
            for (int i = 0; i < each; ++i) {
                const auto done = own->write("writing", [&](sql::Transaction& t) -> Result<void> {
                    t.changed("things", std::to_string(w) + "." + std::to_string(i));
                    return {};
                });
                if (!done) FAIL_CHECK(done.error().message);
            }
        });
    }
    sql::SqlFeed feed(*db, "things");
    std::int64_t last = 0;
    std::set<std::string> seen;
    while (seen.size() < writers * each) {
        const auto more = feed.changes_after(last, 7);
        REQUIRE(more.has_value());
        for (const auto& change : *more) {
            CHECK(change.number == last + 1);
            last = change.number;
            seen.insert(change.id);
        }
    }
    CHECK(feed.head().value() == writers * each);
}

TEST_CASE_FIXTURE(Opened, "it is told when this process or another committed something") {
    CHECK(db->changed().value());
    CHECK_FALSE(db->changed().value());
    const auto other = open();
    static_cast<void>(db->changed());
    static_cast<void>(other->write("writing", [](sql::Transaction& t) { return t.execute("DELETE FROM t"); }));
    static_cast<void>(
        other->write("writing", [](sql::Transaction& t) { return t.execute("INSERT INTO t (id) VALUES ('a')"); }));
    CHECK(db->changed().value());
    CHECK_FALSE(db->changed().value());
    run("DELETE FROM t", {});
    CHECK(db->changed().value());
    CHECK(count() == 0);
    CHECK_FALSE(db->changed().value());
}
