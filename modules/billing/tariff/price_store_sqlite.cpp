#include <nlohmann/json.hpp>

#include "core/db/sqlite.hpp"
#include "modules/billing/tariff/price_store.hpp"

namespace lurus::billing {
namespace {

class SqlitePrices final : public PriceStore {
public:
    explicit SqlitePrices(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {}

    Result<std::vector<Tariff>> load() override {
        try {
            SQLite::Statement select(*db_, "SELECT origin, vendor, model, from_us, until_us, source, rates FROM price");
            std::vector<Tariff> tariffs;
            while (select.executeStep()) {
                auto tariff = read(select);
                if (!tariff) return std::unexpected(tariff.error());
                tariffs.push_back(*std::move(tariff));
            }
            return tariffs;
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("reading prices", e));
        }
    }

    Result<void> put(const std::vector<const Tariff*>& tariffs, UnixMicros now) override {
        try {
            SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
            SQLite::Statement insert(
                *db_,
                "INSERT OR REPLACE INTO price (origin, vendor, model, from_us, until_us, source, stored_us, rates) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
            for (const Tariff* tariff : tariffs) {
                insert.reset();
                insert.bind(1, std::string(name_of(tariff->origin)));
                insert.bind(2, tariff->vendor);
                insert.bind(3, tariff->model);
                insert.bind(4, tariff->from);
                if (tariff->until) {
                    insert.bind(5, *tariff->until);
                } else {
                    insert.bind(5);
                }
                insert.bind(6, tariff->source);
                insert.bind(7, now);
                insert.bind(8, rates_json(tariff->services).dump());
                insert.exec();
            }
            transaction.commit();
            return {};
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("storing prices", e));
        }
    }

    Result<void> remove_override(const std::string& vendor, const std::string& model) override {
        try {
            SQLite::Statement remove(*db_, "DELETE FROM price WHERE origin = 'override' AND vendor = ? AND model = ?");
            remove.bind(1, vendor);
            remove.bind(2, model);
            if (remove.exec() == 0)
                return fail(ErrorCode::not_found, "there is no own price for `" + vendor + "/" + model + "`");
            return {};
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error("removing a price", e));
        }
    }

private:
    static Result<Tariff> read(SQLite::Statement& row) {
        Tariff tariff;
        tariff.origin = row.getColumn(0).getString() == "override" ? Origin::own : Origin::imported;
        tariff.vendor = row.getColumn(1).getString();
        tariff.model = row.getColumn(2).getString();
        tariff.from = row.getColumn(3).getInt64();
        if (!row.getColumn(4).isNull()) tariff.until = row.getColumn(4).getInt64();
        tariff.source = row.getColumn(5).getString();
        auto services = services_from(row.getColumn(6).getString());
        if (!services)
            return fail(ErrorCode::corrupt,
                        "price " + tariff.vendor + "/" + tariff.model + ": " + services.error().message);
        tariff.services = *std::move(services);
        if (auto ok = complete(tariff); !ok) return fail(ErrorCode::corrupt, ok.error().message);
        return tariff;
    }

    std::unique_ptr<SQLite::Database> db_;
};

}  // namespace

Result<std::unique_ptr<PriceStore>> open_price_store_sqlite(const std::filesystem::path& file) {
    auto db = open_sqlite(file, "billing");
    if (!db) return std::unexpected(db.error());
    return std::make_unique<SqlitePrices>(*std::move(db));
}

}  // namespace lurus::billing
