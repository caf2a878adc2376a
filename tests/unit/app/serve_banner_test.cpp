#include "app/serve_banner.hpp"

#include <doctest/doctest.h>

using namespace lurus;
using namespace lurus::app;

TEST_CASE("the banner") {
    BannerFacts facts;
    facts.style = platform::HomeStyle::posix;
    facts.version = "0.1.0";
    facts.urls = {"https://0.0.0.0:2", "http://127.0.0.1:18100"};
    facts.new_key = "cr_new";
    facts.model = "demo-model";
    facts.data_dir = "/data";
    facts.options = " --data-dir '/my data'";
    const auto has = [](const std::string& text, std::string_view part) {
        return text.find(part) != std::string::npos;
    };

    std::string text = banner(facts, Colour::none);
    CHECK(has(text, "ready on https://0.0.0.0:2, http://127.0.0.1:18100"));
    CHECK(has(
        text,
        "    curl -N http://127.0.0.1:18100/v1/messages -H 'x-api-key: cr_new' -H 'anthropic-version: 2023-06-01'"));
    CHECK(has(text, "lurus connect claude --data-dir '/my data'"));
    CHECK(has(text,
              "lurus provider add anthropic --kind anthropic --api-key-env ANTHROPIC_API_KEY --data-dir '/my data'"));
    CHECK_FALSE(has(text, "\x1b["));
    CHECK(has(banner(facts, Colour::terminal), "\x1b["));

    CHECK_FALSE(has(text, "own it"));
    facts.owner_link = "http://127.0.0.1:18100/console/setup#token=t";
    CHECK(has(banner(facts, Colour::none), "own it: http://127.0.0.1:18100/console/setup#token=t "));

    BannerFacts aside = facts;
    aside.key_file = "/my data/first-key.txt";
    aside.owner_file = "/my data/owner-link.txt";
    aside.owner_link.clear();
    aside.new_key.clear();
    text = banner(aside, Colour::none);
    CHECK(has(text, "is in /my data/first-key.txt\n"));
    CHECK(has(text, " -H \"x-api-key: $(cat '/my data/first-key.txt')\""));
    CHECK(has(text, "own it: the link is in /my data/owner-link.txt "));

    facts.new_key.clear();
    text = banner(facts, Colour::none);
    CHECK(has(text, "lurus key create --name NAME"));
    CHECK(has(text, "-H \"x-api-key: $LURUS_KEY\""));

    facts.needs_key = false;
    text = banner(facts, Colour::none);
    CHECK_FALSE(has(text, "x-api-key"));

    facts.family = Family::gemini;
    CHECK(has(banner(facts, Colour::none),
              "'http://127.0.0.1:18100/v1beta/models/demo-model:streamGenerateContent?alt=sse'"));
    facts.family = Family::openai;
    facts.urls = {"unix:/tmp/l.sock"};
    CHECK(has(banner(facts, Colour::none), "curl -N --unix-socket /tmp/l.sock http://localhost/v1/chat/completions"));
    facts.model.clear();
    CHECK_FALSE(has(banner(facts, Colour::none), "curl"));
}

TEST_CASE("the banner on Windows has commands for PowerShell") {
    BannerFacts facts;
    facts.style = platform::HomeStyle::windows;
    facts.urls = {"http://127.0.0.1:18100"};
    facts.model = "demo-model";
    facts.key_file = "C:\\my data\\first-key.txt";
    const auto has = [&facts](std::string_view part) {
        return banner(facts, Colour::none).find(part) != std::string::npos;
    };
    CHECK(has("    Invoke-RestMethod http://127.0.0.1:18100/v1/messages -Method Post -ContentType application/json"));
    CHECK(
        has(" -Headers @{'x-api-key'=(Get-Content 'C:\\my data\\first-key.txt'); 'anthropic-version'='2023-06-01'} "));
    CHECK(has(R"( -Body '{"model":"demo-model","max_tokens":256,"messages":[{"role":"user","content":"Hello"}]}')"));
    facts.key_file.clear();
    facts.new_key = "cr_new";
    facts.family = Family::openai;
    CHECK(
        has("/v1/chat/completions -Method Post -ContentType application/json -Headers @{'x-api-key'='cr_new'} -Body "));
    facts.needs_key = false;
    CHECK_FALSE(has("-Headers"));
}
