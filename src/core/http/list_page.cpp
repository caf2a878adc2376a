#include "core/http/list_page.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/http/url.hpp"

namespace lurus {
namespace {

using Json = nlohmann::ordered_json;
using Query = std::map<std::string, std::string>;

std::string text_of(const Query& query, const char* name) {
    const auto found = query.find(name);
    return found == query.end() ? std::string() : found->second;
}

// What an entry is sorted by: the member, then its id, so that no two are equal.
Json place_of(const Json& entry, const std::string& sort, const ListShape& shape) {
    Json place = Json::array();
    const auto take = [&](const std::string& name) { place.push_back(entry.contains(name) ? entry[name] : Json()); };
    take(sort);
    for (const auto& name : shape.id) take(name);
    return place;
}

struct Order {
    std::string sort;
    bool descending = false;
};

Result<Order> order_of(const Query& query, const ListShape& shape) {
    Order order{shape.sorts.front()};
    std::string text = text_of(query, "sort");
    if (text.empty()) return order;
    order.descending = text.front() == '-';
    order.sort = order.descending ? text.substr(1) : text;
    if (std::ranges::find(shape.sorts, order.sort) != shape.sorts.end()) return order;
    std::string names;
    for (const auto& name : shape.sorts) names += (names.empty() ? "" : ", ") + name;
    return std::unexpected(wrong_field("sort", "one of " + names + ", with - in front for descending"));
}

// The order and the last entry's place; another order's cursor means nothing.
std::string cursor_of(const Order& order, const Json& place) {
    const Json cursor{order.sort, order.descending, place};
    return percent_encode(cursor.dump(-1, ' ', true, Json::error_handler_t::replace));
}

Result<std::optional<Json>> place_from(const Page& page, const Order& order, const ListShape& shape) {
    if (page.cursor.empty()) return std::nullopt;
    const Json cursor = Json::parse(percent_decode(page.cursor).value_or(std::string()), nullptr, false);
    if (!cursor.is_array() || cursor.size() != 3 || cursor[0] != order.sort || cursor[1] != order.descending ||
        !cursor[2].is_array() || cursor[2].size() != shape.id.size() + 1) {
        return std::unexpected(wrong_field("cursor", "the `next` of a page in the same order"));
    }
    return cursor[2];
}

}  // namespace

Result<Json> list_page(std::vector<Json> entries, const ListShape& shape, const Query& query) {
    const bool whole = !query.contains("limit") && !query.contains("cursor") && !query.contains("sort");
    std::string next;
    if (!whole) {
        const auto order = order_of(query, shape);
        if (!order) return std::unexpected(order.error());
        const auto page = page_from(query, {.usual = shape.most, .most = shape.most});
        if (!page) return std::unexpected(page.error());
        const auto after = place_from(*page, *order, shape);
        if (!after) return std::unexpected(after.error());
        const auto place = [&](const Json& entry) { return place_of(entry, order->sort, shape); };
        const auto before = [&](const Json& a, const Json& b) { return order->descending ? b < a : a < b; };
        if (*after) std::erase_if(entries, [&](const Json& entry) { return !before(**after, place(entry)); });
        std::ranges::sort(entries, before, place);
        if (entries.size() > page->limit) {
            entries.resize(page->limit);
            next = cursor_of(*order, place(entries.back()));
        }
    }
    return page_json(std::move(entries), next);
}

std::vector<ApiParam> list_params(const ListShape& shape) {
    Json sorts = Json::array();
    for (const auto& name : shape.sorts) {
        sorts.push_back(name);
        sorts.push_back("-" + name);
    }
    return {
        limit_param(shape.most, "At most so many; without it and the next two all, in their own order"),
        cursor_param(),
        {"sort", Json{{"enum", sorts}}.dump(), "What to sort by; - is descending"},
    };
}

}  // namespace lurus
