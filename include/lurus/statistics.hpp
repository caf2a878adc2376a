#pragma once
// Port: what was used, over time and by whom or what.

#include <vector>

#include "lurus/clock.hpp"
#include "lurus/log.hpp"

namespace lurus {

/// `/api/v1/statistics`. `records` and `clock` outlive the routes.
std::vector<ApiRoute> statistics_api(RecordQueries& records, const Clock& clock, RecordScope scope, SubjectNames names);

}  // namespace lurus
