// Moves what is kept from a folder into an installation's database, and back. Exactly one of the two takes changes at
// any moment. To PostgreSQL: the folder notes the installation that is being made right before the one transaction that
// makes it is committed; from then on it takes no changes, and what became of the commit decides. To SQLite: the
// database takes no changes from its retirement on, and knows the one folder that may take it over.
#include "modules/sync/move.hpp"

#include <algorithm>
#include <map>
#include <ranges>

#include "core/os/files.hpp"
#include "core/text/concat.hpp"
#include "lurus/ids.hpp"
#include "lurus/sync.hpp"
#include "modules/sync/tables.hpp"

namespace lurus {
namespace sync {
namespace {

constexpr std::size_t rows_at_once = 100;

struct MovedTable {
    std::string name;
    std::vector<std::string> columns, types;  // INTEGER, TEXT or BLOB, as the installation's database has them
};
struct MovedRows {
    const MovedTable* table = nullptr;
    std::vector<sql::Values> rows;
};

std::vector<std::string> moved_names() {
    std::vector<std::string> out(mirrored.begin(), mirrored.end());
    out.insert(out.end(), unmirrored.begin(), unmirrored.end());
    return out;
}

Result<std::vector<MovedTable>> tables_of(sql::Connection& postgres) {
    std::vector<MovedTable> out;
    for (const auto& name : moved_names()) {
        MovedTable table;
        table.name = name;
        auto read = postgres.query(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = current_schema() AND "
            "table_name = $1 ORDER BY ordinal_position",
            {name}, [&](const sql::Row& row) -> Result<bool> {
                table.columns.emplace_back(row.text(0));
                table.types.emplace_back(row.text(1) == "text" ? "TEXT" : row.text(1) == "bytea" ? "BLOB" : "INTEGER");
                return true;
            });
        if (!read) return std::unexpected(read.error());
        out.push_back(std::move(table));
    }
    return out;
}

/// A column that only one side has would be lost on the way.
Result<void> same_columns(sql::Connection& local, const std::vector<MovedTable>& tables) {
    for (const auto& table : tables) {
        auto here = local.all("SELECT name FROM pragma_table_info($1) ORDER BY name", {table.name},
                              [](const sql::Row& row) { return std::string(row.text(0)); });
        if (!here) return std::unexpected(here.error());
        std::vector<std::string> there = table.columns;
        std::ranges::sort(there);
        std::ranges::sort(*here);
        if (*here != there)
            return fail(ErrorCode::internal, "the two databases have different columns of " + table.name + ": " +
                                                 listed(*here) + ", and " + listed(there));
    }
    return {};
}

Result<MovedRows> rows_of(sql::Connection& db, const MovedTable& table) {
    MovedRows out;
    out.table = &table;
    auto read = rows_of_table(db, table.name, table.columns, table.types);
    if (!read) return std::unexpected(read.error());
    out.rows = *std::move(read);
    return out;
}

Result<std::vector<MovedRows>> all_rows_of(sql::Connection& db, const std::vector<MovedTable>& tables) {
    std::vector<MovedRows> out;
    for (const auto& table : tables) {
        auto rows = rows_of(db, table);
        if (!rows) return std::unexpected(rows.error());
        out.push_back(*std::move(rows));
    }
    return out;
}

std::int64_t count_of(const std::vector<MovedRows>& all) {
    std::int64_t count = 0;
    for (const auto& each : all) count += static_cast<std::int64_t>(each.rows.size());
    return count;
}

/// Each row as bytes that differ where the row differs, in order.
std::vector<std::string> comparable(const std::vector<sql::Values>& rows) {
    std::vector<std::string> out;
    for (const auto& row : rows) {
        std::string text;
        for (const auto& value : row) {
            const auto& held = value.held();
            const auto add = [&](char type, const std::string& bytes) {
                text += type + std::to_string(bytes.size()) + ':' + bytes;
            };
            if (const auto* integer = std::get_if<std::int64_t>(&held))
                add('i', std::to_string(*integer));
            else if (const auto* string = std::get_if<std::string>(&held))
                add('t', *string);
            else if (const auto* bytes = std::get_if<sql::Bytes>(&held))
                add('b', bytes->data);
            else
                add('n', "");
        }
        out.push_back(std::move(text));
    }
    std::ranges::sort(out);
    return out;
}

Result<void> clear_tables(sql::Connection& db, const std::vector<MovedTable>& tables) {
    for (const auto& table : std::views::reverse(tables)) {
        if (auto done = db.execute("DELETE FROM " + table.name); !done) return std::unexpected(done.error());
    }
    return {};
}

class Mover {
public:
    Mover(std::int64_t all, const MoveProgress& progress) : all_(all * 2), progress_(progress) {}

