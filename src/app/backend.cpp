#include "app/backend.hpp"

#include "core/db/sql_sqlite.hpp"
#include "lurus/store/audit.hpp"
#include "lurus/store/background.hpp"
#include "lurus/store/credentials.hpp"
#include "lurus/store/flags.hpp"
#include "lurus/store/idempotency.hpp"
#include "lurus/store/keys.hpp"
#include "lurus/store/people.hpp"
#include "lurus/store/prices.hpp"
#include "lurus/store/providers.hpp"

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
    PriceStore& prices() override { return *prices_; }
    ProviderStore& providers() override { return *providers_; }
    FlagStore& flags() override { return *flags_; }
    IdempotencyStore& idempotency() override { return *idempotency_; }

    // What is to be booked yet.
    BackgroundStore& background() override { return *background_; }

private:
    std::unique_ptr<sql::Database> database_;  // outlives the stores

    // Who may do what.
    std::unique_ptr<KeyStore> keys_ = make_key_store(*database_);
    std::unique_ptr<PeopleStore> people_ = make_people_store(*database_);
    std::unique_ptr<AuditStore> audit_ = make_audit_store(*database_);
    std::unique_ptr<CredentialStore> credentials_ = make_credential_store(*database_);

    // What is configured while the server runs.
    std::unique_ptr<PriceStore> prices_ = make_price_store(*database_);
    std::unique_ptr<ProviderStore> providers_ = make_provider_store(*database_);
    std::unique_ptr<FlagStore> flags_ = make_flag_store(*database_);
    std::unique_ptr<IdempotencyStore> idempotency_ = make_idempotency_store(*database_);

    // What is to be booked yet.
    std::unique_ptr<BackgroundStore> background_ = make_background_store(*database_);
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
                                               // What is to be booked yet.
                                               "background",
                                           });
    if (!database) return std::unexpected(database.error());
    return std::make_unique<SqlBackend>(*std::move(database));
}

}  // namespace lurus::app
