#include "control/state/reload.hpp"

#include <string_view>
#include <utility>

namespace lurus::control {

ConfigWatch::ConfigWatch(config::ConfigFlags flags, config::Environment environment)
    : flags_(std::move(flags)), environment_(std::move(environment)) {
    find();
    take_as_known();
}

void ConfigWatch::find() {
    const auto found = config::find_config_file(flags_, environment_);
    if (!found || found->empty()) return;
    file_.emplace(*found);
    flags_.config_file = *found;
}

void ConfigWatch::take_as_known() {
    if (file_) file_->take_as_known();
}

WatchedFile::Look ConfigWatch::look() {
    if (!file_) find();
    return file_ ? file_->look() : WatchedFile::Look::same;
}

Result<config::Config> ConfigWatch::load() {
    auto text = file_->take_text();
    if (!text) return std::unexpected(text.error());
    return config::load_config(flags_, environment_, *std::move(text));
}

std::string what_is_lost(const config::Config& before, const config::Config& now) {
    if (before.declared > 0 && now.declared == 0) return "says nothing any more, though it had options before";
    const auto all_gone = [](std::string_view section, std::size_t had, std::size_t has) {
        if (had == 0 || has > 0) return std::string();
        return "has no " + std::string(section) + " any more, of " + std::to_string(had);
    };
    if (auto lost = all_gone("[[key]]", before.keys.size(), now.keys.size()); !lost.empty()) return lost;
    if (auto lost = all_gone("[[provider]]", before.providers.size(), now.providers.size()); !lost.empty()) return lost;
    if (before.ends_a_line && !now.ends_a_line && now.bytes < before.bytes)
        return "is shorter than before and ends within a line, as if it were cut short";
    return {};
}

}  // namespace lurus::control