    /// Stores all rows, and reads them again.
    Result<void> copy(sql::Connection& to, const std::vector<MovedRows>& all) {
        for (const auto& each : all) {
            if (auto done = store(to, each); !done) return done;
        }
        for (const auto& each : all) {
            const auto there = rows_of(to, *each.table);
            if (!there) return std::unexpected(there.error());
            if (comparable(there->rows) != comparable(each.rows))
                return fail(ErrorCode::corrupt,
                            "what was stored of " + each.table->name + " is not what was read: nothing was moved");
            tell("verifying " + each.table->name, each.rows.size());
        }
        return {};
    }

private:
    Result<void> store(sql::Connection& to, const MovedRows& from) {
        const std::size_t width = from.table->columns.size();
        for (std::size_t at = 0; at < from.rows.size(); at += rows_at_once) {
            const std::size_t count = std::min(rows_at_once, from.rows.size() - at);
            std::string insert =
                concat({"INSERT INTO ", from.table->name, " (", listed(from.table->columns), ") VALUES "});
            sql::Values values;
            for (std::size_t i = 0; i < count; ++i) {
                insert += (i == 0 ? "(" : ", (") + numbered(1 + i * width, width) + ")";
                for (const auto& value : from.rows[at + i]) values.push_back(value);
            }
            if (auto done = to.execute(insert, values); !done)
                return fail(done.error().code, from.table->name + ": " + done.error().message);
            tell("copying " + from.table->name, count);
        }
        return {};
    }
    void tell(const std::string& doing, std::size_t rows) {
        done_ += static_cast<std::int64_t>(rows);
        if (progress_) progress_(doing, done_, all_);
    }

