#include "core/http/paging.hpp"

#include "core/http/api_body.hpp"
#include "core/text/number.hpp"

namespace lurus {

Result<Page> page_from(const std::map<std::string, std::string>& query, PageSize size) {
    Page page;
    page.limit = size.usual;
    if (const auto at = query.find("limit"); at != query.end() && !at->second.empty()) {
        const auto limit = whole_number(at->second, 1, static_cast<std::int64_t>(size.most));
        if (!limit)
            return std::unexpected(wrong_field("limit", "a whole number from 1 to " + std::to_string(size.most)));
        page.limit = static_cast<std::size_t>(*limit);
    }
    if (const auto at = query.find("cursor"); at != query.end()) page.cursor = at->second;
    return page;
}

Error wrong_cursor() {
    return wrong_field("cursor", "the `next` of another page");
}

Result<std::optional<std::int64_t>> cursor_number(const Page& page) {
    if (page.cursor.empty()) return std::nullopt;
    const auto number = whole_number(page.cursor, 0, INT64_MAX);
    if (!number) return std::unexpected(wrong_cursor());
    return number;
}

ApiParam limit_param(std::size_t most, std::string description) {
    return {"limit", R"({"type":"integer","minimum":1,"maximum":)" + std::to_string(most) + "}",
            std::move(description)};
}

ApiParam cursor_param() {
    return {"cursor", R"({"type":"string"})", "`next` of the page before"};
}

std::vector<ApiParam> page_params(PageSize size) {
    ApiParam limit = limit_param(size.most, "entries a page");
    limit.schema.insert(limit.schema.size() - 1, R"(,"default":)" + std::to_string(size.usual));
    return {std::move(limit), cursor_param()};
}

const char* const next_schema = R"({"type":["string","null"],"description":"`cursor` of the next page"})";

std::string page_schema(std::string_view entry) {
    return R"({"type":"object","required":["data","next"],"properties":{"data":{"type":"array","items":)" +
           std::string(entry) + R"(},"next":)" + next_schema + "}}";
}

nlohmann::ordered_json page_json(nlohmann::ordered_json data, std::string_view next) {
    nlohmann::ordered_json page;
    page["data"] = std::move(data);
    page["next"] = next.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(next);
    return page;
}

}  // namespace lurus
