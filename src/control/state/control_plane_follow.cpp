// What another process that shares the database changed.
#include <spdlog/spdlog.h>

#include "control/state/control_plane.hpp"

namespace lurus::control {

void ControlPlane::follow_changes() {
    if (store_again_ && sync()->state().mode == BackendMode::online) {
        store_again_ = false;
        reload_because("what the configuration has stored could not be while PostgreSQL was away");
    }
    const auto changed = backend_->changed();
    // That a database is away is told by watch_databases.
    if (changed && *changed) behind_ = true;
    if (!changed || !behind_) return;
    const auto done = take_over_changes();
    behind_ = !done;
    const std::string problem = done ? std::string() : done.error().message;
    if (problem != follow_problem_ && !problem.empty())
        spdlog::error("what another process changed is not in force here: {}", problem);
    follow_problem_ = problem;
}

Result<void> ControlPlane::take_over_changes() {
    if (auto done = identity_->refresh(); !done) return done;
    if (auto done = billing_->refresh(); !done) return done;
    if (auto done = providers_->refresh(); !done) return done;
    if (auto done = sign_in_->refresh(); !done) return done;
    const std::scoped_lock one(reload_mutex_);
    const auto flags = flags_->refresh();
    if (!flags) return std::unexpected(flags.error());
    if (!*flags) return {};
    config::Config read;
    {
        const std::scoped_lock lock(mutex_);
        read = read_config_;
    }
    if (auto taken = take(std::move(read)); !taken) return taken;
    publish();
    return {};
}

}  // namespace lurus::control
