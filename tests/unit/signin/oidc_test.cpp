#include "modules/signin/oidc.hpp"

#include <nlohmann/json.hpp>

#include "clock.hpp"
#include "modules/signin/ldap.hpp"

using namespace lurus;
using namespace lurus::signin;
using namespace lurus::test;
using nlohmann::json;

namespace {

struct Claims {
    OidcSettings settings;
    UnixMicros now = SetClock().now();
    json claims;

    Claims() {
        settings.issuer = "https://login.example.com";
        settings.client_id = "lurus";
        const std::int64_t seconds = now / second;
        claims = {{"iss", settings.issuer},
                  {"aud", "lurus"},
                  {"sub", "s1"},
                  {"nonce", "n1"},
                  {"iat", seconds - 5},
                  {"exp", seconds + 300},
                  {"email", "ada@example.com"},
                  {"email_verified", true},
                  {"groups", {"a", "b"}}};
    }
    [[nodiscard]] bool taken() const { return person_from_claims(claims.dump(), settings, "n1", now).has_value(); }
    [[nodiscard]] bool taken_with(const char* name, const json& value) const {
        Claims other = *this;
        other.claims[name] = value;
        return other.taken();
    }
    [[nodiscard]] bool taken_without(const char* name) const {
        Claims other = *this;
        other.claims.erase(name);
        return other.taken();
    }
};

}  // namespace

TEST_CASE("an id_token's claims are each looked at") {
    const Claims c;
    const auto person = person_from_claims(c.claims.dump(), c.settings, "n1", c.now);
    REQUIRE(person.has_value());
    CHECK(person->subject == "s1");
    CHECK(person->email == "ada@example.com");
    CHECK(person->email_verified);
    CHECK(person->groups == std::vector<std::string>{"a", "b"});
    for (const char* name : {"iss", "aud", "sub", "nonce", "iat", "exp"}) {
        CAPTURE(name);
        CHECK_FALSE(c.taken_without(name));
        for (const json& value : {json(nullptr), json(""), json("other"), json::object(), json(-1)}) {
            if (std::string_view(name) == "sub" && value == json("other")) continue;
            CHECK_FALSE(c.taken_with(name, value));
        }
    }
    CHECK_FALSE(c.taken_with("iss", "https://login.example.com/"));
    CHECK(c.taken_with("aud", {"lurus"}));
    CHECK_FALSE(c.taken_with("aud", {"other"}));
    CHECK_FALSE(c.taken_with("aud", {"lurus", "other"}));
    Claims several = c;
    several.claims["aud"] = {"other", "lurus"};
    several.claims["azp"] = "lurus";
    CHECK(several.taken());
    several.claims["azp"] = "other";
    CHECK_FALSE(several.taken());
    const std::int64_t seconds = c.now / second;
    CHECK(c.taken_with("exp", seconds - 59));  // clocks differ by a minute
    CHECK_FALSE(c.taken_with("exp", seconds - 60));
    CHECK(c.taken_with("iat", seconds + 60));
    CHECK_FALSE(c.taken_with("iat", seconds + 61));
    CHECK_FALSE(person_from_claims(c.claims.dump(), c.settings, "", c.now).has_value());
    CHECK_FALSE(person_from_claims("[]", c.settings, "n1", c.now).has_value());
    Claims unverified = c;
    unverified.claims["email_verified"] = "yes";
    CHECK_FALSE(person_from_claims(unverified.claims.dump(), c.settings, "n1", c.now)->email_verified);
}

TEST_CASE("the highest role of somebody's groups counts") {
    const std::map<std::string, Role> roles = {
        {"staff", Role::member}, {"admins", Role::admin}, {"guests", Role::viewer}};
    CHECK(role_of_groups(roles, {"guests", "admins", "staff"}) == Role::admin);
    CHECK(role_of_groups(roles, {"guests", "others"}) == Role::viewer);
    CHECK_FALSE(role_of_groups(roles, {"Admins", ""}).has_value());
    CHECK_FALSE(role_of_groups({}, {"admins"}).has_value());
}

TEST_CASE("an address in an LDAP filter is only text") {
    CHECK(ldap_filter("(mail={email})", "ada@example.com") == "(mail=ada@example.com)");
    CHECK(ldap_filter("(|(mail={email})(uid={email}))", "a*)(b") == "(|(mail=a\\2a\\29\\28b)(uid=a\\2a\\29\\28b))");
    CHECK(ldap_filter("(mail={email})", std::string("a\\b\0\xc3\xbc{email}", 13)) ==
          "(mail=a\\5cb\\00\\c3\\bc{email})");
    CHECK(first_name_of("cn=gateway admins,ou=groups,dc=example") == "gateway admins");
    CHECK(first_name_of("cn=a\\,b,ou=groups") == "a,b");
    CHECK(first_name_of("admins").empty());
}
