#include "control/state/backend.hpp"

#include "core/db/sql_sqlite.hpp"
#include "lurus/store/audit.hpp"
#include "lurus/store/credentials.hpp"
#include "lurus/store/keys.hpp"
#include "lurus/store/people.hpp"

namespace lurus::app {
namespace {

class SqlBackend final : public Backend {
public:
    explicit SqlBackend(std::unique_ptr<sql::Database> database) : database_(std::move(database)) {}

    Result<bool> changed() override { return database_->changed(); }

    // Who may do what.
    KeyStore& keys() override { return *keys_; }
    PeopleStore& people() override { return *people_; }
    AuditStore& audit() override { return *audit_; }
    CredentialStore& credentials() override { return *credentials_; }

    // What is configured while the server runs.

private:
    std::unique_ptr<sql::Database> database_;  // outlives the stores
    const std::unique_ptr<KeyStore> keys_ = make_key_store(*database_);
    const std::unique_ptr<PeopleStore> people_ = make_people_store(*database_);
    const std::unique_ptr<AuditStore> audit_ = make_audit_store(*database_);
    const std::unique_ptr<CredentialStore> credentials_ = make_credential_store(*database_);
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
