#include "modules/signin/throttle.hpp"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <vector>

namespace lurus::signin {

std::int64_t Throttle::wait(std::string_view who, std::int64_t now) const {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(std::string(who));
    return found == entries_.end() ? 0 : std::max<std::int64_t>(0, found->second.free_at - now);
}

std::int64_t Throttle::begin(std::string_view who, std::int64_t now) {
    const std::scoped_lock lock(mutex_);
    if (entries_.size() >= rule_.max_entries) make_room(now);
    Entry& entry = entries_[std::string(who)];
    if (entry.free_at > now) return entry.free_at - now;
    if (now - entry.last > rule_.forget_after) entry.failures = 0;
    entry.last = now;
    ++entry.failures;
    if (entry.failures >= rule_.free_failures) {
        std::int64_t wait = rule_.first_wait;
        for (int i = rule_.free_failures; i < entry.failures && wait < rule_.longest_wait; ++i) wait *= 2;
        entry.free_at = now + std::min(wait, rule_.longest_wait);
    }
    return 0;
}

void Throttle::forgive(std::string_view who, int failures) {
    const std::scoped_lock lock(mutex_);
    const auto found = entries_.find(std::string(who));
    if (found == entries_.end()) return;
    found->second.failures = std::max(0, found->second.failures - failures);
    found->second.free_at = 0;
}

void Throttle::succeed(std::string_view who) {
    const std::scoped_lock lock(mutex_);
    entries_.erase(std::string(who));
}

// A tenth goes at once, so that the search is paid for by many calls.
void Throttle::make_room(std::int64_t now) {
    std::erase_if(entries_, [&](const auto& item) { return now - item.second.last > rule_.forget_after; });
    if (entries_.size() < rule_.max_entries) return;
    std::vector<std::int64_t> times;
    for (const auto& [who, entry] : entries_) times.push_back(entry.last);
    const auto cut = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 10);
    std::ranges::nth_element(times, cut);
    const std::int64_t oldest_kept = *cut;
    std::erase_if(entries_, [&](const auto& item) { return item.second.last <= oldest_kept; });
}

std::string throttle_address(std::string_view remote_address) {
    boost::system::error_code bad;
    auto address = boost::asio::ip::make_address(std::string(remote_address), bad);
    if (bad) return {};
    if (address.is_v6() && address.to_v6().is_v4_mapped())
        address = boost::asio::ip::make_address_v4(boost::asio::ip::v4_mapped, address.to_v6());
    if (address.is_loopback()) return {};
    if (address.is_v4()) return address.to_string();
    auto bytes = address.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), static_cast<unsigned char>(0));
    return boost::asio::ip::address_v6(bytes).to_string() + "/64";
}

}  // namespace lurus::signin
