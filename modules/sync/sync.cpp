#include "lurus/sync.hpp"

#include <spdlog/spdlog.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "core/crypto/secret_box.hpp"
#include "core/db/sql_postgres.hpp"
#include "lurus/ids.hpp"
#include "modules/sync/mirror.hpp"
#include "modules/sync/mirrored_database.hpp"
#include "modules/sync/mode_machine.hpp"
#include "modules/sync/move.hpp"
#include "modules/sync/nodes.hpp"
#include "modules/sync/tables.hpp"

namespace lurus {
namespace sync {
namespace {

constexpr auto look_every = std::chrono::milliseconds(250);
constexpr auto feed_reaches_back = std::chrono::days(7);
constexpr std::int64_t shorten_every_us = 3'600'000'000;
constexpr auto look_again = std::chrono::milliseconds(50);  // after a first failure

class PostgresSync final : public Sync, private AuthorityGate {
public:
    PostgresSync(const SyncSettings& settings, std::unique_ptr<sql::PostgresDatabase> authority, sql::Database& local,
                 const Clock& clock, MirrorPlace place, std::optional<UnixMicros> seen, std::string refusal)
        : settings_(settings),
          clock_(clock),
          authority_(std::move(authority)),
          local_(local),
          mirrored_us_(seen.value_or(0)),
          noted_us_(seen.value_or(0)),
          machine_(ModeMachine::Rules{}, authority_ ? settings.setting : BackendSetting::off),
          joined_(!place.installation.empty()),
          since_(clock.now()),
          refusal_(std::move(refusal)) {
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
        if (const UnixMicros at = mirrored_us_; at > 0) out.mirror = at;
        return out;
    }

    Result<SyncPlace> place() override {
        return local_.read("reading the mirror's place", [](sql::Connection& db) -> Result<SyncPlace> {
            auto found = db.first("SELECT installation, number FROM mirror", {}, [](const sql::Row& row) {
                SyncPlace place;
                place.installation = row.text(0);
                place.number = row.integer(1);
                return place;
            });
            if (!found) return std::unexpected(found.error());
            return found->value_or(SyncPlace());
        });
    }

    const std::string& shown() const override { return settings_.shown; }

    std::string problem() const override {
        const std::scoped_lock lock(mutex_);
        return key_problem_;
    }

    bool too_old() const override {
        return settings_.mirror_max_age_us > 0 && clock_.now() - mirrored_us_ > settings_.mirror_max_age_us;
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
        if (too_old()) return "what is known here is older than mirror_max_age: " + why_away();
        return {};
    }

    Result<void> set(BackendSetting setting) override {
        if (!authority_) return fail(ErrorCode::conflict, "no PostgreSQL is configured: [postgres] url");
        if (!joined())
            return fail(ErrorCode::conflict,
                        "this node has not seen its installation yet, so that there is nothing to set it for: `mode` "
                        "in [postgres] says it until then");
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

    void announce(NodeInfo self) override {
        const std::scoped_lock lock(mutex_);
        self_ = std::move(self);
        beat_at_us_ = 0;
    }

    Result<std::vector<NodeInfo>> nodes() override { return database_->read_original("reading the nodes", read_nodes); }

    Result<void> forget_node(std::string_view id) override {
        if (auto open = may_ask(); !open) return open;
        // Not what mirrors follow: there is nothing to be pulled.
        auto done = authority_->write("forgetting a node", [&](sql::Transaction& db) { return remove_node(db, id); });
        asked(done);
        return done;
    }

    Result<void> meet(int ms) override {
        if (!authority_) return {};
        std::unique_lock lock(mutex_);
        if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
        wake_.wait_for(lock, std::chrono::milliseconds(ms), [&] {
            return !refusal_.empty() || current_mode() == BackendMode::online || current_mode() == BackendMode::off ||
                   (!joined_ && away_);
        });
        if (!refusal_.empty()) return fail(ErrorCode::conflict, refusal_);
        return {};
    }

    void follow() override { static_cast<void>(meet(0)); }

    void upkeep() override {
        const std::int64_t now = clock_.monotonic_us();
        if (!may_ask() || (shortened_us_ && now - *shortened_us_ < shorten_every_us)) return;
        shortened_us_ = now;
        const auto gone = Mirror::shorten_feed(*authority_, feed_reaches_back);
        asked(gone ? Result<void>() : std::unexpected(gone.error()));
        if (!gone) spdlog::warn("{}", gone.error().message);
    }

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
        if (!refusal_.empty()) return refusal_;
        if (!authority_)
            return "this folder belongs to an installation, and the configuration has no [postgres]: name its database "
                   "there, or make the folder one of its own with `lurus migrate --to-sqlite`";
        return machine_.reason();
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
                away_ = failed;
                if (failed) wake_.notify_all();
                if (outcome) {
                    mirrored_us_ = clock_.now();
                    machine_.caught_up(clock_.monotonic_us());
                    tell();
                    beat(lock);
                }
            }
            // A good answer after bad ones is asked for again at once.
            const bool soon = (failed && told_ == BackendMode::online) || (!failed && told_ == BackendMode::offline);
            wake_.wait_for(lock, soon ? look_again : look_every, [&] { return ending_; });
        }
    }

