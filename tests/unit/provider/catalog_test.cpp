#include "core/os/platform.hpp"
#include "tests/unit/provider/support.hpp"

using namespace lurus;
using namespace lurus::provider::test;

TEST_CASE("catalog: with nothing declared the demo answers everything") {
    const Fixture f;
    CHECK(f.resolve(Family::anthropic, "claude-sonnet-4-5") == "demo:claude-sonnet-4-5 (model pattern)");
    CHECK(f.resolve(Family::openai, "whatever/name") == "demo:whatever/name (model pattern)");
    CHECK(f.resolve(Family::gemini, "models/gemini-2.5-pro") == "demo:gemini-2.5-pro (model pattern)");
    CHECK(shown(f.providers->snapshot()->any(Family::openai)) == "demo: (serves openai)");
    CHECK(f.find("demo")->local != nullptr);
    CHECK(f.find("demo")->source == "builtin");
    const auto models = f.models(Family::anthropic);
    CHECK(std::ranges::find(models, "claude-sonnet-4-5") != models.end());
    CHECK(std::ranges::find(models, "gpt-5.5") == models.end());
}

TEST_CASE("catalog: the demo goes when something is declared, and can be switched off") {
    Fixture f;
    f.configure({spec("a", "anthropic")});
    CHECK(f.find("demo") == nullptr);
    f.configure({});
    CHECK(f.find("demo") != nullptr);
    f.settings.demo = false;
    f.reopen();
    CHECK(f.find("demo") == nullptr);
    CHECK(f.resolve(Family::openai, "x").contains("lurus provider add"));
    CHECK_FALSE(f.providers->snapshot()->any(Family::gemini).has_value());
}

TEST_CASE("catalog: order of the rules") {
    Fixture f;
    f.configure({spec("a", "openai", {"gpt-*", "exact-name"}), spec("b", "openai", {"*"}),
                 spec("c", "openai", {"gpt-4.1", "o3"}), spec("d", "openai", {"gpt-*"})},
                {route("alias", {"a/gpt-4.1"}), route("gl-*", {"b/*"}), route("gl-long-*", {"c/o3", "a"}),
                 route("gl-long-x", {"d"})});
    // exact route, then the most specific pattern
    CHECK(f.resolve(Family::openai, "alias") == "a:gpt-4.1 (route)");
    CHECK(f.resolve(Family::openai, "gl-1") == "b:gl-1 (route)");
    CHECK(f.resolve(Family::openai, "gl-long-1") == "c:o3 (route), a:gl-long-1 (fallback 1)");
    CHECK(f.resolve(Family::openai, "gl-long-x") == "d:gl-long-x (route)");
    CHECK(f.providers->snapshot()->resolve(Family::openai, "gl-long-1")->route == "gl-long-*");
    // provider/model
    CHECK(f.resolve(Family::openai, "b/org/name") == "b:org/name (provider/model)");
    CHECK(f.resolve(Family::openai, "c/gpt-4.1") == "c:gpt-4.1 (provider/model)");
    CHECK(f.resolve(Family::openai, "c/gpt-5")
              .contains("provider 'c' is not declared for the model 'gpt-5'; its models are gpt-4.1, o3"));
    // names before patterns, specific patterns before general ones, ties in declared order
    CHECK(f.resolve(Family::openai, "gpt-4.1") == "c:gpt-4.1 (model)");
    CHECK(f.resolve(Family::openai, "gpt-5") == "a:gpt-5 (model pattern), d:gpt-5 (fallback 1)");
    CHECK(f.resolve(Family::openai, "other") == "b:other (model pattern)");
    CHECK(f.resolve(Family::openai, "x/y") == "b:x/y (model pattern)");
}

TEST_CASE("catalog: a default per dialect, and requests without a model") {
    Fixture f;
    f.configure({spec("a", "anthropic"), spec("o", "openai"), spec("o2", "openai", {"zzz"})},
                {route("*", {"o2/gpt-4.1-mini"}, Family::openai), route("*", {"a"}, Family::anthropic)});
    CHECK(f.resolve(Family::openai, "nobody-knows") == "o2:gpt-4.1-mini (default for openai)");
    CHECK(f.resolve(Family::anthropic, "nobody-knows") == "a:nobody-knows (default for anthropic)");
    CHECK(f.resolve(Family::openai, "gpt-4.1") == "o:gpt-4.1 (model pattern)");
    CHECK(shown(f.providers->snapshot()->any(Family::openai)) == "o2: (default for openai), o: (serves openai)");
    CHECK(f.resolve(Family::gemini, "gemini-2.5-pro").contains("no provider speaks the gemini dialect"));
}

TEST_CASE("catalog: aliases lead to routes and models, circles are refused") {
    Fixture f;
    f.configure({spec("a", "openai", {"gpt-4.1", "org/model"}), spec("b", "openai", {"gpt-4.1"})},
                {route("fast", {"quick"}), route("quick", {"b/*"}), route("any", {"gpt-4.1"}),
                 route("slashed", {"org/model"})});
    CHECK(f.resolve(Family::openai, "fast") == "b:quick (route)");
    CHECK(f.resolve(Family::openai, "any") == "a:gpt-4.1 (route), b:gpt-4.1 (fallback 1)");
    CHECK(f.resolve(Family::openai, "slashed") == "a:org/model (route)");
    CHECK(f.refused({spec("a", "openai")}, {route("x", {"y"}), route("y", {"x"})}).contains("leads back"));
    CHECK(f.refused({spec("a", "openai")}, {route("x", {"x"})}).contains("leads back"));
    CHECK(
        f.refused({spec("a", "openai")}, {route("x", {"nope/m"})}).contains("names neither a provider (there are: a)"));
}

