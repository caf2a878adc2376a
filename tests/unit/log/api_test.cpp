#include <nlohmann/json.hpp>

#include "tests/unit/log/fixture.hpp"

namespace lurus::test {
namespace {

using nlohmann::json;

struct ApiFixture : LogFixture {
    std::vector<ApiRoute> routes;
    std::vector<RequestRecord> all;
    Result<std::shared_ptr<const UserSet>> visible = nullptr;

    ApiFixture() {
        open();
        routes = log_api(
            *log, *log, clock, [this](const Principal&) { return visible; },
            []() -> Result<NamesById> { return NamesById{}; });
        Samples samples(51);
        append(samples, 300, all);
        clock.set(std::ranges::max(all, {}, &RequestRecord::time).time);
    }

    ApiResponse get(const std::string& path, std::map<std::string, std::string> query,
                    std::map<std::string, std::string> params = {}) {
        for (const auto& route : routes) {
            if (route.path != path) continue;
            ApiRequest request;
            request.method = "GET";
            request.path = path;
            request.query = std::move(query);
            request.params = std::move(params);
            return route.handler(request);
        }
        FAIL("no route ", path);
        return {};
    }
};

/// What tells the row's group from others.
std::string told_apart(const json& row) {
    const json& by = row["id"].is_null() ? row["group"] : row["id"];
    return by.is_null() ? std::string() : by.get<std::string>();
}

void check_problem(const ApiResponse& response, int status) {
    CHECK(response.status == status);
    CHECK(response.content_type == "application/problem+json");
    const json body = json::parse(response.body);
    CHECK(body["type"] == "about:blank");
    CHECK(body["status"] == status);
    CHECK(!body["detail"].get<std::string>().empty());
}

TEST_CASE_FIXTURE(ApiFixture, "GET /api/v1/logs filters and pages") {
    const json first = json::parse(get("/api/v1/logs", {{"limit", "100"}}).body);
    REQUIRE(first["data"].size() == 100);
    CHECK(first["data"][0]["id"] == 300);
    CHECK(first["next_before_id"] == 201);
    const json last = json::parse(get("/api/v1/logs", {{"limit", "250"}, {"before_id", "201"}}).body);
    CHECK(last["data"].size() == 200);
    CHECK(last["next_before_id"].is_null());
    const json errors = json::parse(
        get("/api/v1/logs", {{"end", "error"}, {"dialect", "anthropic"}, {"stream", "true"}, {"limit", "1000"}}).body);
    LogFilter filter;
    filter.end = End::error;
    filter.dialect = Dialect::anthropic;
    filter.stream = true;
    filter.limit = 1000;
    const auto expected = expected_ids(all, filter);
    REQUIRE(errors["data"].size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) CHECK(errors["data"][i]["id"] == expected[i]);
    const json tail = json::parse(get("/api/v1/logs", {{"after_id", "290"}}).body);
    CHECK(tail["data"].size() == 10);
    CHECK(tail["data"][0]["id"] == 291);
    const json recent = json::parse(get("/api/v1/logs", {{"since", "1m"}, {"limit", "1000"}}).body);
    filter = LogFilter();
    filter.since = clock.now() - 60'000'000;
    filter.limit = 1000;
    CHECK(recent["data"].size() == expected_ids(all, filter).size());
    for (const auto& [name, value] : std::map<std::string, std::string>{{"limit", "0"},
                                                                        {"limit", "ten"},
                                                                        {"status", "9999"},
                                                                        {"end", "x"},
                                                                        {"dialect", "x"},
                                                                        {"stream", "1"},
                                                                        {"since", "someday"},
                                                                        {"before_id", "-1"},
                                                                        {"after_id", ""}}) {
        CAPTURE(name);
        check_problem(get("/api/v1/logs", {{name, value}}), 400);
    }
}

TEST_CASE_FIXTURE(ApiFixture, "GET /api/v1/usage sums") {
    const json usage = json::parse(get("/api/v1/usage", {{"by", "key"}}).body);
    CHECK(usage["by"] == "key");
    CHECK(usage["since"] == format_time(clock.now() - 86'400'000'000ll));
    CHECK(usage["total"]["requests"] == 300);
    const auto expected = expected_usage(all, 0, INT64_MAX, UsageBy::key);
    REQUIRE(usage["data"].size() == expected.size());
    for (const auto& row : usage["data"]) {
        const auto& sums = expected.at(told_apart(row));
        CHECK(row["requests"] == sums[0]);
        CHECK(row["errors"] == sums[1]);
        CHECK(row["unpriced"] == sums[2]);
        CHECK(row["input"] == sums[3]);
        CHECK(row["cache_write_1h"] == sums[6]);
        CHECK(row["reasoning"] == sums[8]);
        CHECK(row["cost_nano_usd"] == sums[9]);
        CHECK(row["avg_duration_us"] == sums[10] / sums[0]);
    }
    const json none = json::parse(get("/api/v1/usage", {{"since", "2020-01-01"}, {"until", "2020-01-02"}}).body);
    CHECK(none["data"].empty());
    CHECK(none["total"]["requests"] == 0);
    CHECK(none["total"]["avg_duration_us"].is_null());
    check_problem(get("/api/v1/usage", {{"by", "moon"}}), 400);
    check_problem(get("/api/v1/usage", {{"since", "?"}}), 400);
}

TEST_CASE_FIXTURE(ApiFixture, "GET /api/v1/traces/{id} finds or says 404") {
    Samples samples(52);
    auto record = samples.record();
    const Id trace = record.trace_id = samples.id();
    record.request_body = "{}";
    log->append(std::move(record), 0, nullptr);
    REQUIRE(log->flush(10'000));
    const json found = json::parse(get("/api/v1/traces/{id}", {}, {{"id", trace.hex()}}).body);
    REQUIRE(found["data"].size() == 1);
    CHECK(found["data"][0]["trace_id"] == trace.hex());
    CHECK(found["data"][0]["request_body"] == "{}");
    CHECK(found["data"][0]["response_body"].is_null());
    check_problem(get("/api/v1/traces/{id}", {}, {{"id", samples.id().hex()}}), 404);
    check_problem(get("/api/v1/traces/{id}", {}, {{"id", "xyz"}}), 400);
}

TEST_CASE_FIXTURE(ApiFixture, "GET /api/v1/records/{id} shows one record, with its ids and its attempts'") {
    const RequestRecord& wanted = all[7];
    const json found = json::parse(get("/api/v1/records/{id}", {}, {{"id", wanted.record_id.hex()}}).body);
    CHECK(found["record_id"] == wanted.record_id.hex());
    CHECK(found["node_id"] == log->node_id().hex());
    CHECK(found["id"] == 8);
    for (const auto& [name, id] :
         {std::pair("key_id", wanted.key_id), {"team_id", wanted.team_id}, {"org_id", wanted.org_id}})
        CHECK(found[name] == (id.is_zero() ? json() : json(id.hex())));
    REQUIRE(found["attempts"].size() == wanted.attempts.size());
    CHECK(found["attempts"][0]["id"] == wanted.record_id.hex() + "-1");
    CHECK(found.contains("request_body"));
    Samples samples(53);
    check_problem(get("/api/v1/records/{id}", {}, {{"id", samples.id().hex()}}), 404);
    check_problem(get("/api/v1/records/{id}", {}, {{"id", "xyz"}}), 400);
    visible = std::make_shared<const UserSet>();
    check_problem(get("/api/v1/records/{id}", {}, {{"id", wanted.record_id.hex()}}), 404);
}

TEST_CASE_FIXTURE(ApiFixture, "only records in the scope are seen, whatever is asked for") {
    const std::string seen = all.back().user;
    const auto hidden = std::ranges::find_if(all, [&](const auto& r) { return r.user != seen; });
    REQUIRE(hidden != all.end());
    std::int64_t expected = 0;
    for (const auto& record : all) expected += record.user == seen ? 1 : 0;
    visible = std::make_shared<const UserSet>(UserSet{seen});
    const json rows = json::parse(get("/api/v1/logs", {{"limit", "1000"}}).body);
    CHECK(static_cast<std::int64_t>(rows["data"].size()) == expected);
    CHECK(json::parse(get("/api/v1/logs", {{"user", hidden->user}}).body)["data"].empty());
    for (const char* by : {"model", "provider", "key", "user", "team", "org", "day", "hour"}) {
        CAPTURE(by);
        CHECK(json::parse(get("/api/v1/usage", {{"by", by}, {"since", "2020-01-01"}}).body)["total"]["requests"] ==
              expected);
    }
    // A trace of somebody else answers as one that is not there.
    check_problem(get("/api/v1/traces/{id}", {}, {{"id", hidden->trace_id.hex()}}), 404);
    visible = std::make_shared<const UserSet>();
    CHECK(json::parse(get("/api/v1/logs", {}).body)["data"].empty());
    visible = fail(ErrorCode::unavailable, "the database is away");
    check_problem(get("/api/v1/logs", {}), 503);
    check_problem(get("/api/v1/usage", {}), 503);
    check_problem(get("/api/v1/traces/{id}", {}, {{"id", hidden->trace_id.hex()}}), 503);
}

TEST_CASE_FIXTURE(ApiFixture, "GET /api/v1/stats shows the log's state") {
    const json stats = json::parse(get("/api/v1/stats", {}).body);
    CHECK(stats["healthy"] == true);
    CHECK(stats["problem"].is_null());
    CHECK(stats["committed"] == 300);
}

/// True when the value has the schema's type, all required members, and no unknown ones.
bool fits(const json& value, const json& schema, std::string& why) {
    const auto types = schema["type"].is_array() ? schema["type"] : json::array({schema["type"]});
    const std::string type = value.is_object()           ? "object"
                             : value.is_array()          ? "array"
                             : value.is_string()         ? "string"
                             : value.is_boolean()        ? "boolean"
                             : value.is_number_integer() ? "integer"
                             : value.is_null()           ? "null"
                                                         : "number";
    if (std::find(types.begin(), types.end(), type) == types.end()) {
        why = value.dump() + " is not " + schema["type"].dump();
        return false;
    }
    if (type == "array") {
        return std::all_of(value.begin(), value.end(),
                           [&](const json& item) { return fits(item, schema["items"], why); });
    }
    if (type != "object" || !schema.contains("properties")) return true;
    for (const auto& name : schema["required"]) {
        if (!value.contains(name.get<std::string>())) {
            why = "missing " + name.dump();
            return false;
        }
    }
    for (const auto& [name, member] : value.items()) {
        if (!schema["properties"].contains(name)) {
            why = "undocumented " + name;
            return false;
        }
        if (!fits(member, schema["properties"][name], why)) {
            why = name + ": " + why;
            return false;
        }
    }
    return true;
}

TEST_CASE_FIXTURE(ApiFixture, "every answer has its documented shape") {
    for (const auto& route : routes) {
        CAPTURE(route.path);
        CHECK(!route.operation_id.empty());
        CHECK(!route.summary.empty());
        for (const auto& param : route.query) CHECK(!json::parse(param.schema, nullptr, false).is_discarded());
        const json schema = json::parse(route.response_schema);
        const auto response =
            get(route.path, {},
                {{"id", (route.path == "/api/v1/records/{id}" ? all[5].record_id : all[5].trace_id).hex()}});
        REQUIRE(response.status == 200);
        CHECK(response.content_type == "application/json");
        std::string why;
        CHECK_MESSAGE(fits(json::parse(response.body), schema, why), why);
    }
}

}  // namespace
}  // namespace lurus::test
