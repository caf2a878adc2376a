#pragma once
// The management API over the modules of one data folder, and what of them is in force.
// The server publishes its snapshots to the gateway; a command without a server uses the API in-process.

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"
#include "control/api/dispatcher.hpp"
#include "control/api/gate.hpp"
#include "control/state/flags.hpp"
#include "control/state/modules.hpp"
#include "control/steps/audit.hpp"
#include "control/steps/guards.hpp"
#include "control/steps/rate.hpp"
#include "core/os/server_file.hpp"
#include "lurus/clock.hpp"
#include "lurus/gateway.hpp"

namespace lurus::control {

enum class Use : std::uint8_t {
    server,   // holds the folder's lock and the admin token
    command,  // one command's look at a folder that no server holds
};

/// Loads the configuration again, as it was loaded at the start.
using ConfigLoader = std::function<Result<config::Config>()>;

/// What a reload did.
struct Reloaded {
    std::vector<std::string> needs_restart;  // option names whose change waits for the next start
    std::vector<std::string> warnings;
};

/// Any thread. Owned by run_serve or by the in-process API client.
class ControlPlane {
public:
    /// Puts the configuration in force; fails where a module refuses its part.
    static Result<std::unique_ptr<ControlPlane>> open(config::Config config, Use use, Modules modules,
                                                      ConfigLoader loader, const Clock& clock);
    ~ControlPlane();
    ControlPlane(const ControlPlane&) = delete;
    ControlPlane& operator=(const ControlPlane&) = delete;

    /// A request from the network, its token not yet checked.
    [[nodiscard]] ApiResponse handle(const ApiCall& call) const;
    /// Whether its body is to be read.
    [[nodiscard]] ApiBodyVerdict judge_body(const ApiCall& call) const;
    /// Those of `handle` that may wait for machines that are not ours, and whose threads they are for.
    [[nodiscard]] ApiOutside outside();
    [[nodiscard]] BackgroundBooks background();
    /// A request of this process itself.
    [[nodiscard]] ApiResponse local(std::string method, std::string_view target, std::string body,
                                    const std::string& idempotency_key = {}) const;
    [[nodiscard]] const ApiDispatcher& dispatcher() const { return *dispatcher_; }

    [[nodiscard]] std::shared_ptr<const GatewaySnapshot> snapshot() const;
    /// Called now and after every change, in order, on whatever thread changed something; must not call back into this
    /// object.
    void on_publish(std::function<void(std::shared_ptr<const GatewaySnapshot>)> publisher);

    /// Takes the new configuration or refuses it whole: then the old one goes on and `problem()` says why.
    Result<Reloaded> reload();
    /// The same without anybody asking over the API; `why` is for the audit.
    void reload_because(const std::string& why);
    /// The configuration file is another one and nobody has asked to take it: one that lost everything is not taken
    /// before somebody does.
    void follow_file(Result<config::Config> read);
    /// The file that it was read from is not there.
    void miss_file(const std::string& file);
    /// Takes over what is new in the files that the configuration names. `others`: what is wrong with those that are
    /// not watched here. By one thread, about once a second.
    void follow_files(std::vector<std::string> others);
    /// What is to be done every minute.
    void upkeep();
    /// The reason the last reload was refused; empty when it was not.
    [[nodiscard]] std::string problem() const;
    [[nodiscard]] config::Config config() const;

    /// Looks at the databases; when one broke or works again, that is logged and published. Keeps the snapshot.
    void watch_databases();
    /// Asks the log anew what budgets have used up when the clock was set: another window may be the present one.
    void watch_clock();
    /// Takes over what another process stored in the same database, where there is something: a look costs
    /// microseconds. By one thread, several times a second.
    void follow_changes();
    /// Before the end: what changed since the last look is in the snapshot as well.
    void take_last_snapshot() { databases_->take_snapshot(); }
    /// Waits for what goes on after answers, such as mails.
    void settle() { sign_in_->settle(); }
    /// Why not lurus.db but its snapshot is served; empty = lurus.db is.
    [[nodiscard]] const std::string& database_problem() const { return main_.problem; }

    /// Who counts what is used of limits; null = nobody does, and only what the log has of budgets is known. Returns
    /// when nobody asks the one before any more.
    void set_limit_use(LimitUseSource source);
    /// Once the gateway listens: as URLs, for the API and its document.
    void set_addresses(std::vector<std::string> urls);

