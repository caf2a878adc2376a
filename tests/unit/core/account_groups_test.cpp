#include <doctest/doctest.h>

#include "lurus/account_groups.hpp"

using lurus::AccountGroups;
using lurus::ErrorCode;

TEST_CASE("account groups: equal names meet, whoever named them, and are given back in their order") {
    const auto a = AccountGroups::of({"vip", "team-a"}), b = AccountGroups::of({"team-b", "vip"}),
               c = AccountGroups::of({"VIP", "team-c"});
    REQUIRE(a);
    REQUIRE(b);
    REQUIRE(c);
    CHECK(a->meets(*b));
    CHECK(b->meets(*a));
    CHECK_FALSE(a->meets(*c));
    CHECK_FALSE(AccountGroups().meets(*a));
    CHECK_FALSE(a->meets(AccountGroups()));
    CHECK(b->names() == std::vector<std::string>{"team-b", "vip"});
    CHECK(*a == *AccountGroups::of({"vip", "team-a"}));
    CHECK_FALSE(*a == *b);
    CHECK(AccountGroups::of({})->empty());
}

TEST_CASE("account groups: what is no name is refused") {
    for (const std::vector<std::string>& names :
         {std::vector<std::string>{""}, {"a b"}, {"a,b"}, {"ä"}, {std::string(65, 'a')}, {"a", "b", "a"}}) {
        const auto groups = AccountGroups::of(names);
        REQUIRE_FALSE(groups);
        CHECK(groups.error().code == ErrorCode::invalid_argument);
    }
    std::vector<std::string> many;
    for (int i = 0; i < 65; ++i) many.push_back("g" + std::to_string(i));
    CHECK_FALSE(AccountGroups::of(many));
    many.pop_back();
    CHECK(AccountGroups::of(many));
    CHECK(AccountGroups::of({std::string(64, 'a'), "A.b_c-9"}));
}
