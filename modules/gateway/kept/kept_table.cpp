#include "modules/gateway/kept/kept_table.hpp"

#include <utility>

namespace lurus::gateway {
namespace {

std::size_t family_number(std::string_view id) {
    const auto family = family_from(id.substr(0, id.find(':')));
    return static_cast<std::size_t>(family.value_or(Family::openai));
}

}  // namespace

std::string kept_id(Family family, std::string_view id) {
    return std::string(name_of(family)) + ":" + std::string(id);
}

std::optional<KeptThing> KeptTable::find(std::string_view id) const {
    const std::lock_guard lock(mutex_);
    const auto found = things_.find(id);
    return found == things_.end() ? std::nullopt : std::optional(found->second);
}

bool KeptTable::insert(KeptThing thing) {
    const std::string id = thing.id;
    if (!things_.try_emplace(id, std::move(thing)).second) return false;
    ++counts_[family_number(id)];
    order_.push_back(id);
    if (order_.size() > most) {
        things_.erase(order_.front());
        --counts_[family_number(order_.front())];
        order_.pop_front();
    }
    return true;
}

bool KeptTable::remember(KeptThing thing) {
    const std::lock_guard lock(mutex_);
    KeptThing copy = thing;
    if (!insert(std::move(thing))) return false;
    // A store that cannot be written must not make this grow.
    if (unsaved_.size() < most) unsaved_.push_back(std::move(copy));
    return true;
}

void KeptTable::load(std::vector<KeptThing> things) {
    const std::lock_guard lock(mutex_);
    for (KeptThing& thing : things) insert(std::move(thing));
}

std::vector<KeptThing> KeptTable::take_unsaved() {
    const std::lock_guard lock(mutex_);
    return std::exchange(unsaved_, {});
}

}  // namespace lurus::gateway
