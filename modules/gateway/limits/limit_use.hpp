#pragma once
// What is used of a subject's limits, for people and programs that ask. Takes nothing and makes no state.

#include <string_view>
#include <vector>

#include "lurus/limit_use.hpp"
#include "modules/gateway/limits/limit_table.hpp"

namespace lurus::gateway {

/// `now_us` since the table's start.
std::vector<LimitUse> limit_use(const LimitTable& table, Subject subject, std::string_view id, const Limits& limits,
                                std::int64_t now_us, UnixMicros now);

}  // namespace lurus::gateway
