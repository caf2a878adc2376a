#include <doctest/doctest.h>

#include <toml++/toml.h>
#include <nlohmann/json.hpp>
#include <string>

#include "connect/connect_format.hpp"

using namespace lurus::connect;

namespace {

const SettingPath url = {"env", "URL"};

std::string set(const SettingsFormat& format, std::string_view text, const SettingPath& path, std::string_view raw) {
    auto out = format.set(text, path, raw);
    REQUIRE_MESSAGE(out.has_value(), (out ? "" : out.error().message));
    CHECK(format.get(*out, path).value().value_or("(none)") == raw);
    return *out;
}

std::string json_set(std::string_view text, const SettingPath& path = url) {
    return set(json_settings(), text, path, "\"v\"");
}

}  // namespace

TEST_CASE("json: a value is added in the layout of its surroundings") {
    CHECK(json_set("") == "{\n  \"env\": {\n    \"URL\": \"v\"\n  }\n}\n");
    CHECK(json_set("{}") == "{\n  \"env\": {\n    \"URL\": \"v\"\n  }\n}");
    CHECK(json_set("{}\n") == "{\n  \"env\": {\n    \"URL\": \"v\"\n  }\n}\n");
    CHECK(json_set("{\n  \"a\": 1\n}\n") == "{\n  \"a\": 1,\n  \"env\": {\n    \"URL\": \"v\"\n  }\n}\n");
    CHECK(json_set("{\n\t\"a\": 1\n}\n") == "{\n\t\"a\": 1,\n\t\"env\": {\n\t\t\"URL\": \"v\"\n\t}\n}\n");
    CHECK(json_set("{\"a\":1}") == "{\"a\":1, \"env\": {\"URL\": \"v\"}}");
    CHECK(json_set("{ \"env\": {} }") == "{ \"env\": {\"URL\": \"v\"} }");
    CHECK(json_set("{\n    \"env\": {\n        \"A\": \"x\"\n    }\n}") ==
          "{\n    \"env\": {\n        \"A\": \"x\",\n        \"URL\": \"v\"\n    }\n}");
    CHECK(json_set("{\r\n  \"a\": 1\r\n}\r\n") ==
          "{\r\n  \"a\": 1,\r\n  \"env\": {\r\n    \"URL\": \"v\"\r\n  }\r\n}\r\n");
    CHECK(json_set("\xEF\xBB\xBF{\n  \"a\": 1\n}") ==
          "\xEF\xBB\xBF{\n  \"a\": 1,\n  \"env\": {\n    \"URL\": \"v\"\n  }\n}");
}

TEST_CASE("json: an existing value is replaced in place, whatever it was") {
    CHECK(json_set("{\"env\":{\"URL\":\"old\",\"B\":2}}") == "{\"env\":{\"URL\":\"v\",\"B\":2}}");
    CHECK(json_set("{\"env\" : { \"URL\" :  [1, {\"x\": \"}\"}] } }") == "{\"env\" : { \"URL\" :  \"v\" } }");
    CHECK(json_set("{\"env\":{\"URL\":null}}") == "{\"env\":{\"URL\":\"v\"}}");
    // Readers take the last of a repeated name.
    CHECK(json_set("{\"env\":{\"URL\":1,\"URL\":2}}") == "{\"env\":{\"URL\":1,\"URL\":\"v\"}}");
    CHECK(json_set("{\"env\":{\"\\u0055RL\":1}}") == "{\"env\":{\"\\u0055RL\":\"v\"}}");
}

TEST_CASE("json: comments and trailing commas stay where they are") {
    const char* text =
        "// mine\n{\n  /* look */ \"a\": 1, // one\n  \"env\": {\n    \"A\": \"http://x\", // not a comment: "
        "http://y\n  },\n}\n// end\n";
    CHECK(
        json_set(text) ==
        "// mine\n{\n  /* look */ \"a\": 1, // one\n  \"env\": {\n    \"A\": \"http://x\", // not a comment: http://y\n"
        "    \"URL\": \"v\",\n  },\n}\n// end\n");
    CHECK(json_set("{\n  \"a\": 1 // one\n}\n") == "{\n  \"a\": 1, // one\n  \"env\": {\n    \"URL\": \"v\"\n  }\n}\n");
    CHECK(json_set("{\n  // nothing yet\n}\n") == "{\n  // nothing yet\n  \"env\": {\n    \"URL\": \"v\"\n  }\n}\n");
    CHECK(json_set("// only a comment\n") == "// only a comment\n{\n  \"env\": {\n    \"URL\": \"v\"\n  }\n}\n");
}

