// What a key of account groups sees of the catalogue: as if the other accounts were not there.
#include "tests/unit/provider/support.hpp"

using namespace lurus;
using namespace lurus::provider::test;

namespace {

ProviderSpec in(ProviderSpec spec, std::vector<std::string> groups) {
    spec.groups = std::move(groups);
    return spec;
}

struct Groups : Fixture {
    [[nodiscard]] Result<Resolution> ask(const std::vector<std::string>& groups, std::string_view model,
                                         Family family = Family::openai) const {
        return providers->snapshot()->resolve(family, model, AccountGroups::of(groups).value());
    }
    [[nodiscard]] std::string as(const std::vector<std::string>& groups, std::string_view model,
                                 Family family = Family::openai) const {
        return shown(ask(groups, model, family));
    }
    [[nodiscard]] std::string models_of(const std::vector<std::string>& groups) const {
        std::string out;
        for (const auto& m : providers->snapshot()->models(Family::openai, AccountGroups::of(groups).value()))
            out += (out.empty() ? "" : " ") + m.id + "@" + m.owner;
        return out;
    }
};

}  // namespace

TEST_CASE("groups: only accounts of one of them are candidates, in the usual order") {
    Groups f;
    f.configure({in(spec("plain", "openai", {"gpt-5", "only-plain", "x-*"}), {}),
                 in(spec("vip", "openai", {"gpt-5", "only-vip"}), {"vip"}),
                 in(spec("both", "openai", {"gpt-*"}), {"vip", "team-a"})},
                {route("fast", {"plain/gpt-5", "vip/gpt-5-vip", "both/gpt-5-both"})});
    CHECK(f.as({}, "gpt-5") == "plain:gpt-5 (model), vip:gpt-5 (fallback 1)");
    CHECK(f.as({"vip"}, "gpt-5") == "vip:gpt-5 (model)");
    // who names the model is not of the group, so a pattern decides
    CHECK(f.as({"team-a"}, "gpt-5") == "both:gpt-5 (model pattern)");
    CHECK(f.as({"team-a", "vip"}, "only-vip") == "vip:only-vip (model)");
    CHECK(f.as({"vip"}, "fast") == "vip:gpt-5-vip (route), both:gpt-5-both (fallback 1)");
    CHECK(f.ask({"vip"}, "fast")->route == "fast");
    CHECK(f.as({"vip"}, "both/gpt-x") == "both:gpt-x (provider/model)");
    CHECK(shown(f.providers->snapshot()->any(Family::openai, AccountGroups::of({"team-a"}).value())) ==
          "both: (serves openai)");
}

TEST_CASE("groups: what only other accounts have is denied, what nobody has is not there") {
    Groups f;
    f.configure({in(spec("plain", "openai", {"only-plain"}), {}), in(spec("vip", "openai", {"only-vip"}), {"vip"})},
                {route("alias", {"plain"}), route("al-*", {"plain"})});
    for (const char* model : {"only-plain", "alias", "al-x", "plain/only-plain"}) {
        CAPTURE(model);
        const auto denied = f.ask({"vip"}, model);
        REQUIRE_FALSE(denied);
        CHECK(denied.error().code == ErrorCode::permission_denied);
        CHECK(denied.error().message.contains("groups vip"));
        CHECK_MESSAGE(!denied.error().message.contains("plain,"), denied.error().message);
    }
    const auto none = f.ask({"vip"}, "nobody-has-it");
    REQUIRE_FALSE(none);
    CHECK(none.error().code == ErrorCode::not_found);
    CHECK(none.error().message.contains("only-vip"));
    CHECK_FALSE(none.error().message.contains("only-plain"));
    CHECK_FALSE(none.error().message.contains("alias"));
    const auto empty = f.ask({"nobody"}, "only-vip");
    REQUIRE_FALSE(empty);
    CHECK(empty.error().code == ErrorCode::permission_denied);
    const auto any = f.providers->snapshot()->any(Family::openai, AccountGroups::of({"nobody"}).value());
    REQUIRE_FALSE(any);
    CHECK(any.error().code == ErrorCode::permission_denied);
    CHECK(f.ask({"nobody"}, "x", Family::gemini).error().code == ErrorCode::not_found);
}

TEST_CASE("groups: an account of the group that cannot be used says so, not why another cannot") {
    Groups f;
    auto off = in(spec("off", "openai", {"gpt-5"}), {"vip"});
    off.disabled = true;
    auto hidden = in(spec("hidden", "openai", {"gpt-6"}), {"other"});
    hidden.disabled = true;
    f.configure({off, hidden, spec("plain", "openai", {"gpt-5"})});
    const auto blocked = f.ask({"vip"}, "gpt-5");
    REQUIRE_FALSE(blocked);
    CHECK(blocked.error().code == ErrorCode::unavailable);
    CHECK(blocked.error().message.contains("off: it is disabled"));
    const auto foreign = f.ask({"vip"}, "gpt-6");
    REQUIRE_FALSE(foreign);
    CHECK_FALSE(foreign.error().message.contains("hidden"));
}

TEST_CASE("groups: a default route, and a route past which another is found") {
    Groups f;
    f.configure({in(spec("plain", "openai", {"m"}), {}), in(spec("vip", "openai", {"claude-special"}), {"vip"})},
                {route("claude-*", {"plain/m"}), route("*", {"plain/m", "vip/v"}, Family::openai)});
    CHECK(f.as({}, "claude-special") == "plain:m (route)");
    CHECK(f.as({"vip"}, "claude-special") == "vip:claude-special (model)");
    CHECK(f.as({"vip"}, "whatever") == "vip:v (default for openai)");
    CHECK(f.as({}, "whatever") == "plain:m (default for openai), vip:v (fallback 1)");
}

TEST_CASE("groups: the models of a group's accounts, each with the one that serves it") {
    Groups f;
    f.configure({in(spec("plain", "openai", {"shared", "only-plain"}), {}),
                 in(spec("vip", "openai", {"shared", "only-vip"}), {"vip"})},
                {route("alias", {"vip/shared"}), route("other", {"plain/shared"})});
    CHECK(f.models_of({}) == "alias@vip other@plain shared@plain only-plain@plain only-vip@vip");
    CHECK(f.models_of({"vip"}) == "alias@vip shared@vip only-vip@vip");
    CHECK(f.models_of({"nobody"}).empty());
}

TEST_CASE("groups: a stored account keeps them, and a wrong name is refused") {
    Groups f;
    REQUIRE(f.providers->add(in(spec("vip", "openai", {"gpt-5"}), {"vip", "team-a"})).has_value());
    f.reopen();
    CHECK(f.find("vip")->groups.names() == std::vector<std::string>{"vip", "team-a"});
    CHECK(f.as({"team-a"}, "gpt-5") == "vip:gpt-5 (model)");
    CHECK(f.refused({in(spec("a", "openai"), {"not one"})}).contains("groups: an account group is"));
}
