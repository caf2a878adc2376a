#include "modules/sync/mirror.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "core/json/json_bytes.hpp"
#include "core/text/concat.hpp"
#include "modules/sync/move.hpp"
#include "modules/sync/tables.hpp"

namespace lurus::sync {
namespace {

/// `a = $1 AND b = $2`
std::string matched(const std::vector<std::string>& key) {
    std::string out;
    for (std::size_t i = 0; i < key.size(); ++i)
        out += (i == 0 ? "" : " AND ") + key[i] + " = $" + std::to_string(i + 1);
    return out;
}

/// The text of a key's part, as PostgreSQL writes it.
sql::Value key_part(const std::string& text, std::string_view type) {
    if (type == "INTEGER") return std::stoll(text);
    if (type != "BLOB") return text;
    std::string bytes;
    for (std::size_t at = 2; at + 1 < text.size(); at += 2)
        bytes += static_cast<char>(json::bytes::hex_digit(text[at]) * 16 + json::bytes::hex_digit(text[at + 1]));
    return sql::Bytes(std::move(bytes));
}

Result<MirrorPlace> read_place(sql::Connection& db) {
    auto place = db.first("SELECT installation, number, mark FROM mirror", {}, [](const sql::Row& row) {
        MirrorPlace out;
        out.installation = row.text(0);
        out.number = row.integer(1);
        out.mark = row.text(2);
        return out;
    });
    if (!place) return std::unexpected(place.error());
    return place->value_or(MirrorPlace());
}

/// Where the authority is at the moment that `db` sees. Nothing was committed yet: number 0, no mark.
Result<MirrorPlace> head_of(sql::Connection& db) {
    auto head = db.first(
        "SELECT i.id, h.number, coalesce(f.mark::text, ''), i.retired_us IS NOT NULL FROM installation i CROSS JOIN "
        "commit_head h LEFT JOIN commit_feed f ON f.number = h.number",
        {}, [](const sql::Row& row) -> Result<MirrorPlace> {
            if (row.integer(3) != 0) return fail(ErrorCode::conflict, retired_text);
            MirrorPlace out;
            out.installation = row.text(0);
            out.number = row.integer(1);
            out.mark = row.text(2);
            return out;
        });
    if (!head) return std::unexpected(head.error());
    if (!*head) return fail(ErrorCode::not_found, "the database has no installation");
    return **std::move(head);
}

Result<void> store_place(sql::Connection& db, const MirrorPlace& place) {
    auto done = db.execute(
        "INSERT INTO mirror (one, installation, number, mark) VALUES (1, $1, $2, $3) ON CONFLICT (one) DO UPDATE SET "
        "installation = excluded.installation, number = excluded.number, mark = excluded.mark",
        {place.installation, place.number, place.mark});
    if (!done) return std::unexpected(done.error());
    return {};
}

}  // namespace

/// Rows of one table as they are to be here, and the keys of those that are gone.
struct Mirror::Rows {
    const Table* table = nullptr;
    std::vector<sql::Values> present;
    std::vector<sql::Values> gone;
};

Result<std::vector<Mirror::Table>> Mirror::tables() {
    return local_.read("reading the mirror's tables", [](sql::Connection& db) -> Result<std::vector<Table>> {
        std::vector<Table> out;
        for (const char* name : mirrored) {
            Table table;
            table.name = name;
            std::map<std::int64_t, std::size_t> key;
            auto read = db.query("SELECT name, type, pk FROM pragma_table_info($1)", {name},
                                 [&](const sql::Row& row) -> Result<bool> {
                                     if (row.integer(2) > 0) key.emplace(row.integer(2), table.columns.size());
                                     table.columns.emplace_back(row.text(0));
                                     table.types.emplace_back(row.text(1));
                                     return true;
                                 });
            if (!read) return std::unexpected(read.error());
            for (const auto& [place, column] : key) {
                table.key.push_back(table.columns[column]);
                table.key_types.push_back(table.types[column]);
            }
            out.push_back(std::move(table));
        }
        return out;
    });
}

Result<MirrorPlace> Mirror::place() {
    return local_.read("reading the mirror's place", read_place);
}

Result<void> Mirror::adopt() {
    const std::scoped_lock lock(mutex_);
    return copy_all();
}

Result<void> Mirror::copy_all() {
    if (tables_.empty()) {
        auto read = tables();
        if (!read) return std::unexpected(read.error());
        tables_ = *std::move(read);
    }
    MirrorPlace head;
    std::vector<Rows> all;
    auto read = authority_.read("copying the authority", [&](sql::Connection& db) -> Result<void> {
        auto at = head_of(db);
        if (!at) return std::unexpected(at.error());
        head = *std::move(at);
        for (const Table& table : tables_) {
            Rows rows;
            rows.table = &table;
            auto found = rows_of_table(db, table.name, table.columns, table.types);
            if (!found) return std::unexpected(found.error());
            rows.present = *std::move(found);
            all.push_back(std::move(rows));
        }
        return {};
    });
    if (!read) return read;
    auto copied = local_.write("copying the authority", [&](sql::Transaction& db) -> Result<void> {
        for (const auto& rows : std::views::reverse(all)) {
            auto cleared = db.execute("DELETE FROM " + rows.table->name);
            if (!cleared) return std::unexpected(cleared.error());
        }
        for (const auto& rows : all) {
            const std::string insert = concat({"INSERT INTO ", rows.table->name, " (", listed(rows.table->columns),
                                               ") VALUES (", numbered(1, rows.table->columns.size()), ")"});
            for (const auto& values : rows.present) {
                auto stored = db.execute(insert, values);
                if (!stored) return std::unexpected(stored.error());
            }
        }
        return store_place(db, head);
    });
    if (copied) ++histories_;
    return copied;
}

Result<std::int64_t> Mirror::pull() {
    const std::scoped_lock lock(mutex_);
    if (tables_.empty()) {
        auto read = tables();
        if (!read) return std::unexpected(read.error());
        tables_ = *std::move(read);
    }
    const auto here = local_.read("reading the mirror's place", read_place);
    if (!here) return std::unexpected(here.error());
    MirrorPlace head;
    bool same_history = true;
    std::vector<Rows> changed;
    auto read = authority_.read("following the authority", [&](sql::Connection& db) -> Result<void> {
        auto at = head_of(db);
        if (!at) return std::unexpected(at.error());
        head = *std::move(at);
        if (head.installation != here->installation)
            return fail(ErrorCode::conflict, "the database belongs to another installation (" + head.installation +
                                                 ", this folder to " + here->installation + ")");
        if (head.number == here->number && head.mark == here->mark) return {};
        // What it has not got is in the feed from the next number on.
        const auto known = here->number == 0
                               ? db.exists("SELECT FROM commit_feed WHERE number = 1")
                               : db.exists("SELECT FROM commit_feed WHERE number = $1 AND mark::text = $2",
                                           {here->number, here->mark});
        if (!known) return std::unexpected(known.error());
        same_history = *known;
        if (!same_history) return {};
        std::map<std::string, std::vector<std::string>> keys;
        auto touched = db.query(
            "SELECT DISTINCT c.table_name, c.row_key FROM commit_feed f JOIN row_change c ON c.mark = f.mark WHERE "
            "f.number > $1",
            {here->number}, [&](const sql::Row& row) -> Result<bool> {
                keys[std::string(row.text(0))].emplace_back(row.text(1));
                return true;
            });
        if (!touched) return touched;
        for (const Table& table : tables_) {
            Rows rows;
            rows.table = &table;
            const std::string select =
                concat({"SELECT ", listed(table.columns), " FROM ", table.name, " WHERE ", matched(table.key)});
            for (const auto& text : keys[table.name]) {
                const auto parts = nlohmann::json::parse(text, nullptr, false);
                if (!parts.is_array() || parts.size() != table.key.size())
                    return fail(ErrorCode::corrupt, "a change of " + table.name + " has the key " + text);
                sql::Values key;
                for (std::size_t i = 0; i < parts.size(); ++i)
                    key.push_back(key_part(parts[i].get<std::string>(), table.key_types[i]));
                auto row = db.first(select, key, [&](const sql::Row& found) { return values_of(found, table.types); });
                if (!row) return std::unexpected(row.error());
                if (*row)
                    rows.present.push_back(**std::move(row));
                else
                    rows.gone.push_back(std::move(key));
            }
            if (!rows.present.empty() || !rows.gone.empty()) changed.push_back(std::move(rows));
        }
        return {};
    });
    if (!read) return std::unexpected(read.error());
    if (head.number == here->number && head.mark == here->mark) return 0;
    // Another history, as after the restore of a backup, or one that was cut off before this place.
    if (!same_history) {
        if (auto done = copy_all(); !done) return std::unexpected(done.error());
        return std::max<std::int64_t>(1, head.number - here->number);
    }
    auto applied = local_.write("following the authority", [&](sql::Transaction& db) -> Result<void> {
        // Rows refer to one another, and come in the order of their tables.
        if (auto later = db.execute("PRAGMA defer_foreign_keys = ON"); !later) return std::unexpected(later.error());
        for (const auto& rows : std::views::reverse(changed)) {
            const std::string remove = concat({"DELETE FROM ", rows.table->name, " WHERE ", matched(rows.table->key)});
            for (const auto& key : rows.gone) {
                if (auto done = db.execute(remove, key); !done) return std::unexpected(done.error());
            }
        }
        for (const auto& rows : changed) {
            std::string put = concat({"INSERT INTO ", rows.table->name, " (", listed(rows.table->columns), ") VALUES (",
                                      numbered(1, rows.table->columns.size()), ") ON CONFLICT (",
                                      listed(rows.table->key), ") DO UPDATE SET "});
            std::string set;
            for (const auto& column : rows.table->columns)
                set += (set.empty() ? "" : ", ") + column + " = excluded." + column;
            put += set;
            for (const auto& values : rows.present) {
                if (auto done = db.execute(put, values); !done) return std::unexpected(done.error());
            }
        }
        return store_place(db, head);
    });
    // A unique value went from one row to another.
    if (!applied && applied.error().code == ErrorCode::conflict) applied = copy_all();
    if (!applied) return std::unexpected(applied.error());
    return head.number - here->number;
}

// The last one stays, whose mark says where a mirror is. Whatever the clock did, what goes are the first ones.
Result<std::int64_t> Mirror::shorten_feed(sql::Database& authority, std::chrono::seconds older_than) {
    return authority.write("shortening the feed", [&](sql::Transaction& db) -> Result<std::int64_t> {
        const auto gone = db.first(
            "WITH gone AS (DELETE FROM commit_feed WHERE number < (SELECT number FROM commit_head) AND number <= "
            "(SELECT max(number) FROM commit_feed WHERE time < now() - make_interval(secs => $1)) RETURNING mark), "
            "rows AS (DELETE FROM row_change USING gone WHERE row_change.mark = gone.mark) SELECT count(*) FROM gone",
            {older_than.count()}, [](const sql::Row& row) { return row.integer(0); });
        if (!gone) return std::unexpected(gone.error());
        return gone->value_or(0);
    });
}

}  // namespace lurus::sync
