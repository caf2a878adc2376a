// The mirror over a real PostgreSQL.
#include "modules/sync/mirror.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <ranges>
#include <thread>

#include "core/db/postgres_connection.hpp"
#include "core/db/sql_sqlite.hpp"
#include "core/text/concat.hpp"
#include "tests/unit/postgres_server.hpp"

using namespace lurus;
using namespace lurus::test;
using sync::Mirror;

namespace {

/// Of a Result that must be there.
template <class T>
T must(Result<T> result) {
    REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().message));
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

std::int64_t change(sql::Database& database, std::string_view statement, const sql::Values& values = {}) {
    return must(database.write("changing", [&](sql::Transaction& t) { return t.execute(statement, values); }));
}

std::vector<std::string> texts(sql::Database& database, std::string_view query) {
    return must(database.read("reading", [&](sql::Connection& db) {
        return db.all(query, {}, [](const sql::Row& row) { return std::string(row.text(0)); });
    }));
}

constexpr std::string_view live_keys = "SELECT name FROM api_key ORDER BY id";

std::string insert_key(const std::string& id) {
    return "INSERT INTO api_key (id, name, hint, created_us, hash) VALUES ('" + id + "', '" + id +
           "', '', 1, decode(md5('" + id + "') || md5('2" + id + "'), 'hex'))";
}

/// A node's folder: its database, and the mirror that fills it.
struct Node {
    TempFolder folder;
    std::unique_ptr<sql::Database> local =
        must(sql::open_sqlite(folder.path / "lurus.db", {"identity", "limits", "tenancy", "audit", "signin", "billing",
                                                         "provider", "flags", "api", "background", "sync"}));
    std::unique_ptr<Mirror> mirror;

    explicit Node(sql::Database& authority) {
        follow(authority);
        must(mirror->adopt());
    }
    void follow(sql::Database& authority) { mirror = std::make_unique<Mirror>(authority, *local); }
    std::int64_t pull() { return must(mirror->pull()); }
};

struct Installation {
    std::string url = PostgresServer::here().new_database();
    std::unique_ptr<sql::PostgresDatabase> database = PostgresServer::here().open(url);

    Installation() {
        change(*database, "INSERT INTO installation (one, id, created_us) VALUES (1, 'the installation', 1)");
    }
};

/// Somebody who is connected, and says when their transactions begin and end.
struct Somebody {
    SocketDeadlines deadlines;
    std::unique_ptr<sql::PostgresConnection> connection;

    explicit Somebody(const std::string& url)
        : connection(must(sql::PostgresConnection::connect(must(sql::read_postgres_url(Secret(url), 2)), deadlines,
                                                           std::chrono::seconds(20)))) {}
    void run(const std::string& statement) { must(connection->execute(statement, {})); }
};

/// What makes a value of each column's type; the same text everywhere refers to whatever it has to.
struct Filler {
    std::string text = R"({"ü ' \\ $1":"\"é\u0001\n"})";

    sql::Value operator()(const std::string& column, const std::string& type) const {
        if (column == "one") return 1;
        if (column == "status") return "active";
        if (column == "role") return "owner";
        if (column == "origin") return "import";
        if (type == "integer") return 1;
        if (type == "bigint") return std::int64_t{9'007'199'254'740'993};
        if (type == "bytea") return sql::Bytes(std::string("\x00\x01\\'\"\xFF\x80", 7) + std::string(25, '\x7F'));
        return text;
    }
};

struct Column {
    std::string name, type;
    bool nullable = false;
};

/// Those of a table that PostgreSQL has, in the order of their names.
std::vector<Column> columns_of(sql::Database& authority, const std::string& table) {
    return must(authority.read("reading columns", [&](sql::Connection& db) {
        return db.all(
            "SELECT column_name, data_type, is_nullable = 'YES' FROM information_schema.columns WHERE table_name = $1 "
            "AND table_schema = current_schema() ORDER BY column_name COLLATE \"C\"",
            {table}, [](const sql::Row& row) {
                Column column;
                column.name = row.text(0);
                column.type = row.text(1);
                column.nullable = row.integer(2) != 0;
                return column;
            });
    }));
}

/// All rows of a table, every value as text.
std::vector<std::string> content_of(sql::Database& database, const std::string& table,
                                    const std::vector<Column>& columns) {
    std::string select, order;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        select += (i == 0 ? "SELECT " : ", ") + columns[i].name;
        order += (i == 0 ? " ORDER BY " : ", ") + std::to_string(i + 1);
    }
    auto rows = must(database.read("reading a table", [&](sql::Connection& db) {
        return db.all(select + " FROM " + table + order, {}, [&](const sql::Row& row) {
            std::string out;
            for (std::size_t i = 0; i < columns.size(); ++i) {
                const int at = static_cast<int>(i);
                out += columns[i].name + "=";
                if (row.is_null(at))
                    out += "null";
                else if (columns[i].type == "bytea")
                    for (const char c : row.bytes(at)) out += std::to_string(static_cast<unsigned char>(c)) + ",";
                else if (columns[i].type == "text")
                    out += "'" + std::string(row.text(at)) + "'";
                else
                    out += std::to_string(row.integer(at));
                out += " ";
            }
            return out;
        });
    }));
    std::ranges::sort(rows);  // nulls come first here and last there
    return rows;
}

