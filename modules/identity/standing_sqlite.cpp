#include "modules/identity/directory_sqlite.hpp"

namespace lurus::identity {

Result<UserSet> SqliteDirectory::barred() {
    return with("reading who is disabled", [](auto& db) -> Result<UserSet> {
        UserSet all;
        SQLite::Statement select(
            db,
            "SELECT m.id FROM member m LEFT JOIN user_account u ON u.id = m.user_id WHERE m.disabled "
            "= 1 OR m.removed_us IS NOT NULL OR u.status IN ('disabled', 'erased') "
            "UNION ALL SELECT id FROM org WHERE removed_us IS NOT NULL");
        while (select.executeStep()) all.insert(select.getColumn(0).getString());
        return all;
    });
}

}  // namespace lurus::identity
