#pragma once
// The request log's part of the management API, and a record as JSON.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/store/journal.hpp"
#include "lurus/store/record_queries.hpp"

namespace lurus {

/// Whose records this principal may see; null = all of them.
using RecordScope = std::function<Result<std::shared_ptr<const UserSet>>(const Principal& principal)>;

/// What members, teams and organisations are called now, by their ids; also those that are gone. Only names of whom
/// a principal sees records of are shown to it.
using NamesById = std::map<std::string, std::string, std::less<>>;
using SubjectNames = std::function<Result<NamesById>()>;

/// `/api/v1/logs`, `/api/v1/records/{id}`, `/api/v1/traces/{id}`, `/api/v1/usage`, `/api/v1/stats`. Each shows what
/// `scope` lets through. All but the functions outlive the routes.
std::vector<ApiRoute> log_api(const Journal& journal, RecordQueries& records, const Clock& clock, RecordScope scope,
                              SubjectNames names);

/// The record as the one-line JSON object that `lurus logs --json` prints.
std::string to_json(const RequestRecord& record);

}  // namespace lurus
