#include "lurus/sync.hpp"

#include <spdlog/spdlog.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "core/db/sql_postgres.hpp"
#include "lurus/ids.hpp"
#include "modules/sync/mirror.hpp"
#include "modules/sync/mirrored_database.hpp"
#include "modules/sync/mode_machine.hpp"

namespace lurus {
namespace sync {
namespace {

constexpr auto look_every = std::chrono::milliseconds(250);
constexpr auto look_again = std::chrono::milliseconds(50);  // after a first failure

/// What only somebody's configuring makes, by the table that has it. What a first start makes by itself is no content.
constexpr std::array contents = {"api_key", "user_account", "provider", "route", "price", "flag", "team", "password"};

Result<std::string> content_of(sql::Database& database) {
    return database.read("looking for content", [](sql::Connection& db) -> Result<std::string> {
        for (const char* table : contents) {
            const auto found = db.exists(std::string("SELECT 1 FROM ") + table + " LIMIT 1");
            if (!found) return std::unexpected(found.error());
            if (*found) return std::string(table);
        }
        return std::string();
    });
}

class PostgresSync final : public Sync, private AuthorityGate {
public:
    PostgresSync(const SyncSettings& settings, std::unique_ptr<sql::PostgresDatabase> authority, sql::Database& local,
                 const Clock& clock, MirrorPlace place)
        : settings_(settings),
          clock_(clock),
          authority_(std::move(authority)),
          local_(local),
          machine_(ModeMachine::Rules{}, authority_ ? settings.setting : BackendSetting::off),
          joined_(!place.installation.empty()),
          since_(clock.now()) {
        if (authority_) mirror_.emplace(*authority_, local_);
        database_.emplace(authority_.get(), mirror_ ? &*mirror_ : nullptr, local_, static_cast<AuthorityGate&>(*this));
    }

    ~PostgresSync() override {
        {
            const std::scoped_lock lock(mutex_);
            ending_ = true;
        }
        wake_.notify_all();
        if (thread_.joinable()) thread_.join();
    }

    sql::Database& database() override { return *database_; }

    BackendState state() const override {
        const std::scoped_lock lock(mutex_);
        tell();  // that nobody answers is seen by whoever looks
        BackendState out;
        out.mode = current_mode();
        out.setting = machine_.setting();
        out.since = since_;
        out.reason = why_away();
        out.mirror = mirrored_;
        return out;
    }

    bool joined() const override {
        const std::scoped_lock lock(mutex_);
        return joined_;
    }

    std::string not_ready() const override {
        const std::scoped_lock lock(mutex_);
        const BackendMode mode = current_mode();
        if (!joined_) return "this node has not seen its installation yet: " + why_away();
        if (machine_.setting() == BackendSetting::on && mode != BackendMode::online)
            return "PostgreSQL is " + std::string(name_of(mode)) + ", and mode = \"on\" needs it: " + why_away();
        return {};
    }

    Result<void> set(BackendSetting setting) override {
        if (!authority_) return fail(ErrorCode::conflict, "no PostgreSQL is configured: [postgres] url");
        auto stored = local_.write("storing the mode", [&](sql::Transaction& db) -> Result<void> {
            auto done = db.execute("UPDATE mirror SET setting = $1", {name_of(setting)});
            if (!done) return std::unexpected(done.error());
            return {};
        });
        if (!stored) return stored;
        {
            const std::scoped_lock lock(mutex_);
            machine_.set(setting, clock_.monotonic_us());
            tell();
        }
        wake_.notify_all();
        return {};
    }

    Result<void> meet(int ms) override {
        if (!authority_) return {};
        std::unique_lock lock(mutex_);
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
        wake_.wait_for(lock, std::chrono::milliseconds(ms), [&] {
            return !refusal_.empty() || current_mode() == BackendMode::online || current_mode() == BackendMode::off;
        });
        if (!refusal_.empty()) return fail(ErrorCode::conflict, refusal_);
        return {};
    }

    void follow() override { static_cast<void>(meet(0)); }

private:
    // ---- what the stores' database asks

    Result<void> may_ask() override {
        const std::scoped_lock lock(mutex_);
        const BackendMode mode = current_mode();
        if (joined_ && refusal_.empty() && (mode == BackendMode::online || mode == BackendMode::replaying)) return {};
        return fail(ErrorCode::unavailable, "nothing can be changed while PostgreSQL is away: " + why_away());
    }
    void asked(const Result<void>& outcome) override {
        const std::scoped_lock lock(mutex_);
        note(outcome);
    }