TEST_CASE("catalog: only providers of the caller's dialect are candidates") {
    Fixture f;
    f.configure({spec("o", "openai"), spec("a", "anthropic"), spec("r", "openrouter")},
                {route("m", {"o/x", "a/y", "r/z"}), route("only", {"o/x"}), route("claude-*", {"o/gpt-5"})});
    CHECK(f.resolve(Family::openai, "m") == "o:x (route), r:z (fallback 1)");
    CHECK(f.resolve(Family::anthropic, "m") == "a:y (route), r:z (fallback 1)");
    const auto none = f.providers->snapshot()->resolve(Family::gemini, "m");
    REQUIRE_FALSE(none.has_value());
    CHECK(none.error().code == ErrorCode::not_found);
    CHECK(none.error().message.contains("none of them speaks the gemini dialect"));
    // Another provider of the dialect may know the model.
    CHECK(f.resolve(Family::anthropic, "claude-x") == "a:claude-x (model pattern)");
    CHECK(f.resolve(Family::openai, "claude-x") == "o:gpt-5 (route)");
}

TEST_CASE("catalog: unknown models are answered with what there is") {
    Fixture f;
    std::vector<std::string> names{"claude-sonnet-4-5"};
    for (int i = 0; i < 30; ++i) names.push_back("model-" + std::to_string(i));
    f.configure({spec("a", "anthropic", names)});
    const auto error = f.providers->snapshot()->resolve(Family::anthropic, "claude-sonet-4-5").error();
    CHECK(error.code == ErrorCode::not_found);
    CHECK(error.message.contains("'claude-sonet-4-5'"));
    CHECK(error.message.contains("did you mean claude-sonnet-4-5?"));
    CHECK(error.message.contains("and 21 more"));
    CHECK(f.resolve(Family::anthropic, "sonnet").contains("did you mean claude-sonnet-4-5"));
    CHECK(f.resolve(Family::anthropic, std::string(100'000, 'x')).size() < 600);
    CHECK_FALSE(f.resolve(Family::anthropic, "a\r\nb").contains("\n"));
    CHECK(f.resolve(Family::anthropic, "").starts_with("!"));
}

TEST_CASE("catalog: providers that cannot be used are left out, and the reason is told") {
    Fixture f;
    auto missing = spec("o", "openai", {}, "");
    missing.api_key_env = "LURUS_TEST_SURELY_UNSET";
    auto off = spec("d", "openai", {"dis-*"});
    off.disabled = true;
    f.configure({missing, off, spec("x", "openai", {"gpt-4.1"})},
                {route("r", {"o/gpt-5"}), route("s", {"o/gpt-5", "x/gpt-4.1"})});
    const auto blocked = f.providers->snapshot()->resolve(Family::openai, "r");
    REQUIRE_FALSE(blocked.has_value());
    CHECK(blocked.error().code == ErrorCode::unavailable);
    CHECK(blocked.error().message.contains("LURUS_TEST_SURELY_UNSET is not set"));
    CHECK(f.resolve(Family::openai, "s") == "x:gpt-4.1 (route)");
    CHECK(f.resolve(Family::openai, "gpt-5").contains("provider 'o', which cannot be used"));
    CHECK(f.resolve(Family::openai, "o/gpt-5").contains("provider 'o' cannot be used"));
    CHECK(f.resolve(Family::openai, "dis-1").contains("it is disabled"));
    CHECK(f.find("o")->problem.contains("LURUS_TEST_SURELY_UNSET"));
    CHECK(f.find("d")->disabled);

    platform::set_variable("LURUS_TEST_SURELY_UNSET", "sk-now-set-0123456789");
    f.configure({missing});
    platform::set_variable("LURUS_TEST_SURELY_UNSET", "");
    CHECK(f.find("o")->problem.empty());
    CHECK(f.find("o")->credential.reveal() == "sk-now-set-0123456789");
    CHECK(f.find("o")->credential_source == "env:LURUS_TEST_SURELY_UNSET");
    CHECK(f.resolve(Family::openai, "gpt-5") == "o:gpt-5 (model pattern)");
}

TEST_CASE("catalog: models are what routes and providers name") {
    Fixture f;
    f.configure({spec("o", "openai", {"gpt-4.1", "ft-*"}), spec("a", "anthropic", {"claude-x"})},
                {route("fast", {"o/gpt-4.1"}), route("g*", {"o"})});
    CHECK(f.models(Family::openai) == std::vector<std::string>{"fast", "gpt-4.1"});
    CHECK(f.models(Family::anthropic) == std::vector<std::string>{"claude-x"});
    CHECK(f.models(Family::gemini).empty());
}

TEST_CASE("catalog: each kind of name is found among many") {
    Fixture f;
    std::vector<ProviderSpec> specs;
    std::vector<RouteSpec> routes;
    for (int i = 0; i < 50; ++i) {
        specs.push_back(
            spec("p" + std::to_string(i), "openai", {"m" + std::to_string(i), "g" + std::to_string(i) + "-*"}));
        routes.push_back(route("r" + std::to_string(i), {"p" + std::to_string(i) + "/x"}));
    }
    f.configure(specs, routes);
    const auto catalog = f.providers->snapshot();
    for (const char* model : {"r49", "m49", "p49/m49", "g49-x"}) {
        CAPTURE(model);
        const auto found = catalog->resolve(Family::openai, model);
        REQUIRE(found.has_value());
        REQUIRE(!found->candidates.empty());
        CHECK(found->candidates.front().provider->name == "p49");
    }
}
