#pragma once
// Of requests that are refused before there is anybody to account them to, so many a minute are kept as records, for
// each address and for all together: whoever sends them must not be able to fill the log.

#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>

#include "lurus/ip_address.hpp"

namespace lurus::gateway {

/// Any thread; asked for refusals only.
class RefusedRecords {
public:
    struct Verdict {
        bool kept = false;
        std::uint64_t unkept = 0;  // kept: how many of this address were not, since the last that was
    };
    /// `us` is monotonic. IPv6 counts by /64, which one subscriber has all of; all Unix sockets are one.
    Verdict ask(const std::optional<IpAddress>& address, std::int64_t us, int per_minute);

private:
    struct Count {
        std::int64_t since_us = 0;
        int kept = 0;
        std::uint64_t unkept = 0;
    };
    static bool take(Count& count, std::int64_t us, int most);
    Count& of(const std::optional<IpAddress>& address, std::int64_t us);

    std::mutex mutex_;
    std::unordered_map<std::uint64_t, Count> addresses_;
    Count others_;  // addresses that the table has no room for
    Count all_;
};

}  // namespace lurus::gateway