    // ---- under mutex_

    [[nodiscard]] BackendMode current_mode() const { return machine_.mode(clock_.monotonic_us()); }
    [[nodiscard]] std::string why_away() const {
        if (!authority_)
            return "this folder belongs to an installation, and the configuration has no [postgres]: name its database "
                   "there, or make the folder one of its own with `lurus migrate --to-sqlite`";
        return refusal_.empty() ? machine_.reason() : refusal_;
    }

    void note(const Result<void>& outcome) {
        if (!outcome && outcome.error().code == ErrorCode::unavailable)
            machine_.failed(outcome.error().message, clock_.monotonic_us());
        else
            machine_.answered(clock_.monotonic_us());
        tell();
    }

    // A transition is seen by whoever looks next.
    void tell() const {
        const BackendMode mode = current_mode();
        if (mode == told_) return;
        since_ = clock_.now();
        if (mode == BackendMode::online)
            spdlog::warn("PostgreSQL at {}: online", settings_.shown);
        else
            spdlog::warn("PostgreSQL at {}: {} ({})", settings_.shown, name_of(mode), why_away());
        told_ = mode;
        wake_.notify_all();
    }

    // ---- the thread

    void run() {
        std::unique_lock lock(mutex_);
        while (!ending_) {
            bool failed = false;
            if (current_mode() != BackendMode::off) {
                lock.unlock();
                const auto outcome = look();
                lock.lock();
                failed = !outcome;
                note(outcome);
                if (outcome) {
                    mirrored_ = clock_.now();
                    machine_.caught_up(clock_.monotonic_us());
                    tell();
                }
            }
            // A good answer after bad ones is asked for again at once.
            const bool soon = (failed && told_ == BackendMode::online) || (!failed && told_ == BackendMode::offline);
            wake_.wait_for(lock, soon ? look_again : look_every, [&] { return ending_; });
        }
    }

    /// One probe, which is a pull.
    Result<void> look() {
        if (!met_) {
            // Nothing is made in a database that is not ours.
            auto fits = judge();
            if (!fits) return refused_unless_away(std::unexpected(fits.error()));
            if (auto done = authority_->migrate(); !done) return refused_unless_away(done);
            if (!*fits) {
                if (auto done = join(); !done) return refused_unless_away(done);
            }
            met_ = true;
        }
        auto pulled = mirror_->pull();
        if (!pulled) {
            // Another database may have taken the place of the one that was met.
            met_ = false;
            return refused_unless_away(std::unexpected(pulled.error()));
        }
        return {};
    }

    Result<void> refused_unless_away(Result<void> outcome) {
        const std::scoped_lock lock(mutex_);
        const bool refusal = outcome.error().code != ErrorCode::unavailable;
        if (refusal && refusal_ != outcome.error().message) spdlog::error("{}", outcome.error().message);
        refusal_ = refusal ? outcome.error().message : std::string();
        if (refusal) wake_.notify_all();
        return fail(ErrorCode::unavailable, std::move(outcome.error().message));
    }

    struct There {
        bool schema = false, complete = false;
        std::optional<std::string> installation;
    };

    Result<There> what_is_there() {
        return authority_->read("reading the installation", [](sql::Connection& db) -> Result<There> {
            // A restore brings rows first and triggers last.
            auto there = db.first(
                "SELECT to_regclass('installation') IS NOT NULL, EXISTS (SELECT FROM pg_trigger WHERE tgname = "
                "'number_commit' AND tgrelid = to_regclass('row_change'))",
                {}, [](const sql::Row& row) {
                    There out;
                    out.schema = row.integer(0) != 0;
                    out.complete = row.integer(1) != 0;
                    return out;
                });
            if (!there) return std::unexpected(there.error());
            There out = there->value_or(There());
            if (!out.schema) return out;
            auto id = db.first("SELECT id FROM installation", {},
                               [](const sql::Row& row) { return std::string(row.text(0)); });
            if (!id) return std::unexpected(id.error());
            out.installation = *std::move(id);
            return out;
        });
    }

