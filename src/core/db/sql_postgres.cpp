#include "core/db/sql_postgres.hpp"

#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "core/crypto/sha256.hpp"
#include "core/db/postgres_connection.hpp"
#include "core/os/embedded.hpp"

namespace lurus::sql {
namespace {

// Advisory locks of a transaction; any number will do that other programs in the same database do not use.
constexpr std::int64_t writer_lock = 0x6c7572757301;  // "lurus", 1

constexpr std::string_view migration_folder = "migrations/postgres/main/";

class Postgres final : public PostgresDatabase {
public:
    explicit Postgres(PostgresSettings settings) : settings_(std::move(settings)) {}

    Result<bool> changed() override {
        return with_connection("looking for changes", [&](PostgresConnection& db) -> Result<bool> {
            const auto now =
                db.first("SELECT number FROM commit_head", {}, [](const Row& row) { return row.integer(0); });
            if (!now) return std::unexpected(now.error());
            const std::scoped_lock lock(mutex_);
            return std::exchange(seen_, now->value_or(0)) != now->value_or(0);
        });
    }

    Result<void> migrate() override {
        return with_connection("connecting", [&](PostgresConnection& db) {
            return in_transaction(db, "BEGIN", [&]() -> Result<void> {
                if (auto done = locked(db); !done) return done;
                return apply_migrations(db);
            });
        });
    }

