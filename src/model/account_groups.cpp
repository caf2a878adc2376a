#include "lurus/account_groups.hpp"

#include <map>
#include <mutex>
#include <string_view>

namespace lurus {
namespace {

constexpr std::size_t most_groups = 64;
constexpr std::size_t longest_name = 64;

/// Every name that was ever used here: they are few, and a number must never come to mean another one.
class Names {
public:
    std::uint32_t id_of(std::string_view name) {
        const std::scoped_lock lock(mutex_);
        if (const auto known = ids_.find(name); known != ids_.end()) return known->second;
        const auto id = static_cast<std::uint32_t>(names_.size());
        names_.emplace_back(name);
        ids_.emplace(std::string(name), id);
        return id;
    }
    std::string name_of(std::uint32_t id) {
        const std::scoped_lock lock(mutex_);
        return names_[id];
    }

private:
    std::mutex mutex_;
    std::map<std::string, std::uint32_t, std::less<>> ids_;
    std::vector<std::string> names_;
};

Names& known_names() {
    static Names names;
    return names;
}

bool is_group_name(std::string_view name) {
    return !name.empty() && name.size() <= longest_name && std::ranges::all_of(name, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
    });
}

}  // namespace

Result<AccountGroups> AccountGroups::of(const std::vector<std::string>& names) {
    if (names.size() > most_groups)
        return fail(ErrorCode::invalid_argument,
                    "there are at most " + std::to_string(most_groups) + " account groups");
    for (auto name = names.begin(); name != names.end(); ++name) {
        if (!is_group_name(*name) || std::find(names.begin(), name, *name) != name) {
            return fail(ErrorCode::invalid_argument,
                        "an account group is 1 to 64 letters, digits, `.`, `_` and `-`, and none is there twice");
        }
    }
    AccountGroups groups;
    groups.ids_.reserve(names.size());
    for (const auto& name : names) groups.ids_.push_back(known_names().id_of(name));
    return groups;
}

std::vector<std::string> AccountGroups::names() const {
    std::vector<std::string> out;
    out.reserve(ids_.size());
    for (const auto id : ids_) out.push_back(known_names().name_of(id));
    return out;
}

}  // namespace lurus
