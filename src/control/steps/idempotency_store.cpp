#include "core/db/sql.hpp"
#include "lurus/store/idempotency.hpp"

namespace lurus {
namespace control {
namespace {

class SqlIdempotency final : public IdempotencyStore {
public:
    explicit SqlIdempotency(sql::Database& database) : database_(database) {}

    Result<std::optional<BegunRequest>> reserve(std::string_view caller, std::string_view key_hash,
                                                std::string_view request_hash, UnixMicros now,
                                                UnixMicros oldest) override {
        using Known = std::optional<BegunRequest>;
        return database_.write("keeping an Idempotency-Key", [&](sql::Transaction& db) -> Result<Known> {
            if (auto pruned = db.execute("DELETE FROM api_answer WHERE begun_us < $1", {oldest}); !pruned)
                return std::unexpected(pruned.error());
            const auto kept = db.execute(
                "INSERT INTO api_answer (caller, key_hash, request_hash, begun_us) VALUES ($1, $2, $3, $4) "
                "ON CONFLICT DO NOTHING",
                {caller, key_hash, request_hash, now});
            if (!kept) return std::unexpected(kept.error());
            if (*kept > 0) return std::nullopt;
            return db.first("SELECT request_hash, answer FROM api_answer WHERE caller = $1 AND key_hash = $2",
                            {caller, key_hash}, [](const sql::Row& row) {
                                BegunRequest begun;
                                begun.request_hash = row.text(0);
                                begun.answer = row.bytes(1);
                                return begun;
                            });
        });
    }

    Result<void> finish(std::string_view caller, std::string_view key_hash, std::string_view answer) override {
        return change("keeping an answer", "UPDATE api_answer SET answer = $3 WHERE caller = $1 AND key_hash = $2",
                      {caller, key_hash, sql::Bytes(std::string(answer))});
    }

    Result<void> forget(std::string_view caller, std::string_view key_hash) override {
        return change("forgetting an Idempotency-Key", "DELETE FROM api_answer WHERE caller = $1 AND key_hash = $2",
                      {caller, key_hash});
    }

private:
    Result<void> change(std::string_view doing, std::string_view statement, const sql::Values& values) {
        return database_.write(doing, [&](sql::Transaction& db) -> Result<void> {
            const auto done = db.execute(statement, values);
            if (!done) return std::unexpected(done.error());
            return {};
        });
    }

    sql::Database& database_;
};

}  // namespace
}  // namespace control

std::unique_ptr<IdempotencyStore> make_idempotency_store(sql::Database& database) {
    return std::make_unique<control::SqlIdempotency>(database);
}

}  // namespace lurus
