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

TEST_CASE("a claim is found by its name first, then by a path of names") {
    const auto groups = [](const char* claim, const json& claims) {
        Claims c;
        c.settings.groups_claim = claim;
        c.claims.erase("groups");
        c.claims.update(claims);
        return person_from_claims(c.claims.dump(), c.settings, "n1", c.now)->groups;
    };
    using Names = std::vector<std::string>;
    const json keycloak = {{"realm_access", {{"roles", {"admins", "staff"}}}},
                           {"resource_access", {{"my.client", {{"roles", {"deep"}}}}}}};
    CHECK(groups("realm_access.roles", keycloak) == Names{"admins", "staff"});
    CHECK(groups("resource_access.my.client.roles", keycloak) == Names{"deep"});
    CHECK(groups("https://x.example/roles", {{"https://x.example/roles", {"a"}}}) == Names{"a"});
    CHECK(groups("a.b", {{"a.b", "literal"}, {"a", {{"b", "nested"}}}}) == Names{"literal"});
    CHECK(groups("a.b", {{"a", {{"b", "nested"}}}}) == Names{"nested"});
    for (const char* absent : {"realm_access", "realm_access.", ".roles", "realm_access..roles", "realm_access.roles.x",
                               "other.roles", ".", ""}) {
        CAPTURE(absent);
        CHECK(groups(absent, keycloak).empty());
    }
    CHECK(groups("a.b", {{"a", {"b"}}}).empty());
    CHECK(groups("groups", {{"groups", {1, "one", {"two"}, nullptr}}}) == Names{"one"});

    Claims named;
    named.settings.email_claim = "person.mail";
    named.settings.name_claim = "person.called";
    named.claims["person"] = {{"mail", "Ada@Other.example"}, {"called", "Ada"}};
    const auto person = person_from_claims(named.claims.dump(), named.settings, "n1", named.now);
    CHECK(person->email == "Ada@Other.example");
    CHECK(person->name == "Ada");
    CHECK_FALSE(person->email_verified);  // `email_verified` is about the claim `email`
}

TEST_CASE("trust_email stands in for an email_verified that is not sent, never against one") {
    const auto verified = [](bool trust, const json& said) {
        Claims c;
        c.settings.trust_email = trust;
        if (said.is_discarded())
            c.claims.erase("email_verified");
        else
            c.claims["email_verified"] = said;
        return person_from_claims(c.claims.dump(), c.settings, "n1", c.now)->email_verified;
    };
    const json absent(json::value_t::discarded);
    CHECK_FALSE(verified(false, absent));
    CHECK(verified(true, absent));
    CHECK(verified(true, nullptr));
    for (const json& no : {json(false), json("false"), json("no"), json(0), json(1), json::object()}) {
        CAPTURE(no.dump());
        CHECK_FALSE(verified(true, no));
    }
    for (const bool trust : {false, true}) {
        CHECK(verified(trust, true));
        CHECK(verified(trust, "true"));
    }
}

TEST_CASE("user information adds what the id_token lacks, and speaks for its own address only") {
    const auto merged = [](const json& token, const json& more) {
        return json::parse(merged_claims(token.dump(), more.dump()));
    };
    CHECK(merged({{"sub", "s"}, {"email", "a@x"}}, {{"email", "a@x"}, {"email_verified", true}})["email_verified"] ==
          true);
    CHECK_FALSE(merged({{"email", "a@x"}}, {{"email", "b@x"}, {"email_verified", true}}).contains("email_verified"));
    CHECK_FALSE(merged({{"email", "a@x"}}, {{"email_verified", true}}).contains("email_verified"));
    CHECK(merged({{"email", "a@x"}, {"email_verified", false}},
                 {{"email", "a@x"}, {"email_verified", true}})["email_verified"] == false);
    const json roles = merged({{"realm_access", {{"x", 1}}}}, {{"realm_access", {{"x", 2}, {"roles", {"r"}}}}});
    CHECK(roles == json{{"realm_access", {{"x", 1}, {"roles", {"r"}}}}});
    CHECK(merged({{"groups", {"a"}}}, {{"groups", {"b"}}}) == json{{"groups", {"a"}}});
}

TEST_CASE("what came is said to the audit, bounded and printable") {
    const auto said = [](const json& groups) {
        Claims c;
        c.settings.groups_claim = "roles";
        if (!groups.is_null()) c.claims["roles"] = groups;
        return person_from_claims(c.claims.dump(), c.settings, "n1", c.now)->groups_said;
    };
    CHECK(said({"a", "b\nc"}) == "`a`, `b?c`");
    CHECK(said(json::array()) == "none in the claim `roles`");
    CHECK(said(nullptr) ==
          "none: there is no claim `roles` among `aud`, `email`, `email_verified`, `exp`, `groups`, `iat`, `iss`, "
          "`nonce`, "
          "`sub`");
    json many = json::array();
    for (int i = 0; i < 300; ++i) many.push_back("group " + std::to_string(i) + std::string(100, 'x'));
    const std::string text = said(many);
    CHECK(text.size() < 1000);
    CHECK(text.ends_with(" and 290 more"));
    Claims c;
    c.claims["iss"] = "https://elsewhere.example/" + std::string(5000, 'y');
    const auto refused = person_from_claims(c.claims.dump(), c.settings, "n1", c.now);
    CHECK(refused.error().message.find("`https://elsewhere.example/") != std::string::npos);
    CHECK(refused.error().message.size() < 200);
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
