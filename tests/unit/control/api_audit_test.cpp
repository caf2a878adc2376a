// Every change is in the audit: who, from where, before and after, and no secret.
#include <SQLiteCpp/SQLiteCpp.h>

#include <set>

#include "app/backend.hpp"
#include "control/steps/audit.hpp"
#include "lurus/request_context.hpp"
#include "tests/unit/control/authorization_world.hpp"

using namespace lurus;
using namespace lurus::test;

namespace {

struct Audited : World {
    std::string as(const std::string& name) const {
        for (const auto& actor : actors) {
            if (actor.name == name) return actor.authorization;
        }
        FAIL("nobody is " << name);
        return {};
    }
    /// The newest entries, newest first.
    Json entries(const std::string& query = "") const {
        const auto answer = ask(admin, "GET", "/api/v1/audit" + query);
        REQUIRE_MESSAGE(answer.status == 200, answer.text);
        return answer.json().at("data");
    }
    int count(const std::string& where) const {
        const SQLite::Database db((scratch.dir() / "data" / "lurus.db").string(), SQLite::OPEN_READONLY);
        SQLite::Statement select(db, "SELECT count(*) FROM audit WHERE " + where);
        select.executeStep();
        return select.getColumn(0).getInt();
    }
    void sql(const std::string& text) const {
        SQLite::Database db((scratch.dir() / "data" / "lurus.db").string(), SQLite::OPEN_READWRITE);
        db.setBusyTimeout(5000);
        db.exec(text);
    }
};

}  // namespace

TEST_CASE_FIXTURE(Audited, "a change says who, from where, what was and what is, without secrets") {
    const auto member = as("member of " + home.name);
    const auto made = ask(member, "POST", "/api/v1/keys", {{"name", "mine"}, {"note", "first"}});
    REQUIRE(made.status == 201);
    const std::string value = made.json().at("key"), id = made.json().at("id");
    auto entry = entries("?limit=1").at(0);
    CHECK(entry.at("action") == "createKey");
    CHECK(entry.at("status") == 201);
    CHECK(entry.at("actor_kind") == "user");
    CHECK(entry.at("actor_name") == "member@" + home.name + ".example");
    CHECK(entry.at("remote_address") == "192.0.2.1");
    CHECK(entry.at("org") == default_org);
    CHECK(entry.at("before").is_null());
    CHECK(entry.at("after").at("name") == "mine");
    CHECK(entry.at("after").at("key") == "***");

    CHECK(ask(member, "PATCH", "/api/v1/keys/mine", {{"note", "second"}}).status == 200);
    entry = entries("?limit=1").at(0);
    CHECK(entry.at("target") == "/api/v1/keys/mine");
    CHECK(entry.at("before").at("note") == "first");
    CHECK(entry.at("after").at("note") == "second");
    CHECK(ask(member, "POST", "/api/v1/keys/mine/rotate", Json::object()).status == 200);
    CHECK(entries("?limit=1").at(0).at("before").at("id") == id);
    CHECK(ask(member, "PATCH", "/api/v1/keys/mine", {{"rpm", 1}}).status == 403);
    CHECK(entries("?limit=1").at(0).at("status") == 403);
    CHECK(ask(member, "DELETE", "/api/v1/keys/mine").status == 204);
    entry = entries("?action=revokeKey").at(0);
    CHECK(entry.at("before").at("id") == id);
    CHECK(entry.at("after").is_null());

    // A command on the folder itself is told too.
    CHECK(plane->local("POST", "/api/v1/teams", R"({"name":"by command"})").status == 201);
    CHECK(entries("?limit=1").at(0).at("actor_name") == "local command");

    // Reading is no change, and neither is what was refused at the door.
    const auto newest = entries("?limit=1").at(0).at("number");
    ask(member, "GET", "/api/v1/keys");
    ask(admin, "POST", "/api/v1/prices/quote", {{"model", "x"}});
    ask(as("viewer of " + home.name), "POST", "/api/v1/keys", {{"name", "no"}});
    CHECK(entries("?limit=1").at(0).at("number") == newest);
    const auto everything = ask(admin, "GET", "/api/v1/audit/export?limit=1000").text;
    CHECK(everything.find(value) == std::string::npos);
    CHECK(everything.find("blue tractor") == std::string::npos);
    CHECK(everything.find("eyJ") == std::string::npos);
    CHECK(everything.find("lnk_") == std::string::npos);
    CHECK(ask(admin, "GET", "/api/v1/audit/verify").json().at("sound") == true);
}