/// What is mirrored, in an order in which each comes after those that it refers to.
std::vector<std::string> mirrored_tables(sql::Database& authority) {
    return texts(authority,
                 "SELECT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'note_row' ORDER BY tgrelid::oid");
}

void check_the_same(sql::Database& authority, Node& node) {
    for (const auto& table : mirrored_tables(authority)) {
        const auto columns = columns_of(authority, table);
        CAPTURE(table);
        CHECK(content_of(*node.local, table, columns) == content_of(authority, table, columns));
    }
}

}  // namespace

TEST_CASE("mirror: it has the tables of the authority, with the same columns and keys") {
    Installation there;
    Node node(*there.database);
    const auto tables = mirrored_tables(*there.database);
    CHECK(tables.size() == 21);
    for (const auto& table : tables) {
        CAPTURE(table);
        std::vector<std::string> names;
        for (const auto& column : columns_of(*there.database, table)) names.push_back(column.name);
        CHECK(names == texts(*node.local, "SELECT name FROM pragma_table_info('" + table + "') ORDER BY name"));
        CHECK(texts(*node.local, "SELECT name FROM pragma_table_info('" + table + "') WHERE pk > 0 ORDER BY pk") ==
              texts(*there.database,
                    "SELECT a.attname FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k "
                    "(number, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = "
                    "k.number WHERE i.indisprimary AND i.indrelid = '" +
                        table + "'::regclass ORDER BY k.place"));
    }
}

TEST_CASE("mirror: every column of every table arrives, is changed to null and is deleted") {
    Installation there;
    Node follows(*there.database);
    const auto tables = mirrored_tables(*there.database);
    const Filler filler;
    for (const auto& table : tables) {
        std::string names, numbers;
        sql::Values values;
        for (const auto& column : columns_of(*there.database, table)) {
            names += (values.empty() ? "" : ", ") + column.name;
            numbers += (values.empty() ? "$" : ", $") + std::to_string(values.size() + 1);
            values.push_back(filler(column.name, column.type));
        }
        REQUIRE(change(*there.database, concat({"INSERT INTO ", table, " (", names, ") VALUES (", numbers, ")"}),
                       values) == 1);
    }
    CHECK(follows.pull() == static_cast<std::int64_t>(tables.size()));
    check_the_same(*there.database, follows);
    Node copies(*there.database);
    check_the_same(*there.database, copies);

    for (const auto& table : tables) {
        for (const auto& column : columns_of(*there.database, table))
            if (column.nullable) change(*there.database, "UPDATE " + table + " SET " + column.name + " = NULL");
    }
    follows.pull();
    check_the_same(*there.database, follows);
    Node copies_nulls(*there.database);
    check_the_same(*there.database, copies_nulls);

    for (const auto& table : std::views::reverse(tables)) change(*there.database, "DELETE FROM " + table);
    follows.pull();
    check_the_same(*there.database, follows);
    CHECK(follows.pull() == 0);
}

TEST_CASE("mirror: a row whose key changes leaves nothing under the old one") {
    Installation there;
    Node node(*there.database);
    change(*there.database, "INSERT INTO flag (name, value, changed_us) VALUES ('a', '1', 1)");
    node.pull();
    change(*there.database, "UPDATE flag SET name = 'b'");
    node.pull();
    CHECK(texts(*node.local, "SELECT name FROM flag") == std::vector<std::string>{"b"});
}

