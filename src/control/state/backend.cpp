#include "control/state/backend.hpp"

#include "core/db/sql_sqlite.hpp"

namespace lurus::app {
namespace {

class SqlBackend final : public Backend {
public:
    explicit SqlBackend(std::unique_ptr<sql::Database> database) : database_(std::move(database)) {}

    Result<bool> changed() override { return database_->changed(); }

    // Who may do what.

    // What is configured while the server runs.

private:
    std::unique_ptr<sql::Database> database_;  // outlives the stores
};

}  // namespace

Result<std::unique_ptr<Backend>> make_backend_sqlite(const std::filesystem::path& file) {
    auto database = sql::open_sqlite(file, {
                                               // Who may do what.
                                               "identity",
                                               "limits",
                                               "tenancy",
                                               "audit",
                                               "signin",
                                               // What is configured while the server runs.
                                               "billing",
                                               "provider",
                                               "flags",
                                               "api",
                                           });
    if (!database) return std::unexpected(database.error());
    return std::make_unique<SqlBackend>(*std::move(database));
}

}  // namespace lurus::app
