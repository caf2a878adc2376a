#pragma once
// How much of a limit is used.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/limits.hpp"

namespace lurus {

/// One limit of one subject at one moment.
struct LimitUse {
    std::string_view limit;    // `rpm`, `tpm`, `itpm`, `otpm`, `concurrency`, `budget`, as in Limits
    std::int64_t allowed = 0;  // requests, tokens; of a budget nano-USD
    std::int64_t used = 0;     // with what is held for requests that are running; may be above `allowed`
    std::optional<UnixMicros>
        resets_at;  // when all of it is free again if nothing more comes; empty = it is not a matter of time
};

/// The limits that are set, with nothing used: `rpm`, `tpm`, `itpm`, `otpm`, `concurrency`, `budget`.
std::vector<LimitUse> unused_limits(const Limits& limits, UnixMicros now);

/// What is used of the limits that are set in `limits`, in the order of unused_limits(). Any thread; locks for a
/// moment.
using LimitUseSource = std::function<std::vector<LimitUse>(Subject subject, std::string_view id, const Limits& limits)>;

}  // namespace lurus
