#include "control/steps/idempotency.hpp"
#include "core/db/sqlite.hpp"

namespace lurus::app {
namespace {

class SqliteIdempotency final : public IdempotencyStore {
public:
    explicit SqliteIdempotency(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {}

    Result<std::optional<BegunRequest>> find(const std::string& caller, const std::string& key_hash,
                                             UnixMicros oldest) override {
        return with("looking up an Idempotency-Key", [&]() -> std::optional<BegunRequest> {
            SQLite::Statement select(
                *db_,
                "SELECT request_hash, answer FROM api_answer WHERE caller = ? AND key_hash = ? AND begun_us >= ?");
            select.bind(1, caller);
            select.bind(2, key_hash);
            select.bind(3, oldest);
            if (!select.executeStep()) return std::nullopt;
            BegunRequest found;
            found.request_hash = select.getColumn(0).getString();
            found.answer = select.getColumn(1).getString();
            return found;
        });
    }

    Result<void> begin(const std::string& caller, const std::string& key_hash, const std::string& request_hash,
                       UnixMicros now, UnixMicros oldest) override {
        return with("keeping an Idempotency-Key", [&] {
            SQLite::Statement insert(
                *db_,
                "INSERT OR REPLACE INTO api_answer (caller, key_hash, request_hash, begun_us) VALUES (?, ?, ?, ?)");
            insert.bind(1, caller);
            insert.bind(2, key_hash);
            insert.bind(3, request_hash);
            insert.bind(4, now);
            insert.exec();
            SQLite::Statement prune(*db_, "DELETE FROM api_answer WHERE begun_us < ?");
            prune.bind(1, oldest);
            prune.exec();
        });
    }

    Result<void> finish(const std::string& caller, const std::string& key_hash, const std::string& answer) override {
        return with("keeping an answer", [&] {
            SQLite::Statement update(*db_, "UPDATE api_answer SET answer = ? WHERE caller = ? AND key_hash = ?");
            update.bind(1, answer.data(), static_cast<int>(answer.size()));
            update.bind(2, caller);
            update.bind(3, key_hash);
            update.exec();
        });
    }

    Result<void> forget(const std::string& caller, const std::string& key_hash) override {
        return with("forgetting an Idempotency-Key", [&] {
            SQLite::Statement remove(*db_, "DELETE FROM api_answer WHERE caller = ? AND key_hash = ?");
            remove.bind(1, caller);
            remove.bind(2, key_hash);
            remove.exec();
        });
    }

private:
    template <class Work>
    auto with(std::string_view doing, Work work) -> Result<decltype(work())> {
        try {
            if constexpr (std::is_void_v<decltype(work())>) {
                work();
                return {};
            } else {
                return work();
            }
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error(doing, e));
        }
    }

    std::unique_ptr<SQLite::Database> db_;
};

}  // namespace

Result<std::unique_ptr<IdempotencyStore>> open_idempotency_sqlite(const std::filesystem::path& file) {
    auto db = open_sqlite(file, "api");
    if (!db) return std::unexpected(db.error());
    return std::make_unique<SqliteIdempotency>(*std::move(db));
}

}  // namespace lurus::app
