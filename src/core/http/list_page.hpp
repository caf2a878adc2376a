#pragma once
// Lists of the management API that are held in memory: filtered by the caller, sorted and cut into pages here. A page
// continues after the last entry of the one before (keyset), so that what comes and goes meanwhile moves nothing.

#include <cstddef>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// How a kind of list is paged and sorted.
struct ListShape {
    std::vector<std::string> id;     // members that together tell an entry from all others
    std::vector<std::string> sorts;  // members that it may be sorted by; the first is the default
    std::size_t most = 1000;         // entries a page
};

/// `{"data":[...],"next":"..."|null}` of these objects, as `limit`, `cursor` and `sort` (a member, with `-` in front:
/// descending) of the query ask. With none of them everything, in the order given. `invalid_argument` names the
/// parameter.
Result<nlohmann::ordered_json> list_page(std::vector<nlohmann::ordered_json> entries, const ListShape& shape,
                                         const std::map<std::string, std::string>& query);

/// The parameters that it takes.
std::vector<ApiParam> list_params(const ListShape& shape);

}  // namespace lurus