TEST_CASE("json: what is not JSON is refused with its place") {
    for (const char* text : {"{", "[]", "{\"a\":}", "{\"a\" 1}", "{\"a\":1 \"b\":2}", "{'a':1}", "{\"a\":tru}", "{} x",
                             "{\"a\":\"x", "/* ", "{\"a\":01}", "nonsense"}) {
        CAPTURE(text);
        auto out = json_settings().set(text, url, "1");
        REQUIRE(!out);
        CHECK(out.error().message.starts_with("line 1:"));
        CHECK(!json_settings().check(text));
    }
    auto out = json_settings().set("{\n  \"env\": 5\n}", url, "1");
    REQUIRE(!out);
    CHECK(out.error().message.find("2:10") != std::string::npos);
    CHECK(!json_settings().set(std::string(100'000, '['), url, "1"));
    CHECK(!json_settings().set("{\"a\":" + std::string(100'000, '['), url, "1"));
}

TEST_CASE("json: removing what was added gives the text back") {
    for (const char* text :
         {"{}", "{\n}\n", "{\n  \"a\": 1\n}\n", "{\"a\":1}", "{\n  \"a\": {\n    \"b\": [1, 2]\n  }\n}",
          "{\r\n  \"a\": 1\r\n}\r\n", "{\n  \"a\": 1, // one\n}\n", "{\n  \"env\": {\n    \"A\": 1\n  }\n}",
          "{ \"env\": { \"A\": 1 }, \"b\": 2 }", "{\n  \"env\": {\n    \"A\": 1\n  },\n  \"b\": 2\n}"}) {
        CAPTURE(text);
        auto depth = json_settings().depth(text, url);
        REQUIRE(depth);
        std::string with = json_set(json_set(text, {"env", "OTHER"}));
        auto once = json_settings().remove(with, url, *depth);
        REQUIRE(once);
        auto twice = json_settings().remove(*once, {"env", "OTHER"}, *depth);
        REQUIRE(twice);
        // Layout of a container that was empty may differ; what it says may not.
        bool trailing_comma = std::string_view(text).find(", //") != std::string_view::npos;
        if (trailing_comma)
            CHECK(*twice == text);
        else
            CHECK(nlohmann::json::parse(*twice) == nlohmann::json::parse(text));
        if (std::string_view(text).find("\"a\": 1\n}") != std::string_view::npos) CHECK(*twice == text);
        if (std::string_view(text).find("\"A\"") != std::string_view::npos) CHECK(*twice == text);
    }
}

TEST_CASE("json: removing keeps neighbours and what was there before") {
    auto remove = [](std::string_view text, const SettingPath& path, std::size_t keep) {
        auto out = json_settings().remove(text, path, keep);
        REQUIRE(out);
        return *out;
    };
    CHECK(remove("{\"env\":{\"URL\":1}}", url, 1) == "{\"env\":{}}");
    CHECK(remove("{\"env\":{\"URL\":1}}", url, 0) == "{}");
    CHECK(remove("{\"env\":{\"URL\":1, \"B\":2}}", url, 0) == "{\"env\":{\"B\":2}}");
    CHECK(remove("{\"env\":{\"B\":2, \"URL\":1}}", url, 0) == "{\"env\":{\"B\":2}}");
    CHECK(remove("{\"a\":1}", url, 0) == "{\"a\":1}");
    CHECK(remove("{\n  \"env\": {\n    // keep\n    \"URL\": 1\n  }\n}", url, 0) ==
          "{\n  \"env\": {\n    // keep\n  }\n}");
}

TEST_CASE("toml: keys and tables are put where they belong") {
    const SettingPath root = {"model_provider"};
    const SettingPath base = {"model_providers", "lurus", "base_url"};
    auto put = [](std::string_view text, const SettingPath& path) { return set(toml_settings(), text, path, "\"v\""); };
    CHECK(put("", root) == "model_provider = \"v\"\n");
    CHECK(put("model = \"m\"\n", root) == "model = \"m\"\nmodel_provider = \"v\"\n");
    CHECK(put("model = \"m\"", root) == "model = \"m\"\nmodel_provider = \"v\"\n");
    CHECK(put("model_provider = 'x' # mine\n[a]\nb = 1\n", root) == "model_provider = \"v\" # mine\n[a]\nb = 1\n");
    CHECK(put("[a]\nb = 1\n", root) == "model_provider = \"v\"\n\n[a]\nb = 1\n");
    CHECK(put("# top\n\n[a]\nb = 1\n", root) == "# top\nmodel_provider = \"v\"\n\n[a]\nb = 1\n");
    CHECK(put("# of a\n[a]\nb = 1\n", root) == "model_provider = \"v\"\n\n# of a\n[a]\nb = 1\n");
    CHECK(put("x = [\n  1, # one ]\n  2,\n]\n[a]\n", root) ==
          "x = [\n  1, # one ]\n  2,\n]\nmodel_provider = \"v\"\n[a]\n");
    CHECK(put("s = \"\"\"\n[model_providers.lurus]\nmodel_provider = 1\n\"\"\"\n", root) ==
          "s = \"\"\"\n[model_providers.lurus]\nmodel_provider = 1\n\"\"\"\nmodel_provider = \"v\"\n");
    CHECK(put("a = 1\r\n", root) == "a = 1\r\nmodel_provider = \"v\"\r\n");
    CHECK(put("[a]\nmodel_provider = \"other\"\n", root) ==
          "model_provider = \"v\"\n\n[a]\nmodel_provider = \"other\"\n");

    CHECK(put("", base) == "[model_providers.lurus]\nbase_url = \"v\"\n");
    CHECK(put("[a]\nb = 1", base) == "[a]\nb = 1\n\n[model_providers.lurus]\nbase_url = \"v\"\n");
    CHECK(put("[model_providers.lurus]\nname = \"n\" # c\n\n[z]\n", base) ==
          "[model_providers.lurus]\nname = \"n\" # c\nbase_url = \"v\"\n\n[z]\n");
    CHECK(put("[model_providers.\"lurus\"]\nbase_url = 'old'\n", base) ==
          "[model_providers.\"lurus\"]\nbase_url = \"v\"\n");
    CHECK(put("[model_providers]\nlurus.base_url = 1\n", base) == "[model_providers]\nlurus.base_url = \"v\"\n");
    CHECK(put("model_providers.lurus.base_url = 1\n", base) == "model_providers.lurus.base_url = \"v\"\n");
}

TEST_CASE("toml: what cannot be edited safely is refused") {
    const SettingPath base = {"model_providers", "lurus", "base_url"};
    auto inline_table = toml_settings().set("model_providers = { lurus = { name = \"x\" } }\n", base, "\"v\"");
    REQUIRE(!inline_table);
    CHECK(inline_table.error().message.find("[model_providers.lurus]") != std::string::npos);
    auto broken = toml_settings().set("a = 1\nb = = 2\n", base, "\"v\"");
    REQUIRE(!broken);
    CHECK(broken.error().message.starts_with("line 2:"));
}

TEST_CASE("toml: removing what was added gives the text back") {
    const SettingPath base = {"model_providers", "lurus", "base_url"}, name = {"model_providers", "lurus", "name"},
                      root = {"model_provider"};
    for (const char* text :
         {"", "model = \"m\"\n", "a = 1\n\n[b]\nc = 2\n", "# c\n\n[b]\nc = 2\n", "a = 1\r\n\r\n[b]\r\nc = 2\r\n",
          "[model_providers.lurus]\nx = 1\n", "[model_providers.lurus]\n# mine\n"}) {
        CAPTURE(text);
        std::size_t depth = *toml_settings().depth(text, base);
        std::string with = set(toml_settings(), text, root, "\"lurus\"");
        with = set(toml_settings(), with, name, "\"n\"");
        with = set(toml_settings(), with, base, "\"u\"");
        std::string back = *toml_settings().remove(with, base, depth);
        back = *toml_settings().remove(back, name, depth);
        back = *toml_settings().remove(back, root, 0);
        CHECK(back == text);
    }
}

TEST_CASE("toml: quoting survives any value") {
    for (std::string value : {"plain", "a\"b\\c", "tab\there", "line\nbreak", "ünï", ""}) {
        std::string raw = toml_settings().quote(value);
        CHECK(toml_settings().unquote(raw) == value);
        CHECK(toml::parse("x = " + raw)["x"].value<std::string>() == value);
    }
}

TEST_CASE("env: lines are replaced or appended, the rest stays") {
    const SettingPath key = {"GEMINI_API_KEY"};
    auto put = [&](std::string_view text) { return set(env_settings(), text, key, "k"); };
    CHECK(put("") == "GEMINI_API_KEY=k\n");
    CHECK(put("A=1") == "A=1\nGEMINI_API_KEY=k\n");
    CHECK(put("A=1\r\n") == "A=1\r\nGEMINI_API_KEY=k\r\n");
    CHECK(put("# GEMINI_API_KEY=no\nGEMINI_API_KEY=old\nB=2\n") == "# GEMINI_API_KEY=no\nGEMINI_API_KEY=k\nB=2\n");
    CHECK(put("export GEMINI_API_KEY = \"o l d\"\n") == "export GEMINI_API_KEY = k\n");
    CHECK(put("GEMINI_API_KEY=\n") == "GEMINI_API_KEY=k\n");
    CHECK(put("GEMINI_API_KEY=1\nGEMINI_API_KEY=2\n") == "GEMINI_API_KEY=1\nGEMINI_API_KEY=k\n");
    CHECK(put("MY_GEMINI_API_KEY=1\n") == "MY_GEMINI_API_KEY=1\nGEMINI_API_KEY=k\n");
    CHECK(*env_settings().remove("A=1\nGEMINI_API_KEY=k\nB=2\n", key, 0) == "A=1\nB=2\n");
    CHECK(env_settings().unquote("\"a b\" # c") == "a b");
    CHECK(env_settings().unquote("a # c") == "a");
    CHECK(env_settings().quote("http://127.0.0.1:1") == "http://127.0.0.1:1");
    CHECK(env_settings().unquote(env_settings().quote("a b#c")) == "a b#c");
    CHECK(!env_settings().check(std::string_view("A=\0", 3)));
}