    /// Says that this node goes on, where it is time to. Lets go of the lock meanwhile.
    void beat(std::unique_lock<std::mutex>& lock) {
        if (!self_ || clock_.monotonic_us() < beat_at_us_) return;
        beat_at_us_ = clock_.monotonic_us() + beat_every_us;
        const NodeInfo self = *self_;
        lock.unlock();
        auto stored =
            authority_->write("telling of this node", [&](sql::Transaction& db) { return store_node(db, self); });
        lock.lock();
        note(stored);
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
            if (auto compared = compare_keys(); !compared) return refused_unless_away(compared);
            met_ = true;
        }
        auto pulled = mirror_->pull();
        if (!pulled) {
            // Another database may have taken the place of the one that was met.
            met_ = false;
            return refused_unless_away(std::unexpected(pulled.error()));
        }
        note_age();
        return {};
    }

    // After a start without the authority the age goes on from here.
    void note_age() {
        const UnixMicros now = clock_.now();
        if (settings_.mirror_max_age_us == 0 || now - noted_us_ < settings_.mirror_max_age_us / 10) return;
        noted_us_ = now;
        const auto stored = local_.write("noting the mirror's age", [&](sql::Transaction& db) {
            return db.execute("UPDATE mirror SET seen_us = $1", {now});
        });
        if (!stored) spdlog::warn("{}", stored.error().message);
    }

