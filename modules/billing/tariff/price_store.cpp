#include "core/db/sql.hpp"
#include "core/db/sql_feed.hpp"
#include "lurus/store/prices.hpp"

namespace lurus {
namespace billing {
namespace {

constexpr std::string_view price_feed = "price";

std::string_view origin_of(bool own) {
    return own ? "override" : "import";
}

std::string id_of(std::string_view origin, std::string_view vendor, std::string_view model, UnixMicros from) {
    std::string id(origin);
    id.append("/").append(vendor).append("/").append(model).append("@").append(std::to_string(from));
    return id;
}

class SqlPrices final : public PriceStore {
public:
    explicit SqlPrices(sql::Database& database) : database_(database), changes_(database, std::string(price_feed)) {}

    Result<StoredPrices> all() override {
        return database_.read("reading prices", [](sql::Connection& db) -> Result<StoredPrices> {
            StoredPrices all;
            // First: what is committed between the two must not pass for read.
            auto done =
                db.query("SELECT model, version FROM price_model", {}, [&](const sql::Row& row) -> Result<bool> {
                    all.versions.emplace(row.text(0), row.integer(1));
                    return true;
                });
            if (!done) return std::unexpected(done.error());
            auto prices = db.all("SELECT origin, vendor, model, from_us, until_us, source, rates, version FROM price",
                                 {}, price_from);
            if (!prices) return std::unexpected(prices.error());
            all.prices = *std::move(prices);
            return all;
        });
    }

    Result<void> put(const std::vector<StoredPrice>& prices, UnixMicros now,
                     const std::vector<StoredPrice>& withdrawn) override {
        return database_.write("storing prices", [&](sql::Transaction& db) -> Result<void> {
            for (const StoredPrice& price : withdrawn) {
                if (auto done = remove_one(db, price); !done) return done;
                if (auto version = raise_version(db, price.model, std::nullopt); !version)
                    return std::unexpected(version.error());
            }
            for (const StoredPrice& price : prices) {
                if (auto done = put_one(db, price, now); !done) return done;
                if (auto version = raise_version(db, price.model, std::nullopt); !version)
                    return std::unexpected(version.error());
            }
            return {};
        });
    }

    Result<std::int64_t> put_own(const StoredPrice& price, std::optional<std::int64_t> of_model,
                                 UnixMicros now) override {
        return database_.write("storing a price", [&](sql::Transaction& db) -> Result<std::int64_t> {
            auto version = raise_version(db, price.model, of_model);
            if (!version) return version;
            if (auto done = put_one(db, price, now); !done) return std::unexpected(done.error());
            return version;
        });
    }

    Result<void> remove_own(std::string_view vendor, std::string_view model,
                            std::optional<std::int64_t> of_model) override {
        return database_.write("removing a price", [&](sql::Transaction& db) -> Result<void> {
            const auto dates =
                db.all("DELETE FROM price WHERE origin = 'override' AND vendor = $1 AND model = $2 RETURNING from_us",
                       {vendor, model}, [](const sql::Row& row) { return row.integer(0); });
            if (!dates) return std::unexpected(dates.error());
            if (dates->empty())
                return fail(ErrorCode::not_found,
                            "there is no own price for `" + std::string(vendor) + "/" + std::string(model) + "`");
            for (const UnixMicros from : *dates) db.deleted(price_feed, id_of(origin_of(true), vendor, model, from));
            if (auto version = raise_version(db, model, of_model); !version) return std::unexpected(version.error());
            return {};
        });
    }

    ChangeFeed& changes() override { return changes_; }

private:
    static StoredPrice price_from(const sql::Row& row) {
        StoredPrice price;
        price.own = row.text(0) == origin_of(true);
        price.vendor = row.text(1);
        price.model = row.text(2);
        price.from = row.integer(3);
        price.until = row.integer_if_any(4);
        price.source = row.text(5);
        price.rates = row.text(6);
        price.version = row.integer(7);
        return price;
    }

    /// The new version of the model's prices.
    static Result<std::int64_t> raise_version(sql::Transaction& db, std::string_view model,
                                              std::optional<std::int64_t> read) {
        const std::string_view statement =
            !read ? "INSERT INTO price_model (model, version) VALUES ($1, 1) ON CONFLICT (model) DO UPDATE SET version "
                    "= price_model.version + 1 RETURNING version"
            : *read == 0
                ? "INSERT INTO price_model (model, version) VALUES ($1, 1) ON CONFLICT DO NOTHING RETURNING version"
                : "UPDATE price_model SET version = version + 1 WHERE model = $1 AND version = $2 RETURNING version";
        const auto version = db.first(statement, {model, read}, [](const sql::Row& row) { return row.integer(0); });
        if (!version) return std::unexpected(version.error());
        if (!*version)
            return fail(ErrorCode::conflict,
                        "the prices of `" + std::string(model) + "` were changed meanwhile; read them again");
        return **version;
    }

    static Result<void> put_one(sql::Transaction& db, const StoredPrice& price, UnixMicros now) {
        const std::string_view origin = origin_of(price.own);
        const std::string what = "the price of " + price.vendor + "/" + price.model;
        const std::string_view statement =
            price.version == 0
                ? "INSERT INTO price (origin, vendor, model, from_us, until_us, source, stored_us, rates, version) "
                  "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $7) ON CONFLICT DO NOTHING"
                : "UPDATE price SET until_us = $5, source = $6, stored_us = $7, rates = $8, version = version + 1 "
                  "WHERE origin = $1 AND vendor = $2 AND model = $3 AND from_us = $4 AND version = $9";
        auto done = db.execute_versioned(
            statement,
            {origin, price.vendor, price.model, price.from, price.until, price.source, now, price.rates, price.version},
            what);
        if (done) db.changed(price_feed, id_of(origin, price.vendor, price.model, price.from));
        return done;
    }

    static Result<void> remove_one(sql::Transaction& db, const StoredPrice& price) {
        const std::string_view origin = origin_of(price.own);
        auto done = db.execute_versioned(
            "DELETE FROM price WHERE origin = $1 AND vendor = $2 AND model = $3 AND from_us = $4 AND version = $5",
            {origin, price.vendor, price.model, price.from, price.version},
            "the price of " + price.vendor + "/" + price.model);
        if (done) db.deleted(price_feed, id_of(origin, price.vendor, price.model, price.from));
        return done;
    }

    sql::Database& database_;
    sql::SqlFeed changes_;
};

}  // namespace
}  // namespace billing

std::unique_ptr<PriceStore> make_price_store(sql::Database& database) {
    return std::make_unique<billing::SqlPrices>(database);
}

}  // namespace lurus
