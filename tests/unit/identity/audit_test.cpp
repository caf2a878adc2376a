// The audit: complete, in order, and not to be changed without it being seen.
#include <SQLiteCpp/SQLiteCpp.h>

#include <sstream>
#include <thread>

#include "core/crypto/sha256.hpp"
#include "core/http/api_route.hpp"
#include "fixture.hpp"
#include "lurus/audit.hpp"

using namespace lurus;
using namespace lurus::test;
using nlohmann::json;

namespace {

struct Book {
    TempFolder folder;
    SetClock clock;
    IdentityStores stores{folder.path / "lurus.db"};
    std::unique_ptr<Audit> audit = open();

    std::unique_ptr<Audit> open() { return make_audit(*stores.audit, clock); }
    std::int64_t add(const std::string& action, const std::string& org = "o", std::optional<std::int64_t> begun = {}) {
        AuditEntry entry;
        entry.org = org;
        entry.actor = "ann";
        entry.actor_name = "ann@example.com";
        entry.action = action;
        entry.target = "/api/v1/" + action;
        entry.status = begun ? 200 : 0;
        entry.begun = begun;
        entry.after = R"({"a":1})";
        entry.user_agent = "odd \xff bytes";
        const auto number = audit->append(entry);
        REQUIRE(number.has_value());
        return *number;
    }
    void sql(const std::string& text) const {
        SQLite::Database db((folder.path / "lurus.db").string(), SQLite::OPEN_READWRITE);
        db.exec(text);
    }
    ApiResponse call(const std::string& path, const std::map<std::string, std::string>& query = {},
                     const Principal& who = everything()) const {
        for (const auto& route : audit->api()) {
            if (route.path != path) continue;
            ApiRequest request;
            request.query = query;
            request.principal = who;
            auto whole = whole_response(route.handler(request));
            REQUIRE(whole.has_value());
            return *std::move(whole);
        }
        FAIL("no route " << path);
        return {};
    }
    static Principal everything() {
        Principal who;
        who.kind = Principal::Kind::admin_token;
        return who;
    }
};

}  // namespace

TEST_CASE_FIXTURE(Book, "every hash holds the one before, and anybody can check the export") {
    for (int i = 0; i < 25; ++i) add("a" + std::to_string(i));
    CHECK(*audit->verify() == 25);
    std::string previous(64, '0'), cursor;
    int lines = 0;
    for (;;) {
        const auto some = call("/api/v1/audit/export", {{"limit", "10"}, {"cursor", cursor}});
        if (some.body.empty()) break;
        CHECK(some.content_type == "application/x-ndjson");
        for (std::size_t at = 0; at < some.body.size();) {
            const auto end = some.body.find('\n', at);
            auto line = json::parse(some.body.substr(at, end - at));
            at = end + 1;
            const std::string hash = line.at("hash");
            line.erase("hash");
            CHECK(line.at("previous") == previous);
            CHECK(line.at("number") == ++lines);
            CHECK(sha256_hex(line.dump()) == hash);
            previous = hash;
            cursor = std::to_string(lines);
        }
    }
    CHECK(lines == 25);
    audit.reset();
    audit = open();
    CHECK(add("later") == 26);
    CHECK(*audit->verify() == 26);
}

TEST_CASE_FIXTURE(Book, "an export without a limit is all of it, in pieces") {
    for (int i = 0; i < 230; ++i) add("a" + std::to_string(i));
    for (const int after : {0, 7}) {
        std::string previous;
        int number = after;
        std::istringstream lines(call("/api/v1/audit/export", {{"cursor", std::to_string(after)}}).body);
        for (std::string line; std::getline(lines, line);) {
            const auto entry = json::parse(line);
            CHECK(entry.at("number") == ++number);
            if (!previous.empty()) CHECK(entry.at("previous") == previous);
            previous = entry.at("hash");
        }
        CHECK(number == 230);
    }
}

