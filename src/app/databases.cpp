#include "app/databases.hpp"

#include <spdlog/spdlog.h>

namespace lurus::app {

Result<std::unique_ptr<Databases>> Databases::open(const std::filesystem::path& data_dir) {
    std::vector<Watched> watched;
    for (const char* name : {main_database_name, log_database_name}) {
        auto watch = DatabaseWatch::open(data_dir / name);
        if (!watch) return std::unexpected(watch.error());
        watched.push_back({(data_dir / name).string(), *std::move(watch)});
    }
    return std::unique_ptr<Databases>(new Databases(std::move(watched)));
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
        const std::string problem = ok ? std::string() : ok.error().message;
        const std::scoped_lock lock(mutex_);
        if (problem == problems_[i]) continue;
        if (problem.empty()) {
            spdlog::warn("{} can be used again", watched_[i].file);
        } else {
            spdlog::error("{}; what is known goes on being served", problem);
        }
        problems_[i] = problem;
        changed = true;
    }
    return changed;
}

std::vector<std::string> Databases::problems() const {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> out;
    for (const auto& problem : problems_) {
        if (!problem.empty()) out.push_back(problem);
    }
    return out;
}

}  // namespace lurus::app
