#pragma once
// Which processes share an installation, as they say themselves.

#include <cstdint>
#include <string_view>
#include <vector>

#include "core/db/sql.hpp"
#include "lurus/sync.hpp"

namespace lurus::sync {

inline constexpr std::int64_t beat_every_us = 5'000'000;
inline constexpr std::int64_t alive_for_us = 3 * beat_every_us;

Result<void> store_node(sql::Connection& postgres, const NodeInfo& node);
Result<std::vector<NodeInfo>> read_nodes(sql::Connection& postgres);
/// `not_found`, or `conflict` where it is alive.
Result<void> remove_node(sql::Connection& postgres, std::string_view id);

}  // namespace lurus::sync