    /// What is shared with other nodes; null = nothing is.
    [[nodiscard]] Sync* sync() const { return backend_->sync(); }
    [[nodiscard]] Identity& identity() { return *identity_; }
    [[nodiscard]] Users& users() { return identity_->users(); }
    [[nodiscard]] RequestLog& log() { return *log_; }

private:
    ControlPlane(config::Config config, Use use, Modules modules, ConfigLoader loader, const Clock& clock);
    Result<void> assemble();
    void listen_to_sign_in();
    using Prepared = std::vector<std::unique_ptr<PreparedConfiguration>>;
    /// Each module's part, judged and ready, and what it needs stored. On error nothing of it is in force.
    Result<Prepared> prepare(const config::Config& config) const;
    Result<void> take_over_changes();
    void publish();
    enum class Counting : std::uint8_t { on, anew };  // what budgets have used up
    void publish_counting(Counting counting);
    void free_retired();  // under publish_mutex_
    std::vector<ApiRoute> own_routes();
    [[nodiscard]] std::vector<LimitUse> limit_use(Subject subject, std::string_view id, const Limits& limits) const;
    [[nodiscard]] std::shared_ptr<const GatewaySnapshot> snapshot_with_spent() const;
    std::vector<ApiRoute> flag_routes();
    ApiResponse list_flags(const ApiRequest& request) const;
    ApiResponse show_flag(const ApiRequest& request) const;
    ApiResponse change_flag(const ApiRequest& request);
    /// Puts what was read in force, with the stored flags over it, or goes on with what there was. Under reload_mutex_.
    Result<void> take(config::Config read);
    /// The same, logged and published. Under reload_mutex_.
    Result<Reloaded> take_or_refuse(Result<config::Config> read);
    ApiResponse status_response(const ApiRequest& request) const;
    ApiResponse config_response() const;
    ApiResponse reload_response();

    const Use use_;
    const ConfigLoader loader_;
    const Clock& clock_;
    const UnixMicros started_;
    const std::int64_t started_us_;  // monotonic

    std::mutex reload_mutex_;      // one reload at a time; taken before the others
    mutable std::mutex mutex_;     // what follows
    config::Config config_;        // in force
    config::Config read_config_;   // the same without the stored flags
    config::Config start_config_;  // what start-only options were made from
    std::vector<std::string> needs_restart_;
    std::string problem_;
    std::vector<std::string> file_problems_;  // of files that it names
    std::vector<std::string> urls_;

    mutable std::mutex publish_mutex_;  // keeps snapshots in order
    std::shared_ptr<const GatewaySnapshot> snapshot_;
    // Those before it: a shard that lets go of many keys must not be the one that frees them.
    std::vector<std::shared_ptr<const GatewaySnapshot>> retired_;
    std::function<void(std::shared_ptr<const GatewaySnapshot>)> publisher_;

    mutable std::mutex limit_use_mutex_;
    LimitUseSource limit_use_;

    std::unique_ptr<platform::FileLock> lock_;
    MainDatabase main_;
    ApiRate rate_;
    ApiGate gate_;
    std::int64_t clock_offset_;                      // of watch_clock: what the clock said beyond the monotonic one
    mutable std::atomic<bool> store_again_ = false;  // the configuration's part of what is stored is not all stored
    bool behind_ = false;         // of follow_changes, as the next one: there is something that was not taken over
    std::string follow_problem_;  // why not; what was logged last
    std::unique_ptr<OutsideCalls> outside_;  // outlives the modules, as the next
    std::unique_ptr<Backend> backend_;
    std::unique_ptr<Identity> identity_;
    std::unique_ptr<SignIn> sign_in_;
    std::unique_ptr<Audit> audit_;
    std::unique_ptr<ApiAudit> api_audit_;
    std::unique_ptr<Billing> billing_;
    std::unique_ptr<Providers> providers_;
    std::unique_ptr<RequestLog> log_;
    std::unique_ptr<Databases> databases_;
    std::unique_ptr<Idempotency> idempotency_;
    std::unique_ptr<ApiGuards> guards_;
    std::unique_ptr<StoredFlags> flags_;
    std::unique_ptr<ApiDispatcher> dispatcher_;
};

/// Options that differ and only count at a start, such as `[server] listen`.
std::vector<std::string> start_only_differences(const config::Config& started_with, const config::Config& now);

/// An error about something that the configuration declares, with that declaration's position in front; else with the
/// file's name.
Error with_position(const config::Config& config, Error error);

}  // namespace lurus::control
