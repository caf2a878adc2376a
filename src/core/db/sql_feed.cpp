#include "core/db/sql_feed.hpp"

namespace lurus::sql {

Result<std::int64_t> SqlFeed::head() {
    // Asked first: rows of a history that begins meanwhile are read again the next time.
    const std::int64_t history = database_.history() << history_bit;
    return database_.read("reading the changes of " + feed_, [&](Connection& db) -> Result<std::int64_t> {
        const auto head = db.first("SELECT number FROM feed_head WHERE feed = $1", {feed_},
                                   [](const Row& row) { return row.integer(0); });
        if (!head) return std::unexpected(head.error());
        return history + head->value_or(0);
    });
}

Result<std::vector<Change>> SqlFeed::changes_after(std::int64_t number, std::size_t limit) {
    const std::int64_t history = database_.history() << history_bit;
    const std::int64_t after = same_history(history, number) ? number - history : 0;
    return database_.read("reading the changes of " + feed_, [&](Connection& db) {
        return db.all(
            "SELECT number, id, deleted FROM feed_change WHERE feed = $1 AND number > $2 ORDER BY number "
            "LIMIT $3",
            {feed_, after, limit}, [&](const Row& row) {
                Change change;
                change.number = history + row.integer(0);
                change.id = row.text(1);
                change.deleted = row.integer(2) != 0;
                return change;
            });
    });
}

}  // namespace lurus::sql
