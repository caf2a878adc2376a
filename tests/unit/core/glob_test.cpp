#include "core/text/glob.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

using lurus::glob_match;

TEST_CASE("glob: literals, stars and question marks") {
    CHECK(glob_match("", ""));
    CHECK_FALSE(glob_match("", "a"));
    CHECK_FALSE(glob_match("a", ""));
    CHECK(glob_match("*", ""));
    CHECK(glob_match("*", "anything/at:all"));
    CHECK(glob_match("gpt-4.1", "gpt-4.1"));
    CHECK_FALSE(glob_match("gpt-4.1", "gpt-4x1"));
    CHECK_FALSE(glob_match("gpt-4.1", "gpt-4.1-mini"));
    CHECK(glob_match("claude-*", "claude-sonnet-4-5"));
    CHECK_FALSE(glob_match("claude-*", "anthropic/claude-sonnet"));
    CHECK(glob_match("*/claude-*", "anthropic/claude-sonnet"));
    CHECK(glob_match("*-mini", "gpt-4.1-mini"));
    CHECK_FALSE(glob_match("*-mini", "gpt-4.1-minis"));
    CHECK(glob_match("a*b*c", "a-b-b-c"));
    CHECK_FALSE(glob_match("a*b*c", "a-c-b"));
    CHECK(glob_match("gpt-?", "gpt-5"));
    CHECK_FALSE(glob_match("gpt-?", "gpt-"));
    CHECK_FALSE(glob_match("gpt-?", "gpt-55"));
    CHECK(glob_match("a**b", "ab"));
    CHECK(glob_match("*ab", "aab"));
}

TEST_CASE("glob: a question mark takes a whole UTF-8 character") {
    CHECK(glob_match("模?", "模型"));
    CHECK_FALSE(glob_match("模??", "模型"));
    CHECK(glob_match("*型", "模型"));
}

TEST_CASE("glob: no pattern blows up") {
    std::string pattern;
    for (int i = 0; i < 200; ++i) pattern += "a*";
    pattern += "b";
    const std::string text(20000, 'a');
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(glob_match(pattern, text));
    CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

TEST_CASE("glob: what a pattern starts with") {
    CHECK(lurus::is_glob("a*"));
    CHECK(lurus::is_glob("a?"));
    CHECK_FALSE(lurus::is_glob("a.b"));
    CHECK(lurus::glob_prefix("claude-*") == "claude-");
    CHECK(lurus::glob_prefix("gpt") == "gpt");
}