TEST_CASE_FIXTURE(Book, "rows cannot be changed, and whoever gets around that is found out") {
    for (int i = 0; i < 5; ++i) add("a" + std::to_string(i));
    CHECK_THROWS(sql("UPDATE audit SET actor = 'bob' WHERE number = 3"));
    CHECK_THROWS(sql("DELETE FROM audit WHERE number = 3"));
    CHECK(*audit->verify() == 5);
    sql("DROP TRIGGER audit_only_grows_update; DROP TRIGGER audit_only_grows_delete;");
    std::string found;
    SUBCASE("changed") {
        sql("UPDATE audit SET actor = 'bob' WHERE number = 3");
        found = "entry 3 ";
    }
    SUBCASE("removed in the middle") {
        sql("DELETE FROM audit WHERE number = 2");
        found = "entry 2 ";
    }
    SUBCASE("cut off at the end") {
        sql("DELETE FROM audit WHERE number = 5");
        found = "entry 5 ";
    }
    SUBCASE("swapped") {
        sql("UPDATE audit SET number = 99 WHERE number = 4; UPDATE audit SET number = 4 WHERE number = 5; "
            "UPDATE audit SET number = 5 WHERE number = 99");
        found = "entry 4 ";
    }
    SUBCASE("added") {
        sql("INSERT INTO audit SELECT 6, time_us, org, actor_kind, actor, actor_name, remote_address, user_agent, "
            "action, "
            "target, status, before, after, begun, hash FROM audit WHERE number = 5; UPDATE audit_head SET number = 6");
        found = "entry 6 ";
    }
    const auto checked = audit->verify();
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().code == ErrorCode::corrupt);
    CHECK(checked.error().message.starts_with(found));
    CHECK(json::parse(call("/api/v1/audit/verify").body).at("sound") == false);
}

TEST_CASE_FIXTURE(Book, "entries are found newest first, and what ended is told once") {
    const auto first = add("createKey");
    add("createKey", "o", first);
    add("broken off");
    add("createKey", "other", add("createKey", "other"));
    AuditFilter filter;
    filter.org = "o";
    auto found = audit->query(filter);
    REQUIRE(found.has_value());
    REQUIRE(found->size() == 2);
    CHECK(found->at(0).action == "broken off");
    CHECK(found->at(1).status == 200);
    filter.ends_only = false;
    CHECK(audit->query(filter)->size() == 3);
    filter.actor = "ann@example.com";
    filter.action = "createKey";
    CHECK(audit->query(filter)->size() == 2);
    filter.before_number = 2;
    CHECK(audit->query(filter)->at(0).number == 1);
    filter.since = clock.time + 1;
    CHECK(audit->query(filter)->empty());

    // An admin sees the organisation's, whoever operates the installation what concerns all of it too.
    add("reload", "");
    add("own", std::string(default_org));
    Principal owner;
    owner.kind = Principal::Kind::user;
    owner.org = default_org;
    owner.role = Role::owner;
    const auto seen = [&](const Principal& who) {
        std::vector<std::string> actions;
        const auto body = json::parse(call("/api/v1/audit", {}, who).body);
        for (const auto& entry : body.at("data")) actions.push_back(entry.at("action"));
        return actions;
    };
    CHECK(seen(owner) == std::vector<std::string>{"own", "reload"});
    owner.role = Role::admin;
    CHECK(seen(owner) == std::vector<std::string>{"own"});
    const auto page = json::parse(call("/api/v1/audit", {{"limit", "2"}}).body);
    CHECK(page.at("data").size() == 2);
    CHECK(page.at("data").at(0).at("after").at("a") == 1);
    CHECK(json::parse(call("/api/v1/audit", {{"limit", "2"}, {"cursor", page.at("next")}}).body).at("data").size() ==
          2);
    CHECK(call("/api/v1/audit", {{"cursor", "x"}}).status == 400);
    CHECK(call("/api/v1/audit", {{"since", "soon"}}).status == 400);
}

TEST_CASE_FIXTURE(Book, "several connections append one chain") {
    std::vector<std::thread> writers;
    std::vector<std::unique_ptr<Audit>> books;
    for (int i = 0; i < 3; ++i) books.push_back(open());
    for (auto& book : books) {
        writers.emplace_back([&book] {
            for (int i = 0; i < 20; ++i) {
                AuditEntry entry;
                entry.action = "x";
                while (!book->append(entry)) std::this_thread::yield();
            }
        });
    }
    for (auto& writer : writers) writer.join();
    CHECK(*audit->verify() == 60);
}
