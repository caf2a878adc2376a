// The files that providers name: credentials and roots.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "modules/provider/catalog/build.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {
namespace {

constexpr std::string_view from_file = "file:";

bool same_from_files(const Provider& a, const Provider& b) {
    return a.credential.reveal() == b.credential.reveal() && a.roots_digest == b.roots_digest &&
           a.problem == b.problem && a.warning == b.warning;
}

std::set<std::string> files_of(const Catalog& catalog) {
    std::set<std::string> files;
    for (const auto& provider : catalog.providers()) {
        if (provider->credential_source.starts_with(from_file))
            files.insert(provider->credential_source.substr(from_file.size()));
        if (!provider->ca_file.empty()) files.insert(provider->ca_file);
    }
    return files;
}

void tell(const Provider& before, const Provider& now) {
    if (!now.problem.empty() && now.problem != before.problem) {
        spdlog::warn("provider '{}' cannot be used: {}", now.name, now.problem);
    } else if (!now.warning.empty() && now.warning != before.warning) {
        spdlog::warn("provider '{}': {}", now.name, now.warning);
    } else if (now.warning.empty()) {
        spdlog::info("provider '{}': what its files hold now is used", now.name);
    }
}

}  // namespace

std::vector<std::string> ProviderService::follow_files() {
    const auto named = files_of(*snapshot());
    std::erase_if(files_, [&](const auto& entry) { return !named.contains(entry.first); });
    bool changed = false;
    for (const std::string& file : named) {
        // One that is new here tells of a change as soon as it has settled: it may have changed since it was read.
        WatchedFile& watched = files_.try_emplace(file, file).first->second;
        if (watched.look() == WatchedFile::Look::same) continue;
        (void)watched.take_text();
        changed = true;
    }
    if (changed) reread_files();
    std::vector<std::string> problems;
    for (const auto& provider : snapshot()->providers()) {
        if (!provider->warning.empty()) problems.push_back("provider '" + provider->name + "': " + provider->warning);
    }
    return problems;
}

void ProviderService::reread_files() {
    std::vector<std::function<void()>> callbacks;
    {
        const std::lock_guard one(change_mutex_);
        State next = state_;
        bool differs = false;
        const auto put = [&](ProviderPtr& old, ProviderPtr fresh) {
            if (same_from_files(*old, *fresh)) return;
            tell(*old, *fresh);
            old = std::move(fresh);
            differs = true;
        };
        for (std::size_t i = 0; i < next.specs.size(); ++i) {
            auto built = build_provider(next.specs[i], "config", next.configured[i].get());
            if (built) put(next.configured[i], std::make_shared<const Provider>(*std::move(built)));
        }
        for (std::size_t i = 0; i < next.rows.size(); ++i)
            put(next.stored[i], open_stored(next.rows[i], next.stored[i]));
        if (!differs) return;
        std::vector<std::string> known;  // they were told when the state was made
        auto catalog = compile_anyhow(next, known);
        swap_in(std::move(next), std::move(catalog), {});
        const std::lock_guard lock(mutex_);
        callbacks = callbacks_;
    }
    for (const auto& callback : callbacks) callback();
}

}  // namespace lurus::provider
