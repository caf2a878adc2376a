#include "modules/gateway/server/refused_records.hpp"

#include <cstring>
#include <utility>

namespace lurus::gateway {
namespace {
constexpr std::int64_t minute_us = 60'000'000;
constexpr std::size_t most_addresses = 4096;
constexpr int most_of_all = 50;  // times what one address may
}  // namespace

// The counts begin anew with the first refusal that comes a minute or more after they began.
bool RefusedRecords::take(Count& count, std::int64_t us, int most) {
    if (count.since_us == 0 || us - count.since_us >= minute_us) {
        count.since_us = us;
        count.kept = 0;
    }
    if (count.kept >= most) return false;
    ++count.kept;
    return true;
}

RefusedRecords::Count& RefusedRecords::of(const std::optional<IpAddress>& address, std::int64_t us) {
    std::uint64_t key = 0;
    if (address) std::memcpy(&key, address->bytes.data() + (address->is_v4() ? 8 : 0), sizeof key);
    if (const auto found = addresses_.find(key); found != addresses_.end()) return found->second;
    if (addresses_.size() >= most_addresses)
        std::erase_if(addresses_, [us](const auto& each) { return us - each.second.since_us >= minute_us; });
    if (addresses_.size() >= most_addresses) return others_;
    return addresses_[key];
}

RefusedRecords::Verdict RefusedRecords::ask(const std::optional<IpAddress>& address, std::int64_t us, int per_minute) {
    Verdict verdict;
    if (per_minute <= 0) return verdict;
    const std::scoped_lock lock(mutex_);
    Count& count = of(address, us);
    verdict.kept = take(count, us, per_minute) && take(all_, us, per_minute * most_of_all);
    if (verdict.kept) {
        verdict.unkept = std::exchange(count.unkept, 0);
    } else {
        ++count.unkept;
    }
    return verdict;
}

}  // namespace lurus::gateway
