#include "core/http/list_page.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace lurus;
using Json = nlohmann::ordered_json;

namespace {

const ListShape shape{.id = {"name"}, .sorts = {"name", "kind"}, .most = 10};

std::vector<Json> entries() {
    std::vector<Json> all;
    for (const char* text : {"d x", "b y", "a x", "e y", "c x"})
        all.push_back(Json{{"name", std::string(1, text[0])}, {"kind", std::string(1, text[2])}});
    return all;
}

std::string names_of(const Json& page) {
    std::string out;
    for (const auto& entry : page["data"]) out += entry["name"].get<std::string>();
    return out;
}

/// All pages' names, with `|` between them.
std::string walk(std::map<std::string, std::string> query) {
    std::string out;
    for (int i = 0; i < 10; ++i) {
        const auto page = list_page(entries(), shape, query);
        REQUIRE(page.has_value());
        out += names_of(*page);
        if ((*page)["next"].is_null()) return out;
        out += '|';
        query["cursor"] = (*page)["next"].get<std::string>();
    }
    return out + "without end";
}

}  // namespace

TEST_CASE("a list without a limit is whole and in its own order") {
    const auto page = list_page(entries(), shape, {});
    REQUIRE(page.has_value());
    CHECK(names_of(*page) == "dbaec");
    CHECK((*page)["next"].is_null());
}

TEST_CASE("pages hold each entry once, in the order asked for") {
    CHECK(walk({{"limit", "2"}}) == "ab|cd|e");
    CHECK(walk({{"limit", "5"}}) == "abcde");
    CHECK(walk({{"limit", "2"}, {"sort", "-name"}}) == "ed|cb|a");
    CHECK(walk({{"limit", "2"}, {"sort", "kind"}}) == "ac|db|e");
    CHECK(walk({{"limit", "1"}, {"sort", "-kind"}}) == "e|b|d|c|a");
    CHECK(walk({{"sort", "kind"}}) == "acdbe");
}

TEST_CASE("a page goes on where the last one ended, whatever came and went") {
    const auto first = list_page(entries(), shape, {{"limit", "2"}});
    REQUIRE(first.has_value());
    auto changed = entries();
    std::erase_if(changed, [](const Json& entry) { return entry["name"] == "b" || entry["name"] == "c"; });
    changed.push_back(Json{{"name", "aa"}, {"kind", "x"}});
    changed.push_back(Json{{"name", "bb"}, {"kind", "x"}});
    const auto second = list_page(changed, shape, {{"cursor", (*first)["next"]}});
    REQUIRE(second.has_value());
    CHECK(names_of(*second) == "bbde");
}

TEST_CASE("what is no limit, order or cursor of this list is refused with its name") {
    const auto cursor = (*list_page(entries(), shape, {{"limit", "1"}}))["next"].get<std::string>();
    const std::map<std::string, std::string> wrong[] = {
        {{"limit", "0"}},    {{"limit", "11"}}, {{"limit", "1x"}},  {{"sort", "colour"}},
        {{"cursor", "zzz"}}, {{"cursor", "%"}}, {{"cursor", "[]"}}, {{"cursor", cursor}, {"sort", "kind"}},
        {{"sort", "-"}},
    };
    for (const auto& query : wrong) {
        const auto page = list_page(entries(), shape, query);
        REQUIRE(!page.has_value());
        CHECK(page.error().code == ErrorCode::invalid_argument);
        CHECK_MESSAGE(page.error().message.find('`' + query.begin()->first + '`') != std::string::npos,
                      page.error().message);
    }
}
