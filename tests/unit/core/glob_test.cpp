#include "core/text/glob.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

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

TEST_CASE("glob: what one covers of another, it matches") {
    using lurus::glob_covers;
    for (const auto& [wider, pattern] :
         std::initializer_list<std::pair<const char*, const char*>>{{"*", "*"},
                                                                    {"*", ""},
                                                                    {"*", "?"},
                                                                    {"claude-*", "claude-*"},
                                                                    {"claude-*", "claude-haiku-*"},
                                                                    {"claude-*", "claude-"},
                                                                    {"*opus*", "claude-opus-4"},
                                                                    {"*op*", "*opus*"},
                                                                    {"a?c", "a?c"},
                                                                    {"a?c", "abc"},
                                                                    {"模?", "模型"},
                                                                    {"a*b*c", "ax*bc"},
                                                                    {"**", "*"},
                                                                    {"*", "**"}})
        CHECK_MESSAGE(glob_covers(wider, pattern), wider << " " << pattern);
    for (const auto& [wider, pattern] :
         std::initializer_list<std::pair<const char*, const char*>>{{"claude-*", "*"},
                                                                    {"claude-haiku-*", "claude-*"},
                                                                    {"a?c", "a*c"},
                                                                    {"gpt-4o", "gpt-4o*"},
                                                                    {"", "*"},
                                                                    {"abc", "a?c"},
                                                                    {"*opus-4*", "*opus*"},
                                                                    {"claude-*", "Claude-haiku"},
                                                                    {"?", "型*"},
                                                                    {"*b", "*"}})
        CHECK_MESSAGE(!glob_covers(wider, pattern), wider << " " << pattern);
    // Against all texts: whatever the pattern matches, what covers it matches.
    const std::string letters = "ab*?";
    std::vector<std::string> all = {""};
    for (std::size_t from = 0, length = 0; length < 3; ++length) {
        const std::size_t end = all.size();
        for (; from < end; ++from) {
            for (const char c : letters) all.push_back(all[from] + c);
        }
    }
    for (const auto& wider : all) {
        for (const auto& pattern : all) {
            if (!glob_covers(wider, pattern)) continue;
            for (const auto& text : all) {
                if (text.find_first_of("*?") == std::string::npos && glob_match(pattern, text))
                    CHECK_MESSAGE(glob_match(wider, text), wider << " " << pattern << " " << text);
            }
        }
    }
}
