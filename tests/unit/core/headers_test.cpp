#include "lurus/headers.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace lurus;

TEST_CASE("headers: what vendors do not get, and what they need") {
    const HeaderRules rules = HeaderSettings().from_clients;
    for (const char* name : {"CF-Connecting-IP",
                             "cf-ray",
                             "CF-Visitor",
                             "Cf-IPCountry",
                             "CDN-Loop",
                             "X-Forwarded-For",
                             "x-forwarded-proto",
                             "X-Forwarded",
                             "X-FORWARDED-HOST",
                             "X-Real-IP",
                             "True-Client-IP",
                             "Forwarded",
                             "Via",
                             "Cookie",
                             "cookie2",
                             "Origin",
                             "Referer",
                             "Sec-Fetch-Site",
                             "sec-ch-ua-platform",
                             "X-Client-IP",
                             "X-Cluster-Client-Ip",
                             "X-Original-URL",
                             "X-Envoy-External-Address",
                             "Fly-Client-IP",
                             "X_Forwarded_For",
                             "x_real-ip",
                             "X-Goog-IAP-JWT-Assertion",
                             "x-goog-authenticated-user-email",
                             "X-Amzn-Oidc-Data",
                             "X-Auth-Request-Email",
                             "Remote-User",
                             "Tailscale-User-Login",
                             "X-MS-CLIENT-PRINCIPAL-NAME",
                             "x-lurus-key",
                             "Access-Control-Request-Method"}) {
        CAPTURE(name);
        CHECK(rules.drops(name));
    }
    for (const char* name : {"anthropic-version",
                             "anthropic-beta",
                             "Anthropic-Dangerous-Direct-Browser-Access",
                             "OpenAI-Beta",
                             "openai-organization",
                             "OpenAI-Project",
                             "x-stainless-lang",
                             "User-Agent",
                             "x-goog-api-client",
                             "x-goog-user-project",
                             "X-Goog-Upload-Protocol",
                             "Idempotency-Key",
                             "x-request-id",
                             "X-Client-Request-Id",
                             "traceparent",
                             "tracestate",
                             "Accept",
                             "Content-Type",
                             "X-Claude-Code-Session-Id",
                             "session_id",
                             "originator",
                             "HTTP-Referer",
                             "X-Title",
                             "X-Amzn-Bedrock-Trace",
                             "x-ms-client-request-id",
                             "c",
                             "",
                             "-",
                             "priority",
                             "x-codex-turn-state",
                             "chatgpt-account-id"}) {
        CAPTURE(name);
        CHECK_FALSE(rules.drops(name));
    }
}

TEST_CASE("headers: what clients do not get, and what they need") {
    const HeaderRules rules = HeaderSettings().from_vendors;
    for (const char* name :
         {"Set-Cookie", "set-cookie2", "Alt-Svc", "Strict-Transport-Security", "CF-Ray", "cf-cache-status", "Server",
          "NEL", "Report-To", "Reporting-Endpoints", "Via", "Clear-Site-Data", "Access-Control-Allow-Origin",
          "Content-Security-Policy-Report-Only", "X-Accel-Redirect", "X-Sendfile", "Cross-Origin-Opener-Policy",
          "x-amz-cf-pop", "Server-Timing"}) {
        CAPTURE(name);
        CHECK(rules.drops(name));
    }
    for (const char* name : {"request-id",
                             "x-request-id",
                             "anthropic-organization-id",
                             "openai-processing-ms",
                             "openai-version",
                             "x-ratelimit-remaining-tokens",
                             "anthropic-ratelimit-unified-status",
                             "retry-after",
                             "x-should-retry",
                             "Content-Type",
                             "Date",
                             "ETag",
                             "Cache-Control",
                             "Location",
                             "X-Goog-Upload-URL",
                             "x-gemini-service-tier",
                             "X-Accel-Buffering",
                             "x-amzn-requestid",
                             "x-envoy-upstream-service-time",
                             "apim-request-id",
                             "x-codex-primary-used-percent",
                             "Link"}) {
        CAPTURE(name);
        CHECK_FALSE(rules.drops(name));
    }
}

TEST_CASE("headers: the configuration adds and excepts, with globs, in any case") {
    const HeaderRules rules(default_drops_from_clients(), {"X-Team-*", "*-secret", "a?c", "exact"},
                            {"Referer", "CF-IPCountry", "x-team-open"});
    CHECK(rules.drops("x-team-name"));
    CHECK(rules.drops("X_Team_Name"));
    CHECK_FALSE(rules.drops("X-Team-Open"));
    CHECK(rules.drops("My-Secret"));
    CHECK_FALSE(rules.drops("My-Secrets"));
    CHECK(rules.drops("ABC"));
    CHECK_FALSE(rules.drops("abbc"));
    CHECK(rules.drops("Exact"));
    CHECK_FALSE(rules.drops("exactly"));
    CHECK_FALSE(rules.drops("referer"));
    CHECK_FALSE(rules.drops("Cf-Ipcountry"));
    CHECK(rules.drops("cf-ray"));

    const HeaderRules only({}, {"*"}, {"accept", "x-*"});
    CHECK_FALSE(only.drops("Accept"));
    CHECK_FALSE(only.drops("X-Anything"));
    CHECK(only.drops("user-agent"));
    CHECK(only.drops("1odd"));
    const HeaderRules nothing({}, {}, {});
    CHECK_FALSE(nothing.drops("cookie"));
}
