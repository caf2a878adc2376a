// /api/v1/statistics against sums made the slow and obvious way.
#include "lurus/statistics.hpp"

#include <nlohmann/json.hpp>
#include <set>

#include "tests/unit/log/fixture.hpp"

namespace lurus::test {
namespace {

using nlohmann::json;

struct StatisticsFixture : LogFixture {
    std::vector<ApiRoute> routes;
    std::vector<RequestRecord> all;
    Result<std::shared_ptr<const UserSet>> visible = nullptr;
    NamesById names;

    StatisticsFixture() {
        open();
        routes = statistics_api(
            *log, clock, [this](const Principal&) { return visible; }, [this]() -> Result<NamesById> { return names; });
        Samples samples(77);
        append(samples, 300, all);
        clock.set(std::ranges::max(all, {}, &RequestRecord::time).time);
    }

    ApiResponse ask(std::map<std::string, std::string> query) {
        ApiRequest request;
        request.query = std::move(query);
        return routes.at(0).handler(request);
    }
    json get(std::map<std::string, std::string> query) {
        query.try_emplace("from", "2020-01-01");
        const auto response = ask(std::move(query));
        REQUIRE_MESSAGE(response.status == 200, response.body);
        return json::parse(response.body);
    }
};

/// What tells the row's group from others.
std::string group_in(const json& row) {
    const json& by = row["id"].is_null() ? row["group"] : row["id"];
    return by.is_null() ? std::string() : by.get<std::string>();
}

std::string text(const json& value) {
    return value.is_null() ? std::string() : value.get<std::string>();
}

TEST_CASE_FIXTURE(StatisticsFixture, "statistics: each dimension, and nothing at all") {
    const json whole = get({});
    REQUIRE(whole["data"].size() == 1);
    CHECK(whole["data"][0]["requests"] == 300);
    CHECK(whole["data"][0]["time"].is_null());
    CHECK(whole["data"][0]["group"].is_null());
    CHECK(whole["total"]["requests"] == 300);
    for (const auto& [name, by] :
         {std::pair("model", UsageBy::model), std::pair("provider", UsageBy::provider),
          std::pair("account", UsageBy::provider), std::pair("key", UsageBy::key), std::pair("user", UsageBy::user),
          std::pair("team", UsageBy::team), std::pair("org", UsageBy::org)}) {
        CAPTURE(name);
        const auto expected = expected_usage(all, 0, INT64_MAX, by);
        const json answer = get({{"by", name}});
        REQUIRE(answer["data"].size() == expected.size());
        for (const auto& row : answer["data"]) {
            CHECK(row["requests"] == expected.at(group_in(row))[0]);
            CHECK(row["cost_nano_usd"] == expected.at(group_in(row))[9]);
        }
    }
    const json none = get({{"from", "2019-01-01"}, {"to", "2019-01-02"}, {"by", "model"}});
    CHECK(none["data"].empty());
    CHECK(none["total"]["avg_duration_us"].is_null());
}

TEST_CASE_FIXTURE(StatisticsFixture, "statistics: over time, and each of each hour") {
    for (const auto& [name, by, width] : {std::tuple("hour", UsageBy::hour, 13), std::tuple("day", UsageBy::day, 10)}) {
        CAPTURE(name);
        const auto expected = expected_usage(all, 0, INT64_MAX, by);
        const json timed = get({{"bucket", name}});
        CHECK(timed["data"].size() == expected.size());
        // by time and model: what the records say of both
        std::map<std::pair<std::string, std::string>, std::int64_t> both;
        for (const auto& r : all) ++both[{format_time(r.time).substr(0, static_cast<std::size_t>(width)), r.model}];
        const json each = get({{"bucket", name}, {"by", "model"}});
        REQUIRE(each["data"].size() == both.size());
        for (const auto& row : each["data"]) {
            const std::string time = row["time"].get<std::string>();
            CHECK(row["requests"] == both.at({time.substr(0, static_cast<std::size_t>(width)), text(row["group"])}));
            CHECK(parse_time(time).has_value());
        }
        CHECK(each["total"]["requests"] == 300);
    }
    // the ends of the time cut the buckets they fall into
    const UnixMicros from = all[20].time, to = all[270].time;
    std::int64_t within = 0;
    for (const auto& r : all) within += r.time >= from && r.time < to ? 1 : 0;
    const json cut = get({{"bucket", "hour"}, {"by", "key"}, {"from", format_time(from)}, {"to", format_time(to)}});
    CHECK(cut["total"]["requests"] == within);
}

TEST_CASE_FIXTURE(StatisticsFixture, "statistics: by id, with names, of who may be seen") {
    const RequestRecord& some = *std::ranges::find_if(all, [](const auto& r) { return !r.team_id.is_zero(); });
    const std::string team = some.team_id.hex(), user = some.user;
    names = {{team, "search"}, {user, "ann@example.com"}};
    const auto sum = [&](const auto& counts) {
        std::int64_t requests = 0;
        for (const auto& r : all) requests += counts(r) ? 1 : 0;
        return requests;
    };
    const auto of_team = [&](const json& answer) {
        std::int64_t requests = 0;
        for (const auto& row : answer["data"]) {
            if (text(row["id"]) != team) continue;
            CHECK(row["name"] == "search");
            CHECK(row["group"] == team);
            requests += row["requests"].get<int>();
        }
        return requests;
    };
    const auto in_team = [&](const auto& r) { return r.team_id == some.team_id; };
    CHECK(of_team(get({{"by", "team"}})) == sum(in_team));
    CHECK(of_team(get({{"by", "team"}, {"bucket", "hour"}})) == sum(in_team));
    CHECK(get({{"by", "team"}, {"group", "sea*"}})["total"]["requests"] == sum(in_team));
    CHECK(get({{"by", "team"}, {"group", team}})["total"]["requests"] == sum(in_team));
    CHECK(get({{"by", "team"}})["total"]["requests"] == 300);
    // Keys of one name stay apart, and each has its name.
    const json by_key = get({{"by", "key"}});
    for (const auto& row : by_key["data"]) CHECK(row["name"] == row["group"]);
    const json of_name = get({{"by", "key"}, {"group", some.key}});
    CHECK(of_name["data"].size() > 1);
    CHECK(of_name["total"]["requests"] == sum([&](const auto& r) { return r.key == some.key; }));
    visible = std::make_shared<const UserSet>(UserSet{user});
    CHECK(of_team(get({{"by", "team"}})) == sum([&](const auto& r) { return in_team(r) && r.user == user; }));
    const std::int64_t own = sum([&](const auto& r) { return r.user == user; });
    for (const char* by : {"model", "key", "user", "provider", "team", "org"})
        CHECK(get({{"by", by}})["total"]["requests"] == own);
    CHECK(get({{"by", "user"}})["data"][0]["name"] == "ann@example.com");
    CHECK(get({{"bucket", "day"}})["total"]["requests"] == own);
    visible = fail(ErrorCode::unavailable, "the database is away");
    CHECK(ask({}).status == 503);
}

TEST_CASE_FIXTURE(StatisticsFixture, "statistics: sorted, filtered and in pages") {
    const json sorted = get({{"by", "model"}, {"sort", "-requests"}});
    for (std::size_t i = 1; i < sorted["data"].size(); ++i)
        CHECK(sorted["data"][i - 1]["requests"] >= sorted["data"][i]["requests"]);
    std::size_t rows = 0;
    std::map<std::string, std::string> query = {{"by", "model"}, {"bucket", "hour"}, {"limit", "7"}, {"sort", "-time"}};
    std::set<std::string> seen;
    for (;;) {
        const json page = get(query);
        CHECK(page["total"]["requests"] == 300);
        for (const auto& row : page["data"]) {
            ++rows;
            CHECK(seen.insert(row["time"].get<std::string>() + text(row["group"])).second);
        }
        if (page["next"].is_null()) break;
        CHECK(page["data"].size() == 7);
        query["cursor"] = page["next"];
    }
    CHECK(rows == get({{"by", "model"}, {"bucket", "hour"}})["data"].size());
    const std::string one = text(sorted["data"][0]["group"]);
    const json only = get({{"by", "model"}, {"group", one}});
    REQUIRE(only["data"].size() == 1);
    CHECK(only["total"] == json::parse([&] {
              json row = only["data"][0];
              row.erase("time");
              row.erase("group");
              row.erase("id");
              row.erase("name");
              return row.dump();
          }()));
    for (const std::map<std::string, std::string>& wrong : {std::map<std::string, std::string>{{"by", "moon"}},
                                                            {{"by", "hour"}},
                                                            {{"bucket", "week"}},
                                                            {{"from", "?"}},
                                                            {{"group", "x"}},
                                                            {{"limit", "0"}},
                                                            {{"sort", "beauty"}}}) {
        CAPTURE(wrong.begin()->first);
        CHECK(ask(wrong).status == 400);
    }
}

}  // namespace
}  // namespace lurus::test