TEST_CASE("mirror: who begins first and commits last is missed by nobody") {
    Installation there;
    Node one(*there.database), two(*there.database), three(*there.database);
    Somebody early(there.url), late(there.url);
    early.run("BEGIN");
    early.run(insert_key("early"));
    late.run("BEGIN");
    late.run(insert_key("late"));
    late.run("COMMIT");
    CHECK(one.pull() == 1);
    CHECK(two.pull() == 1);
    CHECK(texts(*one.local, live_keys) == std::vector<std::string>{"late"});
    early.run("COMMIT");
    for (Node* node : {&one, &two, &three}) {
        CHECK(node->pull() == (node == &three ? 2 : 1));
        CHECK(texts(*node->local, live_keys) == std::vector<std::string>{"early", "late"});
    }
}

// The moment between a commit's number and its end: whoever comes then must not be seen before it.
TEST_CASE("mirror: numbers follow the order of the commits also where one takes its time after its number") {
    Installation there;
    Node node(*there.database);
    Somebody slow(there.url), quick(there.url), watching(there.url);
    slow.run("BEGIN");
    slow.run(insert_key("slow"));
    slow.run("SET CONSTRAINTS ALL IMMEDIATE");  // its number is given, as at the commit
    std::atomic<bool> committed = false;
    std::thread other([&] {
        quick.run("BEGIN");
        quick.run(insert_key("quick"));
        quick.run("COMMIT");
        committed = true;
    });
    const auto waits = [&] {
        return must(watching.connection->exists(
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"));
    };
    while (!committed && !waits()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
    node.pull();
    slow.run("COMMIT");
    other.join();
    node.pull();
    CHECK(texts(*node.local, live_keys) == std::vector<std::string>{"quick", "slow"});
}

TEST_CASE("mirror: one transaction over several tables is seen whole or not at all") {
    Installation there;
    change(*there.database, "INSERT INTO flag (name, value, changed_us) VALUES ('round', '0', 0)");
    change(*there.database, "INSERT INTO price_model (model, version) VALUES ('round', 0)");
    Node node(*there.database);
    std::atomic<bool> done = false;
    std::atomic<int> halves = 0, reads = 0;
    std::thread reader([&] {
        while (!done) {
            const auto apart = node.local->read("reading both", [](sql::Connection& db) {
                return db.exists(
                    "SELECT 1 FROM flag f, price_model p WHERE f.name = 'round' AND f.changed_us <> p.version");
            });
            if (!apart || *apart) ++halves;
            ++reads;
        }
    });
    for (int round = 1; round <= 40; ++round) {
        must(there.database->write("changing both", [&](sql::Transaction& t) -> Result<void> {
            auto first = t.execute("UPDATE price_model SET version = $1 WHERE model = 'round'", {round});
            if (first) first = t.execute("UPDATE flag SET changed_us = $1 WHERE name = 'round'", {round});
            return first ? Result<void>() : std::unexpected(first.error());
        }));
        CHECK(node.pull() == 1);
    }
    done = true;
    reader.join();
    CHECK(reads > 0);
    CHECK(halves == 0);
    check_the_same(*there.database, node);
}

TEST_CASE("mirror: what is undone is not followed") {
    Installation there;
    Node node(*there.database);
    Somebody somebody(there.url);
    somebody.run("BEGIN");
    somebody.run(insert_key("undone"));
    somebody.run("ROLLBACK");
    somebody.run("BEGIN");
    somebody.run(insert_key("kept"));
    somebody.run("SAVEPOINT before");
    somebody.run(insert_key("undone"));
    somebody.run("ROLLBACK TO SAVEPOINT before");
    somebody.run("COMMIT");
    CHECK(node.pull() == 1);
    CHECK(texts(*node.local, live_keys) == std::vector<std::string>{"kept"});
}

TEST_CASE("mirror: a unique name that goes from one row to another") {
    Installation there;
    change(*there.database, insert_key("a"));
    change(*there.database, insert_key("b"));
    Node node(*there.database);
    SUBCASE("and back") {
        change(*there.database, "UPDATE api_key SET name = 'between' WHERE id = 'a'");
        change(*there.database, "UPDATE api_key SET name = 'a' WHERE id = 'b'");
        change(*there.database, "UPDATE api_key SET name = 'b' WHERE id = 'a'");
    }
    SUBCASE("to a row before it") {
        change(*there.database, "UPDATE api_key SET name = 'free' WHERE id = 'b'");
        change(*there.database, "UPDATE api_key SET name = 'b' WHERE id = 'a'");
    }
    SUBCASE("of one that is revoked") {
        change(*there.database, "UPDATE api_key SET revoked_us = 1 WHERE id = 'b'");
        change(*there.database, "UPDATE api_key SET name = 'b' WHERE id = 'a'");
    }
    SUBCASE("of one that is deleted") {
        change(*there.database, "DELETE FROM api_key WHERE id = 'b'");
        change(*there.database, "UPDATE api_key SET name = 'b' WHERE id = 'a'");
    }
    node.pull();
    check_the_same(*there.database, node);
    change(*there.database, insert_key("later"));
    CHECK(node.pull() == 1);
    check_the_same(*there.database, node);
}

TEST_CASE("mirror: what is deleted leaves its tombstone for the modules") {
    Installation there;
    const auto store = [&](auto work) { must(there.database->write("testing", work)); };
    store([](sql::Transaction& t) {
        t.changed("keys", "a");
        return t.execute(insert_key("a"));
    });
    Node node(*there.database);
    store([](sql::Transaction& t) {
        t.deleted("keys", "a");
        return t.execute("DELETE FROM api_key WHERE id = 'a'");
    });
    CHECK(node.pull() == 1);
    CHECK(texts(*node.local, live_keys).empty());
    CHECK(texts(*node.local, "SELECT deleted || ' ' || number FROM feed_change WHERE feed = 'keys' AND id = 'a'") ==
          std::vector<std::string>{"1 2"});
    check_the_same(*there.database, node);
}

TEST_CASE("mirror: it follows an authority that was restored to an older state") {
    Installation there;
    change(*there.database, insert_key("before"));
    Node node(*there.database);
    there.database->drop_idle();
    const std::string backup = PostgresServer::here().copy_of(there.url);
    change(*there.database, insert_key("lost"));
    CHECK(node.pull() == 1);
    REQUIRE(texts(*node.local, live_keys) == std::vector<std::string>{"before", "lost"});

    const auto restored = PostgresServer::here().open(backup);
    node.follow(*restored);
    std::vector<std::string> then{"before"};
    SUBCASE("and nothing happened since") {}
    SUBCASE("and has come as far as it had, in another way") {
        change(*restored, insert_key("other"));
        then.emplace_back("other");
    }
    SUBCASE("and has come further") {
        change(*restored, insert_key("other"));
        change(*restored, insert_key("third"));
        then.insert(then.end(), {"other", "third"});
    }
    CHECK(node.pull() > 0);
    CHECK(texts(*node.local, live_keys) == then);
    check_the_same(*restored, node);
    CHECK(node.pull() == 0);
    change(*restored, insert_key("then"));
    CHECK(node.pull() == 1);
    check_the_same(*restored, node);
}

TEST_CASE("mirror: a feed loses its first commits only, and who was away for longer copies everything") {
    Installation there;
    Node node(*there.database);
    for (const char* id : {"a", "b", "c"}) change(*there.database, insert_key(id));
    change(*there.database, "UPDATE commit_feed SET time = now() - interval '61 minutes'");
    // Its clock was set: what is after something that goes stays.
    change(*there.database, "UPDATE commit_feed SET time = now() WHERE number = 1");
    CHECK(must(Mirror::shorten_feed(*there.database, std::chrono::hours(2))) == 0);
    CHECK(must(Mirror::shorten_feed(*there.database, std::chrono::hours(1))) == 3);
    CHECK(texts(*there.database, "SELECT number FROM commit_feed") == std::vector<std::string>{"4"});
    CHECK(texts(*there.database, "SELECT DISTINCT row_key FROM row_change") == std::vector<std::string>{R"(["c"])"});
    node.pull();
    CHECK(texts(*node.local, live_keys) == std::vector<std::string>{"a", "b", "c"});
    check_the_same(*there.database, node);
    change(*there.database, insert_key("d"));
    CHECK(node.pull() == 1);
    check_the_same(*there.database, node);
}

TEST_CASE("mirror: an authority that is another installation's changes nothing here") {
    Installation there;
    change(*there.database, insert_key("ours"));
    Node node(*there.database);
    const std::string url = PostgresServer::here().new_database();
    const auto other = PostgresServer::here().open(url);
    node.follow(*other);
    CHECK(node.mirror->pull().error().code == ErrorCode::not_found);
    change(*other, "INSERT INTO installation (one, id, created_us) VALUES (1, 'another installation', 1)");
    const auto pulled = node.mirror->pull();
    REQUIRE_FALSE(pulled.has_value());
    CHECK(pulled.error().code == ErrorCode::conflict);
    CHECK(pulled.error().message.contains("another installation"));
    CHECK(texts(*node.local, live_keys) == std::vector<std::string>{"ours"});
}
