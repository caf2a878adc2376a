#include <algorithm>

#include "core/db/sql.hpp"
#include "lurus/store/kept.hpp"

namespace lurus {
namespace gateway {
namespace {

class SqlKept final : public KeptStore {
public:
    explicit SqlKept(sql::Database& database) : database_(database) {}

    Result<std::vector<KeptThing>> newest(std::size_t most) override {
        auto found = database_.read("reading what vendors keep", [&](sql::Connection& db) {
            return db.all("SELECT id, provider, account, org, seen_us FROM kept ORDER BY seen_us DESC LIMIT $1", {most},
                          [](const sql::Row& row) {
                              KeptThing thing;
                              thing.id = row.text(0);
                              thing.provider = row.text(1);
                              thing.account = row.text(2);
                              thing.org = row.text(3);
                              thing.seen = row.integer(4);
                              return thing;
                          });
        });
        if (found) std::ranges::reverse(*found);
        return found;
    }

    Result<void> add(std::span<const KeptThing> things, std::size_t most) override {
        return database_.write("storing what vendors keep", [&](sql::Transaction& db) -> Result<void> {
            for (const KeptThing& thing : things) {
                auto done = db.execute(
                    "INSERT INTO kept (id, provider, account, org, seen_us) VALUES ($1, $2, $3, $4, $5) "
                    "ON CONFLICT DO NOTHING",
                    {thing.id, thing.provider, thing.account, thing.org, thing.seen});
                if (!done) return std::unexpected(done.error());
            }
            auto pruned = db.execute(
                "DELETE FROM kept WHERE seen_us < (SELECT seen_us FROM kept ORDER BY seen_us DESC LIMIT 1 OFFSET $1)",
                {most});
            if (!pruned) return std::unexpected(pruned.error());
            return {};
        });
    }

private:
    sql::Database& database_;
};

}  // namespace
}  // namespace gateway

std::unique_ptr<KeptStore> make_kept_store(sql::Database& database) {
    return std::make_unique<gateway::SqlKept>(database);
}

}  // namespace lurus
