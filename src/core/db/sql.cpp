#include "core/db/sql.hpp"

namespace lurus::sql {

Result<bool> Connection::exists(std::string_view statement, const Values& values) {
    bool found = false;
    auto done = query(statement, values, [&](const Row&) -> Result<bool> {
        found = true;
        return false;
    });
    if (!done) return std::unexpected(done.error());
    return found;
}

Result<void> Connection::execute_versioned(std::string_view statement, const Values& values, std::string_view what) {
    const auto rows = execute(statement, values);
    if (!rows) return std::unexpected(rows.error());
    if (*rows == 0) return fail(ErrorCode::conflict, std::string(what) + " was changed meanwhile; read it again");
    return {};
}

void Transaction::note(std::string_view feed, std::string_view id, bool deleted) {
    auto& of_feed = changes_.try_emplace(std::string(feed)).first->second;
    of_feed.insert_or_assign(std::string(id), deleted);
}

Result<void> Transaction::number_changes() {
    for (const auto& [feed, changes] : changes_) {
        const auto head = first(
            "INSERT INTO feed_head (feed, number) VALUES ($1, $2) ON CONFLICT (feed) DO UPDATE SET number = "
            "feed_head.number + excluded.number RETURNING number",
            {feed, changes.size()}, [](const Row& row) { return row.integer(0); });
        if (!head) return std::unexpected(head.error());
        std::int64_t number = **head - static_cast<std::int64_t>(changes.size());
        for (const auto& [id, deleted] : changes) {
            auto done = execute(
                "INSERT INTO feed_change (feed, id, number, deleted) VALUES ($1, $2, $3, $4) ON CONFLICT (feed, id) DO "
                "UPDATE SET number = excluded.number, deleted = excluded.deleted",
                {feed, id, ++number, deleted});
            if (!done) return std::unexpected(done.error());
        }
    }
    changes_.clear();
    return {};
}

}  // namespace lurus::sql