TEST_CASE_FIXTURE(Audited, "every sign-in is told, also one that failed, and a flood of them is not") {
    const std::string email = "member@" + acme.name + ".example";
    const auto sign_in = [&](const std::string& name, const std::string& password) {
        return ask("", "POST", "/api/v1/auth/login", {{"email", name}, {"password", password}}).status;
    };
    CHECK(sign_in(email, "blue tractor on a hill") == 200);
    auto entry = entries("?action=login&limit=1").at(0);
    CHECK(entry.at("status") == 200);
    CHECK(entry.at("target") == email);
    CHECK(entry.at("actor_name") == email);
    CHECK(entry.at("org") == acme.org);
    CHECK(entry.at("after").at("event") == "signed in");
    CHECK(sign_in(email, "something else") == 401);
    entry = entries("?action=login&limit=1").at(0);
    CHECK(entry.at("status") == 401);
    CHECK(entry.at("after").at("event") == "sign-in refused");
    const auto count = [&] { return entries("?action=login&limit=1000").size(); };
    const auto earlier = count();
    for (int i = 0; i < 30; ++i) sign_in("stranger@example.com", "guess");
    CHECK(count() <= earlier + 3);
    CHECK(count() > earlier);

    const auto member = as("member of " + acme.name);
    CHECK(ask(member, "POST", "/api/v1/auth/password",
              {{"current_password", "blue tractor on a hill"}, {"new_password", "green tractor on a hill"}})
              .status == 204);
    entry = entries("?action=changePassword&limit=1").at(0);
    CHECK(entry.at("after").at("event") == "password changed");
    CHECK(ask(as("member of " + home.name), "POST", "/api/v1/auth/logout", Json::object()).status == 204);
    CHECK(entries("?action=logout").size() == 1);
}

TEST_CASE_FIXTURE(Audited, "what cannot be told is not done") {
    const auto member = as("member of " + home.name);
    sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END");
    const auto refused = ask(member, "POST", "/api/v1/keys", {{"name", "untold"}});
    CHECK(refused.status == 503);
    CHECK(refused.text.find("audit") != std::string::npos);
    CHECK(ask(member, "DELETE", "/api/v1/keys/" + home.key).status == 503);
    const auto keys = ask(member, "GET", "/api/v1/keys");
    CHECK(keys.status == 200);
    CHECK(keys.text.find("untold") == std::string::npos);
    CHECK(keys.text.find(home.key) != std::string::npos);
    const auto signed_in = ask("", "POST", "/api/v1/auth/login",
                               {{"email", "member@" + home.name + ".example"}, {"password", "blue tractor on a hill"}});
    CHECK(signed_in.status == 503);
    CHECK(signed_in.text.find("access_token") == std::string::npos);
    sql("DROP TRIGGER full");

    // Whoever has a link is nobody yet, and changes something all the same.
    const auto invited =
        ask(as("admin of " + home.name), "POST", "/api/v1/auth/invitations", {{"email", "new@example.com"}});
    REQUIRE(invited.status == 201);
    const Json accept = {{"token", invited.json().at("token")}, {"password", "blue tractor on a hill"}};
    sql("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END");
    CHECK(ask("", "POST", "/api/v1/auth/invitations/accept", accept).status == 503);
    sql("DROP TRIGGER full");
    CHECK(ask(admin, "GET", "/api/v1/users/new@example.com").status == 404);
    CHECK(ask("", "POST", "/api/v1/auth/invitations/accept", accept).status == 200);
    CHECK(count("action = 'acceptInvitation' AND status = 0") == 1);
    CHECK(count("action = 'acceptInvitation' AND status = 200 AND begun IS NOT NULL") == 1);
    CHECK(entries("?action=acceptInvitation").size() == 2);  // it, and the sign-in it ends with
    CHECK(ask(member, "POST", "/api/v1/keys", {{"name", "told"}}).status == 201);
}