    /// The first node leaves something that only the installation's master key opens.
    Result<void> compare_keys() {
        if (!settings_.box) return {};
        struct Check {
            std::string bound_to, sealed;
        };
        const auto read = [&] {
            return authority_->read("reading the installation", [](sql::Connection& db) {
                return db.first("SELECT id, key_check FROM installation", {}, [](const sql::Row& row) {
                    Check check;
                    check.bound_to = "installation " + std::string(row.text(0));
                    check.sealed = row.bytes(1);
                    return check;
                });
            });
        };
        auto there = read();
        if (!there) return std::unexpected(there.error());
        if (!*there) return fail(ErrorCode::unavailable, "the database has no installation any more");
        if ((*there)->sealed.empty()) {
            auto sealed = settings_.box->seal("lurus", (*there)->bound_to);
            if (!sealed) return std::unexpected(sealed.error());
            const auto left = authority_->write("leaving a check of the master key", [&](sql::Transaction& db) {
                return db.execute("UPDATE installation SET key_check = $1 WHERE key_check IS NULL",
                                  {sql::Bytes(*sealed)});
            });
            if (!left) return std::unexpected(left.error());
            there = read();  // of two nodes that start at once one was first
            if (!there) return std::unexpected(there.error());
            if (!*there) return fail(ErrorCode::unavailable, "the database has no installation any more");
        }
        const auto opened = settings_.box->open((*there)->sealed, (*there)->bound_to);
        std::string problem;
        if (!opened)
            problem =
                "the master key of this node is not the one of its installation, whose stored credentials it cannot "
                "read: give it the same LURUS_MASTER_KEY, or the master.key of another node's data folder, and restart";
        const std::scoped_lock lock(mutex_);
        if (!problem.empty() && problem != key_problem_) spdlog::warn("{}", problem);
        key_problem_ = std::move(problem);
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
        bool schema = false, complete = false, retired = false;
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
            // An older program's schema cannot be retired.
            auto found = db.query("SELECT id, to_jsonb(i) ->> 'retired_us' IS NOT NULL FROM installation i", {},
                                  [&](const sql::Row& row) -> Result<bool> {
                                      out.installation = row.text(0);
                                      out.retired = row.integer(1) != 0;
                                      return true;
                                  });
            if (!found) return std::unexpected(found.error());
            return out;
        });
    }

    /// Fails where the folder and the database do not belong together; whether they have met before.
    Result<bool> judge() {
        const auto there = what_is_there();
        if (!there) return std::unexpected(there.error());
        const std::string database = "the database at " + settings_.shown;
        if (there->schema && !there->complete)
            return fail(ErrorCode::unavailable, database +
                                                    " is not complete: its restore goes on, or was broken off "
                                                    "(pg_restore --single-transaction does all of it or nothing)");
        if (there->retired) return fail(ErrorCode::conflict, retired_text);
        if (there->schema) {
            if (const auto ended = end_move(*authority_, local_); !ended) return std::unexpected(ended.error());
        }
        const auto place = mirror_->place();
        if (!place) return std::unexpected(place.error());
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
        auto content = local_.read("looking for content", content_of);
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
    std::atomic<UnixMicros> mirrored_us_;       // 0 = never
    UnixMicros noted_us_;                       // of that, in the local database; of the thread
    bool met_ = false;                          // of the thread
    std::optional<std::int64_t> shortened_us_;  // monotonic; of who calls upkeep

    mutable std::mutex mutex_;  // guards what follows
    mutable std::condition_variable wake_;
    mutable ModeMachine machine_;
    bool joined_;
    bool away_ = false;  // the last look failed
    mutable UnixMicros since_;
    std::string refusal_;  // why the two databases do not belong together
    std::string key_problem_;
    mutable BackendMode told_ = BackendMode::offline;
    std::optional<NodeInfo> self_;  // as the others see it
    std::int64_t beat_at_us_ = 0;
    bool ending_ = false;
    std::thread thread_;
};

}  // namespace
}  // namespace sync

Result<bool> belongs_to_installation(sql::Database& local) {
    return local.read("looking for an installation", [](sql::Connection& db) -> Result<bool> {
        for (const auto& [table, rows] : {std::pair("mirror", "SELECT 1 FROM mirror"),
                                          std::pair("move", "SELECT 1 FROM move WHERE direction = 'to_postgres'")}) {
            const auto there = db.exists("SELECT 1 FROM sqlite_master WHERE name = $1", {table});
            if (!there) return there;
            if (!*there) continue;
            const auto found = db.exists(rows);
            if (!found || *found) return found;
        }
        return false;
    });
}

Result<std::unique_ptr<Sync>> make_sync(const SyncSettings& settings, std::unique_ptr<sql::PostgresDatabase> authority,
                                        sql::Database& local, const Clock& clock) {
    SyncSettings in_force = settings;
    struct Stored {
        std::string setting, installation;
        std::optional<UnixMicros> seen;
    };
    auto stored = local.read("reading the mode", [](sql::Connection& db) {
        return db.first("SELECT setting, installation, seen_us FROM mirror", {}, [](const sql::Row& row) {
            Stored out;
            out.setting = row.text(0);
            out.installation = row.text(1);
            out.seen = row.integer_if_any(2);
            return out;
        });
    });
    if (!stored) return std::unexpected(stored.error());
    sync::MirrorPlace place;
    std::optional<UnixMicros> seen;
    if (*stored) {
        if (const auto set = backend_setting_from((*stored)->setting)) in_force.setting = *set;
        place.installation = (*stored)->installation;
        seen = (*stored)->seen;
    }
    const auto open = local.read("looking for a move", sync::open_move);
    if (!open) return std::unexpected(open.error());
    std::string refusal;
    if (*open && (*open)->direction == sync::MoveDirection::to_postgres) {
        place.installation = (*open)->installation;
        if (!authority)
            refusal = "a move of this folder to PostgreSQL did not end: run `lurus migrate --to-postgres` again";
    }
    if (settings.this_run) in_force.setting = *settings.this_run;
    return std::make_unique<sync::PostgresSync>(in_force, std::move(authority), local, clock, std::move(place), seen,
                                                std::move(refusal));
}

}  // namespace lurus
