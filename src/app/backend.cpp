#include "app/backend.hpp"

#include <string_view>
#include <vector>

#include "core/crypto/secret_box.hpp"
#include "core/db/sql_postgres.hpp"
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
#include "lurus/sync.hpp"

namespace lurus::app {
namespace {

class SqlBackend final : public Backend {
public:
    SqlBackend(std::unique_ptr<sql::Database> local, std::unique_ptr<Sync> sync)
        : local_(std::move(local)), sync_(std::move(sync)) {}

    Result<bool> changed() override { return shared_.changed(); }
    Sync* sync() override { return sync_.get(); }

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
    std::unique_ptr<sql::Database> local_;  // outlives what follows
    std::unique_ptr<Sync> sync_;            // null = this node is alone
    sql::Database& shared_ = sync_ ? sync_->database() : *local_;

    // Who may do what. Each node has an audit chain of its own.
    std::unique_ptr<KeyStore> keys_ = make_key_store(shared_);
    std::unique_ptr<PeopleStore> people_ = make_people_store(shared_);
    std::unique_ptr<AuditStore> audit_ = make_audit_store(*local_);
    std::unique_ptr<CredentialStore> credentials_ =
        sync_ ? make_credential_store_of_mirror(shared_) : make_credential_store(shared_);

    // What is configured while the server runs.
    std::unique_ptr<PriceStore> prices_ = make_price_store(shared_);
    std::unique_ptr<ProviderStore> providers_ = make_provider_store(shared_);
    std::unique_ptr<FlagStore> flags_ = make_flag_store(shared_);
    std::unique_ptr<IdempotencyStore> idempotency_ = make_idempotency_store(shared_);

    // What is to be booked yet, by the node that asked for it.
    std::unique_ptr<BackgroundStore> background_ = make_background_store(*local_);
};

// Of everything that is kept besides the log.
const std::vector<std::string_view> all_sets = {
    // Who may do what.
    "identity", "limits", "tenancy", "audit", "signin",
    // What is configured while the server runs.
    "billing", "provider", "flags", "api",
    // What is to be booked yet.
    "background"};

}  // namespace

Result<std::unique_ptr<sql::Database>> open_mirror(const std::filesystem::path& file) {
    std::vector<std::string_view> sets = all_sets;
    sets.emplace_back("sync");
    return sql::open_sqlite(file, sets);
}

Result<SharedDatabase> open_shared(const config::PostgresConfig& postgres, std::chrono::milliseconds answer) {
    constexpr int connect_seconds = 2;
    sql::PostgresSettings settings;
    auto address = sql::read_postgres_url(postgres.url, connect_seconds);
    if (!address) return std::unexpected(address.error());
    settings.address = *std::move(address);
    settings.answer = answer;
    SharedDatabase out;
    out.shown = settings.address.shown;
    out.database = sql::open_postgres(std::move(settings));
    return out;
}

Result<std::unique_ptr<Backend>> make_backend_sqlite(const std::filesystem::path& file) {
    return make_backend(file, std::nullopt, Secret(), system_clock());
}

Result<std::unique_ptr<Backend>> make_backend(const std::filesystem::path& file,
                                              const std::optional<config::PostgresConfig>& postgres,
                                              const Secret& master_key, const Clock& clock) {
    auto local = sql::open_sqlite(file, all_sets);
    if (!local) return std::unexpected(local.error());
    const auto belongs = belongs_to_installation(**local);
    if (!belongs) return std::unexpected(belongs.error());
    if (!postgres && !*belongs) return std::make_unique<SqlBackend>(*std::move(local), nullptr);

    // A node that is alone has nothing of this in its file.
    local->reset();
    local = open_mirror(file);
    if (!local) return std::unexpected(local.error());
    SyncSettings settings;
    std::unique_ptr<sql::PostgresDatabase> authority;
    if (postgres) {
        auto shared = open_shared(*postgres, sql::PostgresSettings().answer);
        if (!shared) return std::unexpected(shared.error());
        settings.setting = postgres->mode;
        if (postgres->offline) settings.this_run = BackendSetting::off;
        settings.shown = shared->shown;
        authority = std::move(shared->database);
        settings.mirror_max_age_us = std::int64_t{postgres->mirror_max_age_ms} * 1000;
        auto box = master_key.empty() ? SecretBox::from_file(file.parent_path()) : SecretBox::from_text(master_key);
        if (!box && master_key.empty()) return std::unexpected(box.error());
        if (!box) return fail(box.error().code, "LURUS_MASTER_KEY: " + box.error().message);
        settings.box = std::make_shared<const SecretBox>(*std::move(box));
    }
    auto sync = make_sync(settings, std::move(authority), **local, clock);
    if (!sync) return std::unexpected(sync.error());
    // A node that knows its installation is served from its mirror; one that does not has nothing to be served from,
    // and the first of all makes the schema.
    const int patience_ms = (*sync)->joined() ? 300 : 30'000;
    if (auto met = (*sync)->meet(patience_ms); !met) return std::unexpected(met.error());
    return std::make_unique<SqlBackend>(*std::move(local), *std::move(sync));
}

}  // namespace lurus::app
