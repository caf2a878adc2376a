#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/json/json_scan.hpp"
#include "modules/log/queries/record_json.hpp"
#include "tests/contract/log/samples.hpp"

namespace lurus::log {
namespace {

using nlohmann::json;

TEST_CASE("a record's line has the names people script against") {
    RequestRecord r;
    r.id = 7;
    r.trace_id = *Id::parse("0123456789abcdef0123456789abcdef");
    r.time = *parse_time("2026-11-21T09:00:00.123456Z");
    r.dialect = Dialect::anthropic;
    r.upstream_dialect = Dialect::openai_chat;
    r.model = "claude";
    r.status = 200;
    r.end = End::complete;
    r.usage.input = 3;
    r.usage.output = 0;
    r.usage_raw = "{\n  \"input_tokens\": 3,\r\n  \"big\": 12345678901234567890123\n}";
    r.cost = Money{0};
    Attempt attempt;
    attempt.provider = "p";
    attempt.outcome = "ok";
    r.attempts.push_back(attempt);
    const std::string line = to_json(r);
    CHECK(line.find('\n') == std::string::npos);
    CHECK(line.find("12345678901234567890123") != std::string::npos);
    const json j = json::parse(line);
    CHECK(j["trace_id"] == "0123456789abcdef0123456789abcdef");
    CHECK(j["id"] == 7);
    CHECK(j["time"] == "2026-11-21T09:00:00.123456Z");
    CHECK(j["dialect"] == "anthropic");
    CHECK(j["upstream_dialect"] == "openai-chat");
    CHECK(j["end"] == "complete");
    CHECK(j["usage"] == json{{"input", 3},
                             {"cache_read", nullptr},
                             {"cache_write_5m", nullptr},
                             {"cache_write_1h", nullptr},
                             {"output", 0},
                             {"reasoning", nullptr}});
    CHECK(j["usage_raw"]["input_tokens"] == 3);
    CHECK(j["cost_nano_usd"] == 0);
    CHECK(j["attempts"][0]["provider"] == "p");
    CHECK(j["attempts"][0]["account"].is_null());
    CHECK(j["attempts"][0]["status"].is_null());
    for (const char* name :
         {"operation", "upstream_model", "route", "provider", "account", "key", "user", "client", "session", "error",
          "ttfb_us", "tariff", "node_id", "key_id", "member_id", "team_id", "org_id"}) {
        CAPTURE(name);
        REQUIRE(j.contains(name));
        CHECK(j[name].is_null());
    }
    for (const char* name : {"stream", "status", "duration_us", "bytes_in", "bytes_out"}) CHECK(j.contains(name));
    CHECK(!j.contains("request_body"));
}

TEST_CASE("unknown is null, never zero") {
    const json j = json::parse(to_json(RequestRecord()));
    CHECK(j["cost_nano_usd"].is_null());
    CHECK(j["usage"]["input"].is_null());
    CHECK(j["usage_raw"].is_null());
    CHECK(j["attempts"] == json::array());
}

TEST_CASE("any bytes make a valid line") {
    std::mt19937 random(1);
    for (int round = 0; round < 3000; ++round) {
        std::string bytes;
        for (auto n = random() % 12; n > 0; --n) {
            // Mostly bytes around the borders of UTF-8's ranges.
            const unsigned char edges[] = {0,    0x1f, '"',  '\\', 'a',  0x7f, 0x80, 0xbf,
                                           0xc1, 0xc2, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5};
            bytes += static_cast<char>(random() % 2 == 0 ? edges[random() % 16] : random());
        }
        RequestRecord r;
        r.client = r.usage_raw = r.error = bytes;
        Attempt attempt;
        attempt.outcome = bytes;
        r.attempts.push_back(attempt);
        r.response_body = bytes;
        std::string line;
        append_record(line, r, true);
        const json j = json::parse(line, nullptr, false);
        REQUIRE(!j.is_discarded());
        if (!bytes.empty() && lurus::json::is_utf8(bytes)) {
            CHECK(j["client"] == bytes);
            CHECK(j["response_body"] == bytes);
        }
        if (!lurus::json::is_utf8(bytes)) CHECK(j.contains("response_body_base64"));
    }
    // nlohmann checks UTF-8 strictly: a second opinion on is_utf8.
    for (int round = 0; round < 20000; ++round) {
        std::string bytes = "\"";
        for (auto n = 1 + random() % 4; n > 0; --n) bytes += static_cast<char>(0x80 + random() % 0x80);
        const bool valid = json::accept(bytes + "\"");
        CHECK(lurus::json::is_utf8(bytes) == valid);
    }
}

TEST_CASE("bodies that are not text travel as base64") {
    RequestRecord r;
    r.request_body = "\xff\xfe\xfd\xfc";
    std::string line;
    append_record(line, r, true);
    const json j = json::parse(line);
    CHECK(j["request_body_base64"] == "//79/A==");
    CHECK(j["response_body"].is_null());
}

TEST_CASE("the detail column brings attempts back") {
    test::Samples samples(11);
    for (int round = 0; round < 500; ++round) {
        const RequestRecord sent = samples.record();
        std::string detail;
        append_detail(detail, sent);
        RequestRecord got = sent;
        got.attempts.clear();
        got.usage.images.reset();
        got.usage.web_searches.reset();
        got.usage.service_tier.clear();
        got.usage.estimated = false;
        REQUIRE(read_detail(detail, got));
        CHECK(to_json(got) == to_json(sent));
    }
    RequestRecord record;
    CHECK(!read_detail("{broken", record));
    CHECK(!read_detail("[]", record));
    CHECK(record.attempts.empty());
}

}  // namespace
}  // namespace lurus::log
