#include "core/http/paging.hpp"

#include <doctest/doctest.h>

using namespace lurus;
using Json = nlohmann::ordered_json;

namespace {

Json answered(const std::vector<int>& entries, std::size_t limit) {
    const auto response = page_answer(
        entries, limit, [](int entry) { return Json{{"id", entry}}; }, [](int entry) { return std::to_string(entry); });
    return Json::parse(response.body);
}

}  // namespace

TEST_CASE("a page says where the next one begins, and the last one that it is the last") {
    CHECK(answered({}, 2) == Json::parse(R"({"data":[],"next":null})"));
    CHECK(answered({1}, 2) == Json::parse(R"({"data":[{"id":1}],"next":null})"));
    CHECK(answered({1, 2}, 2) == Json::parse(R"({"data":[{"id":1},{"id":2}],"next":null})"));
    CHECK(answered({1, 2, 3}, 2) == Json::parse(R"({"data":[{"id":1},{"id":2}],"next":"2"})"));
    CHECK(answered({1, 2, 3, 4, 5}, 1) == Json::parse(R"({"data":[{"id":1}],"next":"1"})"));
}

TEST_CASE("limit and cursor of a query") {
    const PageSize size{.usual = 50, .most = 100};
    CHECK(page_from({}, size)->limit == 50);
    CHECK(page_from({}, size)->cursor.empty());
    CHECK(page_from({{"limit", ""}, {"cursor", ""}}, size)->limit == 50);
    CHECK(page_from({{"limit", "1"}}, size)->limit == 1);
    CHECK(page_from({{"limit", "100"}, {"cursor", "a/b"}}, size)->limit == 100);
    CHECK(page_from({{"cursor", "a/b"}}, size)->cursor == "a/b");
    for (const char* limit : {"0", "101", "-1", "1x", "99999999999999999999"}) {
        const auto page = page_from({{"limit", limit}}, size);
        REQUIRE(!page.has_value());
        CHECK(page.error().code == ErrorCode::invalid_argument);
        CHECK(page.error().message == "`limit` must be a whole number from 1 to 100");
    }
}

TEST_CASE("a cursor of a listing that goes by a number") {
    CHECK(cursor_number({.limit = 1, .cursor = ""}).value() == std::nullopt);
    CHECK(cursor_number({.limit = 1, .cursor = "17"}).value() == 17);
    for (const char* cursor : {"-1", "x", "1.5", "99999999999999999999"}) {
        const auto number = cursor_number({.limit = 1, .cursor = cursor});
        REQUIRE(!number.has_value());
        CHECK(number.error().code == ErrorCode::invalid_argument);
    }
}

TEST_CASE("what a listing documents is what it takes and answers") {
    const auto params = page_params({.usual = 50, .most = 100});
    REQUIRE(params.size() == 2);
    CHECK(Json::parse(params[0].schema) == Json::parse(R"({"type":"integer","minimum":1,"maximum":100,"default":50})"));
    CHECK(params[1].name == "cursor");
    const auto schema = Json::parse(page_schema(R"({"type":"integer"})"));
    CHECK(schema["properties"]["data"]["items"]["type"] == "integer");
    CHECK(schema["required"] == Json::parse(R"(["data","next"])"));
}
