#include <doctest/doctest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "config/config.hpp"
#include "core/os/platform.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::config;

namespace {

struct Place {
    test::Scratch scratch;
    Environment environment;

    Place() {
        environment.working_dir = environment.home = scratch.dir();
        environment.folders.system_config = scratch.dir() / "etc";
        platform::set_variable("LURUS_TEST_CONFIG_SECRET", "a secret of the environment");
    }
    ~Place() { platform::set_variable("LURUS_TEST_CONFIG_SECRET", ""); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

    Result<Config> load(std::string_view text) {
        scratch.write("lurus.toml", text);
        return load_config({}, environment);
    }
    std::string mistake(std::string_view text) {
        const auto loaded = load(text);
        REQUIRE_FALSE(loaded.has_value());
        return loaded.error().message;
    }
};

}  // namespace

TEST_CASE("who may sign in, as the file says it") {
    Place place;
    const auto config = place.load(R"(
[auth]
open_signup = true
access_token = "5m"
session_days = 7
public_url = "https://lurus.example.com"
[[auth.oidc]]
name = "corp"
issuer = "https://login.example.com"
client_id = "lurus"
client_secret_env = "LURUS_TEST_CONFIG_SECRET"
scopes = ["email"]
roles = { "gateway admins" = "admin", staff = "member" }
[auth.ldap]
url = "ldaps://ldap.example.com"
bind_dn = "cn=lurus"
bind_password_env = "LURUS_TEST_CONFIG_SECRET"
base = "dc=example"
timeout = "2s"
[mail]
smtp = "smtps://smtp.example.com"
from = "Lurus <lurus@example.com>"
user = "lurus"
password_env = "LURUS_TEST_CONFIG_SECRET"
[[user]]
email = "ci@example.com"
password_env = "LURUS_TEST_CONFIG_SECRET"
role = "admin"
)");
    REQUIRE_MESSAGE(config.has_value(), config.error().message);
    CHECK(config->warnings.empty());
    const AuthSettings& auth = config->auth;
    CHECK(auth.open_signup);
    CHECK(auth.access_token_ms == 300'000);
    CHECK(auth.session_ms == 7ll * 86'400'000);
    REQUIRE(auth.oidc.size() == 1);
    CHECK(auth.oidc[0].scopes == std::vector<std::string>{"openid", "email"});
    CHECK(auth.oidc[0].roles.at("gateway admins") == Role::admin);
    CHECK(auth.oidc[0].client_secret.reveal() == "a secret of the environment");
    REQUIRE(auth.ldap.size() == 1);
    CHECK(auth.ldap[0].timeout_ms == 2000);
    CHECK(auth.ldap[0].email_attribute == "mail");
    CHECK(auth.oidc[0].timeout_ms == 10'000);
    CHECK(auth.mail.password.reveal() == "a secret of the environment");
    REQUIRE(config->users.size() == 1);
    CHECK(config->users[0].role == Role::admin);
    CHECK(to_json(*config).find("a secret of the environment") == std::string::npos);
    CHECK(to_json(*config).find("ci@example.com") != std::string::npos);
}

TEST_CASE("mistakes about signing in name the option and what it takes") {
    Place place;
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"[auth]\nopen_signup = true", "open_signup"},
        {"[auth]\nmin_password_length = 7", "min_password_length"},
        {"[auth]\naccess_token = \"2d\"", "access_token"},
        {"[auth]\npublic_url = \"lurus.example.com\"", "public_url"},
        {"[auth]\nsession = true", "session"},
        {"[[auth.oidc]]\nname = \"a\"\nclient_id = \"c\"", "issuer"},
        {"[[auth.oidc]]\nname = \"A b\"\nclient_id = \"c\"\nissuer = \"https://x\"", "name"},
        {"[[auth.oidc]]\nname = \"a\"\nclient_id = \"c\"\nissuer = \"http://x.example\"", "https"},
        {"[[auth.oidc]]\nname = \"a\"\nclient_id = \"c\"\nissuer = \"https://x\"\nroles = { g = \"king\" }",
         "viewer, member"},
        {"[auth.ldap]\nurl = \"http://x\"\nbind_dn = \"cn=x\"", "ldaps"},
        {"[auth.ldap]\nurl = \"ldaps://x\"", "bind_dn"},
        {"[auth.ldap]\nurl = \"ldaps://x\"\nbind_dn = \"cn=x\"\nfilter = \"(mail=x)\"", "{email}"},
        {"[auth.ldap]\nurl = \"ldaps://x\"\nbind_dn = \"cn=x\"\nfilter = \"((mail={email})\"", "parentheses"},
        {"[auth.ldap]\nurl = \"ldaps://x\"\nbind_dn = \"cn=x\"\nemail_attribute = \"ma il\"", "email_attribute"},
        {"[[auth.oidc]]\nname = \"a\"\nclient_id = \"c\"\nissuer = \"https://x\"\ntimeout = \"2m\"", "timeout"},
        {"[mail]\nsmtp = \"smtps://x\"\nfrom = \"Lurus, Inc. <a@example.com>\"", "quotes"},
        {"[mail]\nsmtp = \"smtps://x\"\nfrom = \"a@example.com, b@example.com\"", "one address"},
        {"[mail]\nsmtp = \"smtps://x\"\nfrom = \"Lurus\\r\\nBcc: b@example.com <a@example.com>\"", "line break"},
        {"[[user]]\nemail = \"a b@example.com\"\npassword_env = \"LURUS_TEST_CONFIG_SECRET\"", "without a space"},
        {"[[user]]\nemail = \"a@b.c,evil@x.y\"\npassword_env = \"LURUS_TEST_CONFIG_SECRET\"", "one address"},
        {"[server]\nmetrics = \"yes\"", "metrics"},
        {"[mail]\nsmtp = \"http://x\"\nfrom = \"a@example.com\"", "smtps"},
        {"[mail]\nsmtp = \"smtps://x\"", "from"},
        {"[mail]\nsmtp = \"smtps://x\"\nsink = \"y\"\nfrom = \"a@example.com\"", "exclude"},
        {"[[user]]\nemail = \"a@example.com\"", "password_env"},
        {"[[user]]\npassword_env = \"LURUS_TEST_CONFIG_SECRET\"", "email"},
        {"[[user]]\nemail = \"a@example.com\"\npassword_env = \"LURUS_TEST_CONFIG_SECRET\"\nrole = \"king\"", "role"},
    };
    for (const auto& [text, word] : cases) {
        CAPTURE(text);
        CHECK(place.mistake(text).find(word) != std::string::npos);
    }
}

TEST_CASE("a variable that is not set is a warning: a command needs none of them") {
    Place place;
    const auto config = place.load("[[user]]\nemail = \"a@example.com\"\npassword_env = \"LURUS_TEST_CONFIG_UNSET\"");
    REQUIRE(config.has_value());
    REQUIRE(config->warnings.size() == 1);
    CHECK(config->warnings[0].find("LURUS_TEST_CONFIG_UNSET") != std::string::npos);
    CHECK(config->users.at(0).password.empty());
}

TEST_CASE("metrics that anybody on the network reads are a warning") {
    Place place;
    const auto warned = [&](const std::string& text) {
        const auto config = place.load("[server]\n" + text);
        REQUIRE_MESSAGE(config.has_value(), config.error().message);
        return std::ranges::any_of(config->warnings, [](const auto& each) { return each.contains("/metrics"); });
    };
    CHECK(warned("listen = \"0.0.0.0:18100\"\nmetrics = \"open\""));
    CHECK_FALSE(warned("listen = \"0.0.0.0:18100\""));
    CHECK_FALSE(warned("listen = \"0.0.0.0:18100\"\nmetrics = \"off\""));
    CHECK_FALSE(warned("metrics = \"open\""));
    CHECK(to_json(*place.load("[server]\nmetrics = \"key\"")).contains("\"metrics\": \"key\""));
}
