#include "modules/gateway/limits/limit_answer.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/limits/limit_text.hpp"

namespace limit_answer_test {

using namespace lurus;
using namespace lurus::gateway;
using nlohmann::json;

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr UnixMicros noon = 1'795'262'400'000'000;  // 2026-11-21T12:00:00Z
const Id trace = *Id::parse("0192f0c1a2b37c4d8e5f60718293a4b5");

Refusal refusal(Refusal::What what, std::optional<std::int64_t> wait_us) {
    Refusal out;
    out.name = "ci";
    out.what = what;
    out.limit = 100;
    out.wait_us = wait_us;
    return out;
}

Refusal budget_refusal(std::string_view text) {
    Refusal out = refusal(Refusal::What::budget, std::nullopt);
    out.budget = *Budget::parse(text);
    if (const auto end = out.budget->end(noon)) out.wait_us = *end - noon;
    return out;
}

}  // namespace

TEST_CASE("limit answer: durations as OpenAI writes them") {
    CHECK(short_duration(0) == "0ms");
    CHECK(short_duration(1) == "1ms");
    CHECK(short_duration(999'000) == "999ms");
    CHECK(short_duration(second) == "1s");
    CHECK(short_duration(1'500'000) == "1.5s");
    CHECK(short_duration(60 * second) == "1m0s");
    CHECK(short_duration(360 * second) == "6m0s");
    CHECK(short_duration(3'600 * second + 5'005'000) == "1h0m5.005s");
}

TEST_CASE("limit answer: messages name the limit, its subject and the wait") {
    CHECK(refusal_message(refusal(Refusal::What::requests, 12 * second - 1), noon) ==
          "over the limit of 100 requests a minute of key ci; try again in 12 s");
    Refusal running = refusal(Refusal::What::concurrency, second);
    running.waits_for_running = true;
    running.subject = Subject::ip;
    CHECK(refusal_message(running, noon) ==
          "over the limit of 100 requests at once of address ci; try again when one has ended");
    CHECK(refusal_message(budget_refusal("5 USD/day"), noon) ==
          "the budget of 5 USD/day of key ci is used up until 2026-11-22T00:00:00Z");
    CHECK(refusal_message(budget_refusal("5 USD/total"), noon) == "the budget of 5 USD/total of key ci is used up");
}

TEST_CASE("limit answer: fields say when to come again, or that it is no use") {
    CHECK(refusal_fields(refusal(Refusal::What::tokens, 1)) == "Retry-After: 1\r\n");
    CHECK(refusal_fields(refusal(Refusal::What::tokens, 30 * second + 1)) == "Retry-After: 31\r\n");
    CHECK(refusal_fields(budget_refusal("5 USD/day")) == "Retry-After: 43200\r\nx-should-retry: false\r\n");
    CHECK(refusal_fields(budget_refusal("5 USD/total")) == "x-should-retry: false\r\n");
}

TEST_CASE("limit answer: bodies in each dialect") {
    const Refusal tokens = refusal(Refusal::What::tokens, 30 * second);
    const json anthropic = json::parse(refusal_body(Family::anthropic, tokens, "m", trace));
    CHECK(anthropic["error"]["type"] == "rate_limit_error");
    const json openai = json::parse(refusal_body(Family::openai, tokens, "m", trace));
    CHECK(openai["error"]["code"] == "rate_limit_exceeded");
    const json gemini = json::parse(refusal_body(Family::gemini, tokens, "m \"x\"", trace));
    CHECK(gemini["error"]["code"] == 429);
    CHECK(gemini["error"]["status"] == "RESOURCE_EXHAUSTED");
    CHECK(gemini["error"]["message"].get<std::string>().starts_with("m \"x\" (trace 0192"));
    CHECK(gemini["error"]["details"][0]["violations"][0]["quotaId"] == "key/tokens");
    CHECK(gemini["error"]["details"][0]["violations"][0]["quotaValue"] == "100");
    CHECK(gemini["error"]["details"][1]["retryDelay"] == "30s");
    CHECK(json::parse(refusal_body(Family::openai, budget_refusal("5 USD/total"), "m", trace))["error"]["code"] ==
          "insufficient_quota");
    CHECK(json::parse(refusal_body(Family::gemini, budget_refusal("5 USD/total"), "m", trace))["error"]["details"]
              .size() == 1);
}

TEST_CASE("limit answer: status in the dialect's own fields, the tightest of all subjects") {
    LimitTable table(0);
    LimitCache cache(table);
    std::array<LimitedSubject, 2> subjects;
    subjects[0].id = subjects[0].name = "k";
    subjects[0].limits.rpm = 100;
    subjects[0].limits.tpm = 1000;
    subjects[1] = subjects[0];
    subjects[1].subject = Subject::user;
    subjects[1].limits = Limits();
    subjects[1].limits.rpm = 10;
    subjects[1].limits.otpm = 500;
    RequestEstimate estimate;
    estimate.input_tokens = 30;
    estimate.output_tokens = 70;
    const auto admitted = admit(cache, subjects, estimate, 0, noon);
    REQUIRE(admitted);
    CHECK(limit_fields(Family::anthropic, *admitted, 0, noon) ==
          "anthropic-ratelimit-requests-limit: 10\r\n"
          "anthropic-ratelimit-requests-remaining: 9\r\n"
          "anthropic-ratelimit-requests-reset: 2026-11-21T12:01:01Z\r\n"
          "anthropic-ratelimit-tokens-limit: 1000\r\n"
          "anthropic-ratelimit-tokens-remaining: 900\r\n"
          "anthropic-ratelimit-tokens-reset: 2026-11-21T12:01:01Z\r\n"
          "anthropic-ratelimit-output-tokens-limit: 500\r\n"
          "anthropic-ratelimit-output-tokens-remaining: 430\r\n"
          "anthropic-ratelimit-output-tokens-reset: 2026-11-21T12:01:01Z\r\n");
    CHECK(limit_fields(Family::openai, *admitted, 0, noon) ==
          "x-ratelimit-limit-requests: 10\r\n"
          "x-ratelimit-remaining-requests: 9\r\n"
          "x-ratelimit-reset-requests: 1m0.5s\r\n"
          "x-ratelimit-limit-tokens: 1000\r\n"
          "x-ratelimit-remaining-tokens: 900\r\n"
          "x-ratelimit-reset-tokens: 1m0.5s\r\n");
    CHECK(limit_fields(Family::gemini, *admitted, 0, noon).empty());
    CHECK(limit_fields(Family::openai, Admission(), 0, noon).empty());
}

TEST_CASE("limit answer: ours take the place of the vendor's, but for a subscription's") {
    http1::ResponseHead head;
    head.status = 200;
    head.reason = "OK";
    head.fields = {{"Anthropic-RateLimit-Requests-Limit", "4000"},
                   {"anthropic-ratelimit-unified-status", "allowed"},
                   {"X-RateLimit-Reset-Tokens", "1s"},
                   {"retry-after", "7"}};
    const HeaderRules rules = HeaderSettings().from_vendors;
    const std::string ours =
        downstream_head(head, Framing::length, 0, true, trace, "anthropic-ratelimit-requests-limit: 5\r\n", rules);
    CHECK(ours.find("4000") == std::string::npos);
    CHECK(ours.find("1s") == std::string::npos);
    CHECK(ours.find("anthropic-ratelimit-requests-limit: 5\r\n") != std::string::npos);
    CHECK(ours.find("unified-status: allowed") != std::string::npos);
    CHECK(ours.find("retry-after: 7") != std::string::npos);
    const std::string theirs = downstream_head(head, Framing::length, 0, true, trace, {}, rules);
    for (const auto& field : head.fields) CHECK(theirs.find(field.value) != std::string::npos);
}

}  // namespace limit_answer_test
