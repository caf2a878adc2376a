#include <algorithm>
#include <string>

#include "core/text/glob.hpp"
#include "core/text/lookalike.hpp"
#include "lurus/identity.hpp"

namespace lurus {
namespace {

std::string_view without_slashes(std::string_view name) {
    while (name.starts_with('/')) name.remove_prefix(1);
    while (name.ends_with('/')) name.remove_suffix(1);
    return name;
}

bool matches(std::string_view pattern, std::string_view name) {
    if (glob_match(pattern, name)) return true;
    const std::size_t variant = name.find(':');
    return variant != std::string_view::npos && variant > 0 && glob_match(pattern, name.substr(0, variant));
}

}  // namespace

bool covers_model(std::string_view pattern, std::string_view model) {
    if (glob_match(pattern, model)) return true;
    const std::string wanted = folded(pattern);
    const std::string text = folded(model);
    std::string_view name = without_slashes(text);
    while (!matches(wanted, name)) {
        const std::size_t slash = name.find('/');
        if (slash == std::string_view::npos) return false;
        name = without_slashes(name.substr(slash));
    }
    return true;
}

bool KeyRules::denies_model(std::string_view model) const {
    return std::ranges::any_of(deny_models, [&](const auto& glob) { return covers_model(glob, model); });
}

bool KeyInfo::lists_model(std::string_view model) const {
    return lists_model(model, model);
}

bool KeyInfo::lists_model(std::string_view model, std::string_view other_name) const {
    const auto lists = [&](const std::vector<std::string>& globs) {
        return globs.empty() || std::ranges::any_of(globs, [&](const auto& glob) {
                   return glob_match(glob, model) || glob_match(glob, other_name);
               });
    };
    return lists(models) && std::ranges::all_of(owner_models, [&](const OwnModels& own) { return lists(own->models); });
}

bool KeyInfo::denies_model(std::string_view model) const {
    return any_denied([&](const auto& glob) { return covers_model(glob, model); });
}

bool KeyInfo::allows_model(std::string_view model) const {
    return !denies_model(model) && lists_model(model);
}

}  // namespace lurus
