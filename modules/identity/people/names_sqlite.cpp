#include "modules/identity/people/directory_sqlite.hpp"

namespace lurus::identity {

Result<std::map<std::string, std::string, std::less<>>> SqliteDirectory::names() {
    using Names = std::map<std::string, std::string, std::less<>>;
    return with("reading names", [&](auto& db) -> Result<Names> {
        Names names;
        SQLite::Statement select(db,
                                 "SELECT id, name FROM org UNION ALL SELECT id, name FROM team UNION ALL "
                                 "SELECT m.id, coalesce(u.email, m.name) FROM member m "
                                 "LEFT JOIN user_account u ON u.id = m.user_id");
        while (select.executeStep()) names.emplace(select.getColumn(0).getString(), select.getColumn(1).getString());
        return names;
    });
}

}  // namespace lurus::identity
