#pragma once
// Port: what a node shares with others, by a database that may vanish and come back at any moment. That database is the
// authority; the node's own is its mirror, from which it is served.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

namespace sql {
class Database;
class PostgresDatabase;
}  // namespace sql

class SecretBox;

/// What is asked for of a backend.
enum class BackendSetting : std::uint8_t {
    off,        // as in an outage, until it is set otherwise
    on,         // without it the node is not ready
    automatic,  // without it the node goes on
};
/// As the configuration and the management API write them: `off`, `on`, `auto`.
std::string_view name_of(BackendSetting setting);
std::optional<BackendSetting> backend_setting_from(std::string_view name);

/// How a backend does.
enum class BackendMode : std::uint8_t {
    off,        // it is not used
    online,     // it answers, and what it has is here
    offline,    // it does not answer
    replaying,  // it answers again, and what happened meanwhile is being taken over
};
std::string_view name_of(BackendMode mode);

struct BackendState {
    BackendMode mode = BackendMode::off;
    BackendSetting setting = BackendSetting::automatic;
    UnixMicros since = 0;              // of the mode
    std::string reason;                // why it is not online; empty when it is
    std::int64_t backlog = 0;          // changes of this node that it does not have yet
    std::optional<UnixMicros> mirror;  // when the mirror was last known to have all that the authority has
};

/// A place in the history of an installation.
struct SyncPlace {
    std::string installation;  // 32 hex digits; empty = the node has not seen one
    std::int64_t number = 0;   // of the last commit that the mirror has
};

/// A process that shares the installation.
struct NodeInfo {
    std::string id;  // 32 hex digits
    UnixMicros started = 0;
    UnixMicros seen = 0;  // by the clock of the database
    bool alive = false;   // it was seen lately
    std::string version;
    std::string modules;  // what it does, separated by commas
    std::string address;  // where it listens first
};

/// Any thread.
class Sync {
public:
    virtual ~Sync() = default;

    /// What the stores of the installation are made over: reads come from the mirror, changes go to the authority and
    /// are in the mirror when the change returns. `unavailable` while the authority is away. Lives as long as this.
    [[nodiscard]] virtual sql::Database& database() = 0;
    [[nodiscard]] virtual BackendState state() const = 0;
    /// How far the mirror has come. Reads the node's own database.
    [[nodiscard]] virtual Result<SyncPlace> place() = 0;
    /// Whether this folder has seen its installation: without, there is nothing to serve from.
    [[nodiscard]] virtual bool joined() const = 0;
    /// What keeps the node from being ready; empty = nothing.
    [[nodiscard]] virtual std::string not_ready() const = 0;
    /// Where the authority is, without secrets; empty = it is not configured.
    [[nodiscard]] virtual const std::string& shown() const = 0;
    /// What is wrong beside the mode; empty = nothing.
    [[nodiscard]] virtual std::string problem() const = 0;
    /// Whether the mirror is older than it may be. Waits for nobody.
    [[nodiscard]] virtual bool too_old() const = 0;
    /// Counts from now on, and after the next start. `conflict`: it is not configured, or the node has not seen its
    /// installation yet.
    virtual Result<void> set(BackendSetting setting) = 0;

    /// From now on the others see this node, and that it goes on, every few seconds. `seen` and `alive` are not read.
    virtual void announce(NodeInfo self) = 0;
    /// Those that ever announced themselves, the oldest first. `unavailable` while the authority is away.
    virtual Result<std::vector<NodeInfo>> nodes() = 0;
    /// `conflict`: it is alive.
    virtual Result<void> forget_node(std::string_view id) = 0;

    /// Connects and takes over what is new, once; waits no longer than `ms`, and in a folder that has not seen its
    /// installation no longer than until the authority is known to be away. Fails where the two databases do not
    /// belong together, and says what to do; that the authority is away is no failure.
    virtual Result<void> meet(int ms) = 0;
    /// From now on by a thread of its own, until the end.
    virtual void follow() = 0;
    /// What is to be done every minute; by one thread.
    virtual void upkeep() = 0;
};

struct SyncSettings {
    BackendSetting setting = BackendSetting::automatic;
    std::optional<BackendSetting> this_run;  // before what was set for the node, until it is set anew
    std::string shown;                       // where the authority is, for messages
    std::int64_t mirror_max_age_us = 0;      // older than that it is not served from; 0 = however old it is
    std::shared_ptr<const SecretBox> box;    // of the master key that all nodes share; null = it is not compared
};

/// `local` outlives it, and has the sets of migrations of all stores and `sync`. Without `authority` the folder belongs
/// to an installation whose database is not configured any more: a manual outage.
Result<std::unique_ptr<Sync>> make_sync(const SyncSettings& settings, std::unique_ptr<sql::PostgresDatabase> authority,
                                        sql::Database& local, const Clock& clock);
/// Whether the folder whose database this is belongs to an installation, or may do so since a move was cut off.
Result<bool> belongs_to_installation(sql::Database& local);

struct Moved {
    std::string installation;
    std::int64_t rows = 0;
    bool resumed = false;  // one that was begun before was ended
};
/// What is being done, and how many of how many rows are.
using MoveProgress = std::function<void(std::string_view doing, std::int64_t done, std::int64_t all)>;

/// Makes the content of `local` that of a new installation in the empty database `authority`, and `local` its mirror;
/// nobody else uses `local` meanwhile. Killed at any moment, one of the two has the say, and the same call again ends
/// it. Every row is compared before it counts. `shown`: where it is, for messages.
Result<Moved> move_to_postgres(sql::PostgresDatabase& authority, sql::Database& local, const std::string& shown,
                               const Clock& clock, const MoveProgress& progress);
/// The way back: no node changes anything in `authority` any more, and `local` has all of it.
Result<Moved> move_to_sqlite(sql::PostgresDatabase& authority, sql::Database& local, const std::string& shown,
                             const Clock& clock, const MoveProgress& progress);

}  // namespace lurus