    /// Fails where the folder and the database do not belong together; whether they have met before.
    Result<bool> judge() {
        auto place = mirror_->place();
        if (!place) return std::unexpected(place.error());
        const auto there = what_is_there();
        if (!there) return std::unexpected(there.error());
        const std::string database = "the database at " + settings_.shown;
        if (there->schema && !there->complete)
            return fail(ErrorCode::unavailable, database +
                                                    " is not complete: its restore goes on, or was broken off "
                                                    "(pg_restore --single-transaction does all of it or nothing)");
        if (!place->installation.empty()) {
            if (!there->installation)
                return fail(ErrorCode::unavailable,
                            database +
                                " is empty, and this folder belongs to an installation: restore its "
                                "backup, or name the right one in [postgres]");
            if (*there->installation != place->installation)
                return fail(ErrorCode::conflict, database + " belongs to another installation (" +
                                                     *there->installation + ", this folder to " + place->installation +
                                                     ")");
            if (auto done = clear_refusal(); !done) return std::unexpected(done.error());
            return true;
        }
        const auto content = content_of(local_);
        if (!content) return std::unexpected(content.error());
        if (content->empty()) return false;
        if (there->installation)
            return fail(ErrorCode::conflict, database +
                                                 " has an installation, and this folder has content of its own (" +
                                                 *content + "): give this node an empty --data-dir");
        return fail(ErrorCode::conflict, database + " is empty, and this folder has content (" + *content +
                                             "): move it with `lurus migrate --to-postgres`");
    }

    /// Both are new to one another.
    Result<void> join() {
        if (auto made = new_installation(); !made) return made;
        if (auto done = mirror_->adopt(); !done) return done;
        const std::scoped_lock lock(mutex_);
        joined_ = true;
        return {};
    }

    Result<void> clear_refusal() {
        const std::scoped_lock lock(mutex_);
        refusal_.clear();
        return {};
    }

    Result<void> new_installation() {
        return authority_->write("making the installation", [&](sql::Transaction& db) -> Result<void> {
            // Of two nodes that start at once one makes it.
            auto made = db.execute(
                "INSERT INTO installation (one, id, created_us) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING",
                {IdGenerator().next(clock_.now()).hex(), clock_.now()});
            if (!made) return std::unexpected(made.error());
            return {};
        });
    }

    const SyncSettings settings_;
    const Clock& clock_;
    const std::unique_ptr<sql::PostgresDatabase> authority_;  // null = none is configured
    sql::Database& local_;
    std::optional<Mirror> mirror_;
    std::optional<MirroredDatabase> database_;
    bool met_ = false;  // of the thread

    mutable std::mutex mutex_;  // guards what follows
    mutable std::condition_variable wake_;
    mutable ModeMachine machine_;
    bool joined_;
    mutable UnixMicros since_;
    std::string refusal_;  // why the two databases do not belong together
    std::optional<UnixMicros> mirrored_;
    mutable BackendMode told_ = BackendMode::offline;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace
}  // namespace sync

std::string_view name_of(BackendSetting setting) {
    switch (setting) {
        case BackendSetting::off: return "off";
        case BackendSetting::on: return "on";
        case BackendSetting::automatic: return "auto";
    }
    return "";
}

std::optional<BackendSetting> backend_setting_from(std::string_view name) {
    for (const auto setting : {BackendSetting::off, BackendSetting::on, BackendSetting::automatic}) {
        if (name == name_of(setting)) return setting;
    }
    return std::nullopt;
}

std::string_view name_of(BackendMode mode) {
    switch (mode) {
        case BackendMode::off: return "off";
        case BackendMode::online: return "online";
        case BackendMode::offline: return "offline";
        case BackendMode::replaying: return "replaying";
    }
    return "";
}

Result<bool> belongs_to_installation(sql::Database& local) {
    return local.read("looking for an installation", [](sql::Connection& db) -> Result<bool> {
        const auto table = db.exists("SELECT 1 FROM sqlite_master WHERE name = 'mirror'");
        if (!table || !*table) return table;
        return db.exists("SELECT 1 FROM mirror");
    });
}

Result<std::unique_ptr<Sync>> make_sync(const SyncSettings& settings, std::unique_ptr<sql::PostgresDatabase> authority,
                                        sql::Database& local, const Clock& clock) {
    SyncSettings in_force = settings;
    auto stored = local.read("reading the mode", [](sql::Connection& db) {
        return db.first("SELECT setting, installation FROM mirror", {}, [](const sql::Row& row) {
            return std::pair(std::string(row.text(0)), std::string(row.text(1)));
        });
    });
    if (!stored) return std::unexpected(stored.error());
    sync::MirrorPlace place;
    if (*stored) {
        if (const auto set = backend_setting_from((*stored)->first)) in_force.setting = *set;
        place.installation = (*stored)->second;
    }
    return std::make_unique<sync::PostgresSync>(in_force, std::move(authority), local, clock, std::move(place));
}

}  // namespace lurus
