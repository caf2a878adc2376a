#pragma once
// How fast one caller may ask the management API.

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace lurus::control {

/// GCRA: `per_minute` at once, and as many again evenly over each minute. Any thread.
class ApiRate {
public:
    /// 0 = no limit.
    void set(int per_minute);
    /// Counts one request of `caller`; when it is one too many, how long until there is room, in microseconds.
    std::optional<std::int64_t> take(std::string_view caller, std::int64_t now_us);

private:
    std::mutex mutex_;
    int per_minute_ = 0;
    std::unordered_map<std::string, std::int64_t> full_until_;  // theoretical arrival time, monotonic microseconds
    std::int64_t next_sweep_us_ = 0;
};

}  // namespace lurus::control