    void drop_idle() override {
        std::vector<std::unique_ptr<PostgresConnection>> gone;
        const std::scoped_lock lock(mutex_);
        std::swap(gone, idle_);
        open_ -= static_cast<int>(gone.size());
    }

protected:
    Result<void> with_reader(std::string_view doing, const std::function<Result<void>(Connection&)>& work) override {
        return with_connection(doing, [&](PostgresConnection& db) {
            return in_transaction(db, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", [&] { return work(db); });
        });
    }

    Result<void> with_writer(std::string_view doing, const std::function<Result<void>(Transaction&)>& work) override {
        return with_connection(doing, [&](PostgresConnection& db) {
            return in_transaction(db, "BEGIN", [&]() -> Result<void> {
                if (auto done = locked(db); !done) return done;
                Transaction transaction(db);
                if (auto done = work(transaction); !done) return done;
                return transaction.number_changes();
            });
        });
    }

private:
    // Limits of the transaction, since a server that is asked through pgbouncer may not keep those of a session.
    [[nodiscard]] std::string limits() const {
        const std::string ms = std::to_string(settings_.answer.count());
        return "; SET LOCAL statement_timeout = " + ms + "; SET LOCAL lock_timeout = " + ms +
               "; SET LOCAL idle_in_transaction_session_timeout = " + ms;
    }

    static Result<void> locked(PostgresConnection& db) {
        auto done = db.execute("SELECT pg_advisory_xact_lock($1)", {writer_lock});
        if (!done) return std::unexpected(done.error());
        return {};
    }

    template <class Work>
    Result<void> in_transaction(PostgresConnection& db, std::string_view begin, Work work) {
        if (auto begun = db.execute(std::string(begin) + limits(), {}); !begun) return std::unexpected(begun.error());
        // Failure and an exception undo it all.
        struct Open {
            PostgresConnection& db;
            bool ended = false;
            ~Open() {
                if (!ended) static_cast<void>(db.execute("ROLLBACK", {}));
            }
        } open{db};
        if (auto done = work(); !done) return done;
        std::string id;
        if (begin == "BEGIN") {
            const auto given = db.first("SELECT pg_current_xact_id_if_assigned()", {},
                                        [](const Row& row) { return std::string(row.text(0)); });
            if (!given) return std::unexpected(given.error());
            id = given->value_or("");
        }
        const auto committed = db.execute("COMMIT", {});
        open.ended = true;
        if (committed) return {};
        if (db.usable() || id.empty()) return std::unexpected(committed.error());
        return look_up(id, committed.error());
    }

    // The connection was lost while the server committed.
    Result<void> look_up(const std::string& id, const Error& lost) {
        auto other = PostgresConnection::connect(settings_.address, deadlines_, settings_.answer);
        const auto until = std::chrono::steady_clock::now() + settings_.answer;
        while (other && std::chrono::steady_clock::now() < until) {
            const auto status = (*other)->first("SELECT pg_xact_status($1::xid8)", {id},
                                                [](const Row& row) { return std::string(row.text(0)); });
            if (!status) break;
            if (*status == "committed") return {};
            if (*status == "aborted") return std::unexpected(lost);
            // The server has not noticed yet, or commits just now.
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        return fail(ErrorCode::unavailable, lost.message + "; whether it was stored is not known");
    }

    static Result<void> apply_migrations(PostgresConnection& db) {
        auto made = db.execute(
            "CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL, applied TIMESTAMPTZ "
            "NOT "
            "NULL DEFAULT now())",
            {});
        if (!made) return std::unexpected(made.error());
        auto applied = db.all("SELECT name, sha256 FROM migration ORDER BY name", {}, [](const Row& row) {
            return std::pair(std::string(row.text(0)), std::string(row.text(1)));
        });
        if (!applied) return std::unexpected(applied.error());
        std::map<std::string, std::string> before(applied->begin(), applied->end());
        for (const auto& file : embedded_files()) {
            if (!file.path.starts_with(migration_folder)) continue;
            const std::string name(file.path.substr(migration_folder.size()));
            const std::string sha256 = sha256_hex(file.text);
            if (const auto found = before.find(name); found != before.end()) {
                if (found->second != sha256)
                    return fail(ErrorCode::corrupt, "migration " + name + " is not the one that was applied to it");
                before.erase(found);
                continue;
            }
            if (auto done = db.execute(file.text, {}); !done) return std::unexpected(done.error());
            auto noted = db.execute("INSERT INTO migration (name, sha256) VALUES ($1, $2)", {name, sha256});
            if (!noted) return std::unexpected(noted.error());
        }
        if (before.empty()) return {};
        return fail(ErrorCode::corrupt,
                    "the database is a newer lurus's (migration " + before.begin()->first + "): update this one");
    }

    template <class Work>
    auto with_connection(std::string_view doing, Work work) -> decltype(work(std::declval<PostgresConnection&>())) {
        auto taken = take(doing);
        if (!taken) return std::unexpected(taken.error());
        struct Return {
            Postgres& from;
            std::unique_ptr<PostgresConnection> connection;
            ~Return() { from.give_back(std::move(connection)); }
        } const borrowed{*this, *std::move(taken)};
        borrowed.connection->begin(doing);
        return work(*borrowed.connection);
    }

    Result<std::unique_ptr<PostgresConnection>> take(std::string_view doing) {
        {
            std::unique_lock lock(mutex_);
            const bool free = returned_.wait_for(lock, settings_.wait,
                                                 [&] { return !idle_.empty() || open_ < settings_.connections; });
            if (!free)
                return fail(ErrorCode::unavailable, std::string(doing) + ": all " +
                                                        std::to_string(settings_.connections) +
                                                        " connections to PostgreSQL are in use");
            if (!idle_.empty()) {
                auto taken = std::move(idle_.back());
                idle_.pop_back();
                return taken;
            }
            ++open_;
        }
        auto made = PostgresConnection::connect(settings_.address, deadlines_, settings_.answer);
        if (!made) {
            give_back(nullptr);
            return fail(made.error().code, std::string(doing) + ": " + made.error().message);
        }
        return made;
    }

    void give_back(std::unique_ptr<PostgresConnection> connection) {
        {
            const std::scoped_lock lock(mutex_);
            if (connection && connection->usable())
                idle_.push_back(std::move(connection));
            else
                --open_;
        }
        returned_.notify_one();
    }

    const PostgresSettings settings_;
    SocketDeadlines deadlines_;  // outlives the connections
    std::mutex mutex_;           // guards what follows
    std::condition_variable returned_;
    std::vector<std::unique_ptr<PostgresConnection>> idle_;
    int open_ = 0;  // idle and in use
    std::int64_t seen_ = -1;
};

}  // namespace

std::unique_ptr<PostgresDatabase> open_postgres(PostgresSettings settings) {
    return std::make_unique<Postgres>(std::move(settings));
}

}  // namespace lurus::sql
