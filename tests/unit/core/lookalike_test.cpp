#include "core/text/lookalike.hpp"

#include <doctest/doctest.h>

#include "lurus/identity.hpp"
#include "lurus/limits.hpp"

using lurus::bare_name;
using lurus::covers_model;
using lurus::folded;
using lurus::has_unseen;

TEST_CASE("lookalike: folded") {
    CHECK(folded("Claude-OPUS-4") == "claude-opus-4");
    CHECK(folded("ＧＰＴ－４ｏ") == "gpt-4o");
    CHECK(folded("\xC5\xBF\xE2\x84\xAA") == "sk");
    CHECK(folded("模型É") == "模型É");
    CHECK(folded("\xFF\xC3") == "\xFF\xC3");
}

TEST_CASE("lookalike: bare names") {
    CHECK(bare_name("model") == "model");
    CHECK(bare_name(" Mo_d-e.l[] ") == "model");
    CHECK(bare_name(std::string_view("model\0s", 7)) == "model");
    CHECK(bare_name("mo\xE2\x80\x8B"
                    "del\xEF\xBF\xBD") == "model");
    CHECK(bare_name("modèl") == "modèl");
}

TEST_CASE("lookalike: what is not seen") {
    for (const char* plain : {"", "gpt-4o", "a b", "模型", "é", "a/b:c@d"}) CHECK_FALSE(has_unseen(plain));
    for (const char* hidden :
         {" a", "a ", "a  b", "a\tb", "a\n", "\x7F",
          "\xC2\xA0"
          "a",
          "a\xE2\x80\x8B",
          "\xEF\xBB\xBF"
          "a",
          "a\xE3\x80\x80"
          "b",
          "\xEF\xBF\xBD", "\xFF", "\xC3", "\xED\xA0\x80", "\xC0\xAF", "a\xF3\xA0\x81\x81", "\xE2\x81\xA0"}) {
        CAPTURE(hidden);
        CHECK(has_unseen(hidden));
    }
}

TEST_CASE("models: a rule covers a model however it is spelled") {
    for (const char* spelled : {"claude-opus-4-5", "a/claude-opus-4-5", "CLAUDE-OPUS-4-5", "A/Claude-Opus-4-5",
                                "or/anthropic/claude-opus-4.5:online", "models/claude-opus-4", "a//claude-opus-4",
                                "/claude-opus-4", "publishers/anthropic/models/claude-opus-4@20250514"}) {
        CAPTURE(spelled);
        CHECK(covers_model("claude-opus-*", spelled));
        CHECK(covers_model("Claude-Opus-*", spelled));
    }
    for (const char* other : {"claude-haiku-4-5", "a/claude-haiku", "claude-opus", "x-claude-opus-4", ""})
        CHECK_FALSE(covers_model("claude-opus-*", other));
    CHECK(covers_model("gpt-5-pro", "openai/gpt-5-pro:nitro"));
    CHECK(covers_model("gpt-5-pro", "gpt-5-pro/"));
    CHECK_FALSE(covers_model("gpt-5", "gpt-5-pro"));
    CHECK(covers_model("a/gpt-*", "a/gpt-5"));
    CHECK_FALSE(covers_model("a/gpt-*", "b/gpt-5"));
    CHECK(covers_model("llama3:70b", "llama3:70b"));
    CHECK_FALSE(covers_model("llama3:70b", "llama3"));
    CHECK_FALSE(covers_model("", "x"));
}

TEST_CASE("models: a key's lists") {
    lurus::KeyInfo key;
    CHECK_FALSE(key.has_model_rules());
    CHECK(key.allows_model("anything"));
    key.models = {"claude-*", "gpt-4o"};
    key.rules.deny_models = {"*opus*"};
    CHECK(key.has_model_rules());
    CHECK(key.allows_model("gpt-4o"));
    CHECK_FALSE(key.allows_model("GPT-4o"));
    CHECK_FALSE(key.allows_model("openai/gpt-4o"));
    CHECK(key.allows_model("claude-haiku-4-5"));
    CHECK_FALSE(key.allows_model("claude-Opus-4-5"));
}
