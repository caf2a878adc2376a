#include "modules/gateway/limits/limit_table.hpp"

#include <functional>
#include <utility>

namespace lurus::gateway {

void LimitTable::write_name(std::string& out, Subject subject, std::string_view id) {
    out.assign(1, static_cast<char>('a' + static_cast<int>(subject)));
    out.append(id);
}

// What a shard still remembers has a second owner and stays.
void LimitTable::clean(Stripe& stripe, std::int64_t now_us, UnixMicros now) {
    std::erase_if(stripe.states, [&](const auto& entry) {
        if (entry.second.use_count() > 1 || !entry.second->forgettable(now_us, now)) return false;
        if (entry.first.front() == static_cast<char>('a' + static_cast<int>(Subject::ip))) --stripe.addresses;
        return true;
    });
}

StatePtr LimitTable::get(Subject subject, std::string_view id, std::int64_t now_us, UnixMicros now) {
    std::string name;
    write_name(name, subject, id);
    Stripe& stripe = stripes_[std::hash<std::string_view>{}(name) % stripes];
    const std::scoped_lock lock(stripe.mutex);
    if (const auto found = stripe.states.find(name); found != stripe.states.end()) return found->second;
    if (subject == Subject::ip) {
        const bool full = stripe.addresses >= max_addresses / stripes;
        if (full && now_us >= stripe.clean_again_us) {
            stripe.clean_again_us = now_us + full_clean_us;
            clean(stripe, now_us, now);
        }
        if (stripe.addresses >= max_addresses / stripes) {
            if (!stripe.others) stripe.others = std::make_shared<SubjectState>();
            return stripe.others;
        }
        ++stripe.addresses;
    }
    return stripe.states.emplace(std::move(name), std::make_shared<SubjectState>()).first->second;
}

StatePtr LimitTable::find(Subject subject, std::string_view id) const {
    std::string name;
    write_name(name, subject, id);
    const Stripe& stripe = stripes_[std::hash<std::string_view>{}(name) % stripes];
    const std::scoped_lock lock(stripe.mutex);
    const auto found = stripe.states.find(name);
    return found == stripe.states.end() ? nullptr : found->second;
}

void LimitTable::sweep(std::int64_t now_us, UnixMicros now) {
    Stripe& stripe = stripes_[next_.fetch_add(1) % stripes];
    const std::scoped_lock lock(stripe.mutex);
    clean(stripe, now_us, now);
}

std::size_t LimitTable::size() const {
    std::size_t sum = 0;
    for (const auto& stripe : stripes_) {
        const std::scoped_lock lock(stripe.mutex);
        sum += stripe.states.size();
    }
    return sum;
}

StatePtr LimitCache::get(Subject subject, std::string_view id, std::int64_t now_us, UnixMicros now) {
    if (now_us - turned_us_ >= generation_us) {
        turned_us_ = now_us;
        old_ = std::exchange(young_, StateMap());
    }
    LimitTable::write_name(name_, subject, id);
    if (const auto found = young_.find(std::string_view(name_)); found != young_.end()) return found->second;
    if (auto node = old_.extract(name_); !node.empty()) return young_.insert(std::move(node)).position->second;
    StatePtr state = table_.get(subject, id, now_us, now);
    if (young_.size() < max_known) young_.emplace(name_, state);
    return state;
}

}  // namespace lurus::gateway
