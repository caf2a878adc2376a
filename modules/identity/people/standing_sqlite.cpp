#include "modules/identity/people/directory_sqlite.hpp"

namespace lurus::identity {

Limits limits_in(const SQLite::Column& column) {
    return limits_from_stored(column.getString()).value_or(Limits());
}

Result<Standing> SqliteDirectory::standing() {
    return with("reading who is disabled", [](auto& db) -> Result<Standing> {
        Standing all;
        SQLite::Statement barred(
            db,
            "SELECT m.id FROM member m LEFT JOIN user_account u ON u.id = m.user_id WHERE m.disabled "
            "= 1 OR m.removed_us IS NOT NULL OR u.status IN ('disabled', 'erased') "
            "UNION ALL SELECT id FROM org WHERE removed_us IS NOT NULL");
        while (barred.executeStep()) all.barred.insert(barred.getColumn(0).getString());
        SQLite::Statement limited(
            db,
            "SELECT id, limits FROM member WHERE limits != '{}' UNION ALL SELECT id, limits FROM "
            "team WHERE limits != '{}' UNION ALL SELECT id, limits FROM org WHERE limits != '{}'");
        while (limited.executeStep()) {
            // Nothing goes on without the limits it has.
            const auto limits = limits_from_stored(limited.getColumn(1).getString());
            if (!limits)
                return fail(ErrorCode::corrupt,
                            "limits of " + limited.getColumn(0).getString() + ": " + limits.error().message);
            all.limits.emplace(limited.getColumn(0).getString(), *limits);
        }
        return all;
    });
}

}  // namespace lurus::identity
