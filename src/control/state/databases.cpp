#include "control/state/databases.hpp"

#include <spdlog/spdlog.h>

#include "core/os/disk_room.hpp"

namespace lurus::control {

namespace {

// A snapshot takes the machine for at most this part of the time.
constexpr std::int64_t snapshot_rest = 20;

/// A file that was not usable when the server started.
class Unused final : public DatabaseWatch {
public:
    explicit Unused(std::string problem) : problem_(std::move(problem)) {}
    Result<void> check() override { return fail(ErrorCode::unavailable, problem_); }
    Result<void> probe(int, Depth) override { return check(); }

private:
    const std::string problem_;
};

}  // namespace

Result<std::unique_ptr<Databases>> Databases::open(const std::filesystem::path& data_dir, const MainDatabase& main,
                                                   bool keep_snapshot, const Clock& clock) {
    std::vector<Watched> watched;
    std::unique_ptr<DatabaseSnapshots> snapshots;
    if (main.problem.empty()) {
        auto watch = DatabaseWatch::open(main.file);
        if (!watch) return std::unexpected(watch.error());
        watched.push_back({main.file.string(), *std::move(watch)});
        if (keep_snapshot) {
            auto opened = DatabaseSnapshots::open(main.file);
            if (!opened) return std::unexpected(opened.error());
            snapshots = *std::move(opened);
        }
    } else {
        watched.push_back({(data_dir / main_database_name).string(), std::make_unique<Unused>(main.problem)});
    }
    auto log = DatabaseWatch::open(data_dir / log_database_name);
    if (!log) return std::unexpected(log.error());
    watched.push_back({(data_dir / log_database_name).string(), *std::move(log)});
    return std::unique_ptr<Databases>(new Databases(data_dir, std::move(watched), std::move(snapshots), clock));
}

Result<void> Databases::check_changes() {
    return watched_.front().watch->check();
}

std::vector<Databases::State> Databases::states(int patience_ms, DatabaseWatch::Depth depth) {
    std::vector<State> out;
    for (const auto& [file, watch] : watched_) {
        const auto ok = watch->probe(patience_ms, depth);
        out.push_back({file, ok ? std::string() : ok.error().message});
    }
    return out;
}

bool Databases::look() {
    bool changed = false;
    for (std::size_t i = 0; i < watched_.size(); ++i) {
        const auto ok = watched_[i].watch->check();
        changed |= note(i, ok ? std::string() : ok.error().message, watched_[i].file + " can be used again");
    }
    const auto room = room_in(data_dir_);
    const bool full = room && *room < least_room;
    changed |= note(watched_.size(),
                    full ? "the disk of " + data_dir_.string() +
                               " is full: until there is room, changes are refused and records wait in memory"
                         : std::string(),
                    "there is room again in " + data_dir_.string());
    if (!full && clock_.monotonic_us() >= next_snapshot_us_) take_snapshot();
    return changed;
}

// True when that is news.
bool Databases::note(std::size_t place, const std::string& problem, const std::string& well) {
    const std::scoped_lock lock(mutex_);
    if (problem == problems_[place]) return false;
    if (problem.empty()) {
        spdlog::warn("{}", well);
    } else {
        spdlog::error("{}; what is known goes on being served", problem);
    }
    problems_[place] = problem;
    return true;
}

void Databases::take_snapshot() {
    if (!snapshots_ || !check_changes()) return;
    const std::int64_t begin = clock_.monotonic_us();
    const auto taken = snapshots_->take_if_changed(clock_.now());
    const std::int64_t end = clock_.monotonic_us();
    next_snapshot_us_ = end + (end - begin) * snapshot_rest;
    const std::string problem = taken ? std::string() : taken.error().message;
    if (problem != snapshot_problem_ && !problem.empty())
        spdlog::error("no snapshot of {}: {}", watched_.front().file, problem);
    snapshot_problem_ = problem;
}

std::vector<std::string> Databases::problems() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& problem : problems_) {
        if (!problem.empty()) out.push_back(problem);
    }
    return out;
}

}  // namespace lurus::control
