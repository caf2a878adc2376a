#pragma once
// What budgets have used up before this process, or before they were set: the log has it.

#include <functional>
#include <memory>
#include <string_view>

#include "lurus/identity.hpp"
#include "lurus/limits.hpp"
#include "lurus/store/record_queries.hpp"

namespace lurus::control {

/// `Identity::record_users`
using RecordUsers = std::function<Result<std::shared_ptr<const UserSet>>(std::string_view org)>;

/// For every budget of a key, a user, a team, an organisation or a model, what its window at `now` holds, by the ids
/// that records carry: whatever became of keys since. Records from before there were ids count for the key that has
/// their name, since it was made, and for its team. Windows that
/// `known` has are taken from there, since who counts goes on from it. Records that are dated later than `now`, when
/// the clock was wrong, count as well. Null when there is no budget. Blocks while the log is asked.
std::shared_ptr<const SpentTable> spent_so_far(const KeySnapshot& keys, const CommonLimits& limits,
                                               RecordQueries& records, const RecordUsers& users, UnixMicros now,
                                               const SpentTable* known);

}  // namespace lurus::control