    const std::int64_t all_;
    const MoveProgress& progress_;
    std::int64_t done_ = 0;
};

struct InstallationRow {
    std::string id, retired_by;
};
Result<std::optional<InstallationRow>> installation_of(sql::Connection& db) {
    return db.first("SELECT id, coalesce(retired_by, '') FROM installation", {}, [](const sql::Row& row) {
        return InstallationRow{std::string(row.text(0)), std::string(row.text(1))};
    });
}

Result<std::string> own_installation(sql::Connection& local) {
    auto found = local.first("SELECT installation FROM mirror", {},
                             [](const sql::Row& row) { return std::string(row.text(0)); });
    if (!found) return std::unexpected(found.error());
    return found->value_or("");
}

Result<void> store_move(sql::Database& local, std::string_view direction, const OpenMove& move) {
    return local.write("noting the move", [&](sql::Transaction& db) -> Result<void> {
        auto done = db.execute(
            "INSERT INTO move (one, direction, installation, number, mark) VALUES (1, $1, $2, $3, $4) ON CONFLICT "
            "(one) DO UPDATE SET direction = excluded.direction, installation = excluded.installation, number = "
            "excluded.number, mark = excluded.mark",
            {direction, move.installation, move.number, move.mark});
        if (!done) return std::unexpected(done.error());
        return {};
    });
}

Result<void> execute_all(sql::Connection& db, std::initializer_list<const char*> statements) {
    for (const char* statement : statements) {
        if (auto done = db.execute(statement); !done) return std::unexpected(done.error());
    }
    return {};
}

Result<void> is_empty(sql::Connection& postgres, const std::string& shown) {
    const auto there = installation_of(postgres);
    if (!there) return std::unexpected(there.error());
    if (*there && !(*there)->retired_by.empty())
        return fail(ErrorCode::conflict, "the database at " + shown +
                                             " holds what was moved out of it with `lurus migrate --to-sqlite`: make "
                                             "an empty one, and name that in [postgres]");
    if (*there)
        return fail(ErrorCode::conflict, "the database at " + shown + " has an installation already (" + (*there)->id +
                                             "): name an empty one in [postgres] to move this folder there, or give "
                                             "this node an empty --data-dir to join that");
    const auto content = content_of(postgres);
    if (!content) return std::unexpected(content.error());
    if (!content->empty())
        return fail(ErrorCode::conflict, "the database at " + shown + " is not empty (" + *content + ")");
    return {};
}

/// Where the transaction's commit will be in the history of the installation.
Result<void> number_now(sql::Connection& postgres, OpenMove& move) {
    if (auto done = postgres.execute("SET CONSTRAINTS ALL IMMEDIATE"); !done) return std::unexpected(done.error());
    auto head =
        postgres.first("SELECT h.number, f.mark::text FROM commit_head h JOIN commit_feed f ON f.number = h.number", {},
                       [&](const sql::Row& row) {
                           move.number = row.integer(0);
                           move.mark = row.text(1);
                           return true;
                       });
    if (!head) return std::unexpected(head.error());
    if (!*head) return fail(ErrorCode::internal, "the move has no number");
    return {};
}

}  // namespace

Result<std::optional<OpenMove>> open_move(sql::Connection& local) {
    return local.first("SELECT direction, installation, number, mark FROM move", {}, [](const sql::Row& row) {
        OpenMove move;
        move.direction = row.text(0) == "to_sqlite" ? MoveDirection::to_sqlite : MoveDirection::to_postgres;
        move.installation = row.text(1);
        move.number = row.integer(2);
        move.mark = row.text(3);
        return move;
    });
}

Result<MoveEnd> end_move(sql::Database& authority, sql::Database& local) {
    const auto open = local.read("looking for a move", open_move);
    if (!open) return std::unexpected(open.error());
    if (!*open || (*open)->direction != MoveDirection::to_postgres) return MoveEnd::none;
    // A writer waits for the one whose end is not known.
    const auto there = authority.write("looking for what became of the move",
                                       [](sql::Transaction& db) { return installation_of(db); });
    if (!there) return std::unexpected(there.error());
    const bool committed = *there && (*there)->id == (*open)->installation;
    auto done = local.write("ending the move", [&](sql::Transaction& db) -> Result<void> {
        if (committed) {
            auto joined = db.execute("INSERT INTO mirror (one, installation, number, mark) VALUES (1, $1, $2, $3)",
                                     {(*open)->installation, (*open)->number, (*open)->mark});
            if (!joined) return std::unexpected(joined.error());
            for (const char* table : std::views::reverse(unmirrored)) {
                if (auto gone = db.execute(std::string("DELETE FROM ") + table); !gone)
                    return std::unexpected(gone.error());
            }
        }
        return execute_all(db, {"DELETE FROM move"});
    });
    if (!done) return std::unexpected(done.error());
    return committed ? MoveEnd::finished : MoveEnd::undone;
}

}  // namespace sync

Result<Moved> move_to_postgres(sql::PostgresDatabase& authority, sql::Database& local, const std::string& shown,
                               const Clock& clock, const MoveProgress& progress) {
    using namespace sync;
    const auto own = local.read("reading the mirror's place", own_installation);
    if (!own) return std::unexpected(own.error());
    if (!own->empty())
        return fail(ErrorCode::conflict, "this folder belongs to an installation already (" + *own + ")");
    if (auto done = authority.migrate(); !done) return std::unexpected(done.error());
    Moved moved;
    const auto before = local.read("looking for a move", open_move);
    if (!before) return std::unexpected(before.error());
    const auto ended = end_move(authority, local);
    if (!ended) return std::unexpected(ended.error());
    if (*ended == MoveEnd::finished) {
        moved.installation = (*before)->installation;
        moved.resumed = true;
        return moved;
    }
    OpenMove move;
    move.installation = IdGenerator().next(clock.now()).hex();
    auto copied = authority.write("moving to PostgreSQL", [&](sql::Transaction& there) -> Result<void> {
        if (auto empty = is_empty(there, shown); !empty) return empty;
        const auto tables = tables_of(there);
        if (!tables) return std::unexpected(tables.error());
        const auto all = local.read("moving to PostgreSQL", [&](sql::Connection& db) -> Result<std::vector<MovedRows>> {
            if (auto same = same_columns(db, *tables); !same) return std::unexpected(same.error());
            return all_rows_of(db, *tables);
        });
        if (!all) return std::unexpected(all.error());
        moved.rows = count_of(*all);
        if (auto done = clear_tables(there, *tables); !done) return done;
        if (auto done = Mover(moved.rows, progress).copy(there, *all); !done) return done;
        // What is added from now on comes after what was moved.
        for (const char* table : {"provider", "route"}) {
            auto next = there.execute(concat({"SELECT setval(pg_get_serial_sequence('", table,
                                              "', 'position'), coalesce(max(position), 0) + 1, false) FROM ", table}));
            if (!next) return std::unexpected(next.error());
        }
        auto made = there.execute("INSERT INTO installation (one, id, created_us) VALUES (1, $1, $2)",
                                  {move.installation, clock.now()});
        if (!made) return std::unexpected(made.error());
        if (auto done = number_now(there, move); !done) return done;
        return store_move(local, "to_postgres", move);
    });
    const auto end = end_move(authority, local);
    if (!end)
        return fail(end.error().code, end.error().message +
                                          "; how the move ended is not known: the folder takes no changes until this "
                                          "was run again");
    if (*end == MoveEnd::finished) {
        moved.installation = move.installation;
        return moved;
    }
    if (!copied) return std::unexpected(copied.error());
    return fail(ErrorCode::internal, "the move was committed, and is not there");
}

Result<Moved> move_to_sqlite(sql::PostgresDatabase& authority, sql::Database& local, const std::string& shown,
                             const Clock& clock, const MoveProgress& progress) {
    using namespace sync;
    if (auto done = authority.migrate(); !done) return std::unexpected(done.error());
    if (auto ended = end_move(authority, local); !ended) return std::unexpected(ended.error());
    const auto own = local.read("reading the mirror's place", own_installation);
    if (!own) return std::unexpected(own.error());
    if (own->empty())
        return fail(ErrorCode::conflict, "this folder belongs to no installation: there is nothing to be moved here");
    auto before = local.read("looking for a move", open_move);
    if (!before) return std::unexpected(before.error());
    Moved moved;
    moved.installation = *own;
    moved.resumed = before->has_value();
    OpenMove move = before->value_or(OpenMove());
    if (!*before) {
        auto token = random_hex(16);
        if (!token) return std::unexpected(token.error());
        move.installation = *own;
        move.mark = *std::move(token);
        if (auto done = store_move(local, "to_sqlite", move); !done) return std::unexpected(done.error());
    }
    auto retired = authority.write("retiring the installation", [&](sql::Transaction& db) -> Result<void> {
        const auto there = installation_of(db);
        if (!there) return std::unexpected(there.error());
        if (!*there || (*there)->id != *own)
            return fail(ErrorCode::conflict, "the database at " + shown +
                                                 " is not that of this folder's installation (" + *own +
                                                 "): name that one in [postgres]");
        if ((*there)->retired_by == move.mark) return {};
        if (!(*there)->retired_by.empty())
            return fail(ErrorCode::conflict, "another node took the installation out of " + shown + " already");
        auto done = db.execute("UPDATE installation SET retired_us = $1, retired_by = $2", {clock.now(), move.mark});
        if (!done) return std::unexpected(done.error());
        return {};
    });
    if (!retired) return std::unexpected(retired.error());
    std::vector<MovedTable> tables;
    auto all = authority.read("moving to lurus.db", [&](sql::Connection& db) -> Result<std::vector<MovedRows>> {
        auto found = tables_of(db);
        if (!found) return std::unexpected(found.error());
        tables = *std::move(found);
        return all_rows_of(db, tables);
    });
    if (!all) return std::unexpected(all.error());
    moved.rows = count_of(*all);
    auto stored = local.write("moving to lurus.db", [&](sql::Transaction& db) -> Result<void> {
        if (auto same = same_columns(db, tables); !same) return same;
        if (auto done = clear_tables(db, tables); !done) return done;
        if (auto done = Mover(moved.rows, progress).copy(db, *all); !done) return done;
        return execute_all(db, {"DELETE FROM mirror", "DELETE FROM move"});
    });
    if (!stored) return std::unexpected(stored.error());
    return moved;
}

}  // namespace lurus