TEST_CASE_FIXTURE(Audited,
                  "an export tells a person their sessions and what the audit has of them, and nothing of others") {
    const std::string email = "member@" + home.name + ".example";
    CHECK(ask("", "POST", "/api/v1/auth/login", {{"email", email}, {"password", "blue tractor on a hill"}}).status ==
          200);
    CHECK(ask(as("admin of " + home.name), "PATCH", "/api/v1/members/" + email, {{"rpm", 7}}).status == 200);
    CHECK(ask(as("admin of " + home.name), "POST", "/api/v1/teams", {{"name", "no business of theirs"}}).status == 201);
    const auto mine = ask(as("member of " + home.name), "GET", "/api/v1/me/export");
    const auto theirs = ask(admin, "GET", "/api/v1/users/" + email + "/export");
    REQUIRE(mine.status == 200);
    REQUIRE(theirs.status == 200);
    for (const auto& one : {mine.json(), theirs.json()}) {
        CHECK(one.at("sessions").size() >= 1);
        CHECK(one.at("sessions").at(0).at("method") == "password");
        bool own = false, about = false;
        for (const auto& entry : one.at("audit")) {
            const bool login = entry.at("action") == "login";
            own = own || (login && entry.at("by_themselves") == true && entry.contains("remote_address"));
            about = about || (entry.at("action") == "changeMember" && entry.at("by_themselves") == false &&
                              !entry.contains("remote_address"));
            CHECK(entry.at("action") != "createTeam");
        }
        CHECK(own);
        CHECK(about);
        CHECK(one.dump().find("eyJ") == std::string::npos);
        CHECK(one.dump().find("admin@") == std::string::npos);
    }
}

TEST_CASE_FIXTURE(Audited, "what is done after an answer has entries of its own, which belong together") {
    const auto backend = app::make_backend_sqlite(scratch.dir() / "data" / "lurus.db");
    REQUIRE(backend.has_value());
    const auto audit = make_audit((*backend)->audit(), system_clock());
    control::ApiAudit step(*audit, plane->users(), system_clock());
    RequestContext work, other;
    SignInEvent event;
    event.what = "signed up";
    event.email = "late@example.com";
    event.address = "192.0.2.9";
    event.context = &work;
    REQUIRE(step.begin(event).has_value());
    REQUIRE(work.begun.has_value());
    const std::string begun = std::to_string(work.begun->number);
    CHECK(count("action = 'signed up' AND status = 0 AND begun IS NULL AND number = " + begun) == 1);
    // Another thread's, or another piece of work on this one, has nothing to do with it.
    SignInEvent elsewhere = event;
    elsewhere.context = &other;
    step.note(elsewhere);
    CHECK(count("begun = " + begun) == 0);
    step.note(event);
    CHECK(count("begun = " + begun) == 1);
    CHECK_FALSE(work.begun.has_value());
    CHECK(work.events.empty());
}

TEST_CASE_FIXTURE(Audited, "a reload that nobody asked for is told as the program's own") {
    plane->reload_because("SIGHUP");
    const auto entry = entries("?action=reload").at(0);
    CHECK(entry.at("actor_kind") == "system");
    CHECK(entry.at("after").at("why") == "SIGHUP");
    CHECK(entry.at("org") == "");
}

TEST_CASE("secrets are masked by the names of what holds them") {
    CHECK(control::without_secrets(
              R"({"key":"v","api_key":"v","nested":[{"client_secret":"v","note":"n"}],"token":null})") ==
          R"({"key":"***","api_key":"***","nested":[{"client_secret":"***","note":"n"}],"token":null})");
    CHECK(control::without_secrets("not json").empty());
    CHECK(control::without_secrets(R"("text")").empty());
    CHECK(control::without_secrets(Json{{"a", std::string(100'000, 'x')}}.dump()).size() < 100);
}
