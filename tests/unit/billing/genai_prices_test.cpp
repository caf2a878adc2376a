#include "fixture.hpp"

using namespace lurus;
using namespace lurus::test;

namespace {

// Of the shape of genai-prices' data.json; the rise is announced where it is asked for.
std::string list(const std::string& announced) {
    return R"([{"id": "google", "name": "Google", "models": [
      {"id": "gemini-next", "match": {"or": [{"equals": "gemini-next"}, {"starts_with": "gemini-next-preview-"}, {"contains": "x"}]},
       "prices": {"input_mtok": {"base": 1.25, "tiers": [{"start": 200000, "price": 2.5}]}, "output_mtok": 10,
                  "cache_read_mtok": 0.125, "input_audio_mtok": 0.1}}]},
     {"id": "anthropic", "models": [
      {"id": "claude-next", "match": {"starts_with": "claude-next"}, "prices": [
        {"prices": {"input_mtok": 9, "output_mtok": 9}},
        {"constraint": {"start_date": "2026-03-13"}, "prices": {"input_mtok": 2, "cache_write_mtok": 2.5, "output_mtok": 10}})" +
           announced + R"(]},
      {"id": "odd", "match": {"equals": "odd"}, "prices": {"input_mtok": -3, "output_mtok": 1}},
      {"id": "nightly", "match": {"equals": "nightly"}, "prices": [
        {"prices": {"input_mtok": 1}}, {"constraint": {"start_time": "00:30:00Z", "end_time": "16:30:00Z"}, "prices": {"input_mtok": 2}}]},
      {"id": "free", "match": {"equals": "free"}, "prices": {}},
      {"id": "asked", "match": {"equals": "asked"}, "prices": {"input_mtok": 1, "requests_kcount": 5}}]}])";
}

const char* const rise =
    R"(,{"constraint": {"start_date": "2027-01-01"}, "prices": {"input_mtok": 3, "cache_write_mtok": 3.75, "output_mtok": 15}})";

}  // namespace

TEST_CASE("genai-prices' list: exact decimals, lengths, names, dates; what it cannot say is skipped and named") {
    Fixture f;
    const auto answer = f.call("POST", "/api/v1/prices/import", list(rise));
    REQUIRE(answer.status == 200);
    const auto body = nlohmann::json::parse(answer.body);
    CHECK(body["models"] == 2);
    CHECK(body["skipped"] == 3);
    CHECK(body["skipped_models"][0]["model"] == "anthropic/odd");
    CHECK(body["skipped_models"][1]["reason"] == "it is priced by the hour of the day");
    CHECK(f.nano("gemini", "gemini-next", tokens(200'000, 1)) == 200'000 * 1'250LL + 10'000);
    CHECK(f.nano("gemini", "gemini-next-preview", tokens(200'001, 1)) == 200'001 * 2'500LL + 10'000);
    CHECK(f.tariff("gemini", "other-x") == "unpriced");
    // The price that started before the import holds from the import on.
    CHECK(f.nano("anthropic", "claude-next", tokens(1, 1)) == 12'000);
    CHECK(f.tariff("anthropic", "claude-next") == "anthropic/claude-next@2026-11-21");
    CHECK(f.tariff("anthropic", "odd") == "unpriced");
    f.clock.time = *parse_time("2027-01-01");
    CHECK(f.nano("anthropic", "claude-next", tokens(1, 1)) == 18'000);
    CHECK(nlohmann::json::parse(f.call("POST", "/api/v1/prices/import", list(rise)).body)["changed"] == 0);
}

TEST_CASE("an announced price that the next list withdraws never was; what was in force stays") {
    Fixture f;
    REQUIRE(f.billing->import_prices(list(rise), f.clock.now()) == 2);
    f.clock.time = *parse_time("2026-12-20");
    const auto body = nlohmann::json::parse(f.call("POST", "/api/v1/prices/import", list("")).body);
    CHECK(body["withdrawn"] == 1);
    CHECK(body["changed"] == 0);
    for (const char* day : {"2026-11-22", "2026-12-21", "2027-01-02"}) {
        f.clock.time = *parse_time(day);
        CHECK(f.nano("anthropic", "claude-next", tokens(1, 1)) == 12'000);
    }
    // Moved to another day: the first is withdrawn, the other holds.
    f.clock.time = *parse_time("2027-01-02");
    const std::string later =
        R"(,{"constraint": {"start_date": "2027-03-01"}, "prices": {"input_mtok": 3, "cache_write_mtok": 3.75, "output_mtok": 15}})";
    const std::string latest =
        R"(,{"constraint": {"start_date": "2027-04-01"}, "prices": {"input_mtok": 3, "cache_write_mtok": 3.75, "output_mtok": 15}})";
    REQUIRE(f.billing->import_prices(list(later), f.clock.now()) == 2);
    REQUIRE(f.billing->import_prices(list(latest), f.clock.now()) == 2);
    f.open();
    f.clock.time = *parse_time("2027-03-15");
    CHECK(f.nano("anthropic", "claude-next", tokens(1, 1)) == 12'000);
    f.clock.time = *parse_time("2027-04-15");
    CHECK(f.nano("anthropic", "claude-next", tokens(1, 1)) == 18'000);
}

TEST_CASE("a price that a person announced is withdrawn before its day, not after") {
    Fixture f;
    const std::map<std::string, std::string> of_openai = {{"vendor", "openai"}, {"from", "2027-01-01"}};
    const auto set =
        f.call("PUT", "/api/v1/prices/{model}",
               R"({"vendor": "openai", "from": "2027-01-01", "rates": {"standard": {"input": "9", "output": "9"}}})",
               {}, "gpt-4o");
    REQUIRE(set.status == 200);
    CHECK(nlohmann::json::parse(set.body)["applies"] == false);
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 0)) == 2'500);
    f.clock.time = *parse_time("2027-01-02");
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 0)) == 9'000);
    CHECK(f.call("DELETE", "/api/v1/prices/{model}", "", of_openai, "gpt-4o").status == 400);
    f.clock.time = *parse_time("2026-12-31");
    CHECK(f.call("DELETE", "/api/v1/prices/{model}", "", {{"vendor", "openai"}, {"from", "2027-01-02"}}, "gpt-4o")
              .status == 404);
    CHECK(f.call("DELETE", "/api/v1/prices/{model}", "", of_openai, "gpt-4o").status == 204);
    f.clock.time = *parse_time("2027-01-02");
    CHECK(f.nano("openai", "gpt-4o", tokens(1, 0)) == 2'500);
}

TEST_CASE("a text that is no such list is refused") {
    Fixture f;
    for (const char* text : {"[]", "[{\"id\": \"anthropic\", \"models\": [", R"({"providers": []})"}) {
        const auto done = f.billing->import_prices(text, f.clock.now());
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().code == ErrorCode::invalid_argument);
    }
    // Elements of other kinds hold no model.
    CHECK(f.billing->import_prices(R"([7, "x", {"id": 3, "models": [1, {"prices": [1]}]}])", f.clock.now()) == 0);
}
