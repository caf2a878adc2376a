#include "control/state/reload.hpp"

#include "core/crypto/sha256.hpp"
#include "core/os/files.hpp"

namespace lurus::control {

ConfigWatch::ConfigWatch(config::ConfigFlags flags, config::Environment environment)
    : flags_(std::move(flags)), environment_(std::move(environment)), last_(fingerprint()) {}

std::string ConfigWatch::fingerprint() const {
    const auto file = config::find_config_file(flags_, environment_);
    if (!file || file->empty()) return {};
    const auto text = read_file(*file);
    return text ? sha256_hex(*text) + file->string() : std::string();
}

bool ConfigWatch::changed() {
    std::string now = fingerprint();
    // A file that is away for a moment is an editor at work; one that stays away changes nothing.
    if (now.empty() || now == last_) return false;
    last_ = std::move(now);
    return true;
}

}  // namespace lurus::control
