#pragma once
// Listings of the management API come in pages: `limit` and `cursor` are asked, `data` and `next` are answered. `next`
// is the next page's `cursor`; its text is the listing's own and opaque to clients.

#include <cstddef>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/http/api_route.hpp"
#include "lurus/api.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// Entries a page.
struct PageSize {
    std::size_t usual = 100;  // where the query has no `limit`
    std::size_t most = 1000;
};

struct Page {
    std::size_t limit = 100;
    std::string cursor;  // empty = the first page
};

/// `invalid_argument` names the parameter. One without a value is as good as none.
Result<Page> page_from(const std::map<std::string, std::string>& query, PageSize size = {});
/// The cursor of a listing that goes by a number; none: the first page.
Result<std::optional<std::int64_t>> cursor_number(const Page& page);
/// The cursor is not one of this listing.
Error wrong_cursor();

ApiParam limit_param(std::size_t most, std::string description);
ApiParam cursor_param();
/// Both.
std::vector<ApiParam> page_params(PageSize size = {});

/// The schema of `next`, and that of a page of entries with this schema.
extern const char* const next_schema;
std::string page_schema(std::string_view entry);

/// `{"data": [...], "next": "..." or null}`; with an empty `next` it is the last page.
nlohmann::ordered_json page_json(nlohmann::ordered_json data, std::string_view next);

/// A page of `entries`: what comes after the cursor, in order, with one more than `limit` at least when there are more.
/// `cursor_of` names the place of the last one shown.
template <class Entries, class Write, class CursorOf>
ApiResponse page_answer(const Entries& entries, std::size_t limit, Write write, CursorOf cursor_of) {
    auto data = nlohmann::ordered_json::array();
    std::string next;
    for (const auto& entry : entries) {
        data.push_back(write(entry));
        if (data.size() < limit || entries.size() == limit) continue;
        next = cursor_of(entry);
        break;
    }
    return json_response(page_json(std::move(data), next));
}

}  // namespace lurus
