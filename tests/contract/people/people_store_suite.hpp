#pragma once
// What every PeopleStore must do. An adapter gives two handles on one database, `one()` and `two()`.

#include <atomic>

#include "lurus/store/people.hpp"
#include "tests/contract/two_handles.hpp"

namespace lurus::test {

template <class Work>
auto people_read(PeopleStore& store, Work work) {
    return got(store.read("reading", work));
}
template <class Work>
auto people_written(PeopleStore& store, Work work) {
    return store.write("writing", work);
}

inline User user_called(const std::string& id) {
    User user;
    user.id = id;
    user.email = id + "@example.com";
    user.status = UserStatus::active;
    user.created = 1000;
    return user;
}
inline Member member_called(const std::string& id, const std::string& user, Role role = Role::member) {
    Member member;
    member.id = id;
    member.org = default_org;
    member.user = user;
    if (user.empty()) member.name = "service " + id;
    member.role = role;
    member.created = 1000;
    return member;
}
/// A user and their membership.
inline void add_person(PeopleStore& store, const std::string& id, Role role = Role::member) {
    done(people_written(store, [&](PeopleWriter& rows) -> Result<void> {
        if (auto ok = rows.insert_user(user_called("u" + id)); !ok) return ok;
        return rows.insert_member(member_called("m" + id, "u" + id, role));
    }));
}
inline Member member_in(PeopleStore& store, const std::string& id) {
    const auto found = people_read(store, [&](PeopleReader& rows) { return rows.member(id); });
    REQUIRE(found.has_value());
    return *found;
}

TEST_CASE_TEMPLATE_DEFINE("people: what one handle writes, the other reads", Adapter, people_round_trip) {
    Adapter adapter;
    add_person(adapter.one(), "1", Role::owner);
    done(people_written(adapter.one(), [](PeopleWriter& rows) -> Result<void> {
        Org org;
        org.id = "acme-id";
        org.name = "acme";
        org.created = 2000;
        org.models = {{"claude-*"}, {"*opus*"}};
        if (auto ok = rows.insert_org(org); !ok) return ok;
        if (auto ok = rows.insert_member(member_called("s1", "")); !ok) return ok;
        Team team;
        team.id = "t1";
        team.org = default_org;
        team.name = "team";
        team.created = 2000;
        team.members = {"m1", "s1"};
        team.models.models = {"gpt-*"};
        if (auto ok = rows.insert_team(team); !ok) return ok;
        SetupToken token;
        token.hash.fill(7);
        token.created = 3;
        return rows.put_setup_token(token);
    }));
    people_read(adapter.two(), [](PeopleReader& rows) -> Result<int> {
        const auto user = got(rows.user("u1"));
        REQUIRE(user.has_value());
        CHECK(user->email == "u1@example.com");
        CHECK(user->version == 1);
        CHECK(got(rows.user_with_email("u1@example.com"))->id == "u1");
        CHECK_FALSE(got(rows.user("u2")).has_value());
        CHECK(got(rows.org("acme"))->id == "acme-id");
        CHECK(got(rows.orgs()).size() == 2);
        const auto member = got(rows.find_member(default_org, MemberKind::user, "u1@example.com"));
        REQUIRE(member.has_value());
        CHECK(member->id == "m1");
        CHECK(member->org_name == "default");
        CHECK(member->role == Role::owner);
        CHECK_FALSE(got(rows.find_member(default_org, MemberKind::service, "m1")).has_value());
        CHECK(got(rows.members(default_org, MemberKind::service, "", 10)).at(0).name == "service s1");
        CHECK(got(rows.owners(default_org)).at(0).member == "m1");
        const auto team = got(rows.team(default_org, "team"));
        REQUIRE(team.has_value());
        CHECK(team->members == std::vector<std::string>{"m1", "s1"});
        CHECK(team->models.models == std::vector<std::string>{"gpt-*"});
        CHECK(got(rows.org("acme"))->models == ModelRules{{"claude-*"}, {"*opus*"}});
        const auto restrictions = got(rows.restrictions());
        CHECK(restrictions.models.size() == 2);
        CHECK(restrictions.models.at("acme-id").deny_models == std::vector<std::string>{"*opus*"});
        CHECK_FALSE(member->models.any());
        CHECK(got(rows.teams_of("s1")) == std::vector<std::string>{"t1"});
        CHECK(got(rows.setup_token())->created == 3);
        return 0;
    });
}

TEST_CASE_TEMPLATE_DEFINE("people: a unit of work is stored whole or not at all", Adapter, people_all_or_nothing) {
    Adapter adapter;
    const auto refused = people_written(adapter.one(), [](PeopleWriter& rows) -> Result<void> {
        if (auto ok = rows.insert_user(user_called("u1")); !ok) return ok;
        return fail(ErrorCode::permission_denied, "no");
    });
    CHECK(refused.error().code == ErrorCode::permission_denied);
    add_person(adapter.one(), "2");
    const auto taken = people_written(adapter.two(), [](PeopleWriter& rows) -> Result<void> {
        if (auto ok = rows.insert_user(user_called("u3")); !ok) return ok;
        User same = user_called("u4");
        same.email = "u2@example.com";
        return rows.insert_user(same);
    });
    CHECK(taken.error().code == ErrorCode::conflict);
    CHECK(people_read(adapter.one(), [](PeopleReader& rows) { return rows.users(); }).size() == 1);
}

TEST_CASE_TEMPLATE_DEFINE("people: an update is of the version that was read", Adapter, people_compare_and_set) {
    Adapter adapter;
    add_person(adapter.one(), "1");
    const Member before = member_in(adapter.two(), "m1");
    const auto update = [&](PeopleStore& store, Role role) {
        return people_written(store, [&](PeopleWriter& rows) {
            Member changed = before;
            changed.role = role;
            return rows.update_member(changed);
        });
    };
    done(update(adapter.one(), Role::admin));
    CHECK(update(adapter.two(), Role::owner).error().code == ErrorCode::conflict);
    CHECK(member_in(adapter.two(), "m1").role == Role::admin);
    CHECK(member_in(adapter.two(), "m1").version == 2);
    for (int round = 0; round < 20; ++round) {
        const std::int64_t version = member_in(adapter.one(), "m1").version;
        const auto race = [version](PeopleStore& store) {
            return [&store, version] {
                Member member = member_called("m1", "u1");
                member.version = version;
                return people_written(store, [&](PeopleWriter& rows) { return rows.update_member(member); })
                    .has_value();
            };
        };
        CHECK(winners(race(adapter.one()), race(adapter.two())) == 1);
    }
}

// A rule that reads before it writes holds for both: no change of the other's comes between.
TEST_CASE_TEMPLATE_DEFINE("people: of two owners that leave at once one stays", Adapter, people_last_owner) {
    Adapter adapter;
    for (int round = 0; round < 10; ++round) {
        const std::string a = "a" + std::to_string(round), b = "b" + std::to_string(round);
        const auto leave = [](PeopleStore& store, const std::string& id) {
            return people_written(store, [&](PeopleWriter& rows) -> Result<void> {
                const auto owners = rows.owners(default_org);
                if (!owners) return std::unexpected(owners.error());
                if (owners->size() < 2) return fail(ErrorCode::conflict, "the last one");
                auto member = rows.member("m" + id);
                if (!member) return std::unexpected(member.error());
                (*member)->removed = 5;
                return rows.update_member(**member);
            });
        };
        add_person(adapter.one(), a, Role::owner);
        add_person(adapter.two(), b, Role::owner);
        CHECK(winners([&] { return leave(adapter.one(), a).has_value(); },
                      [&] { return leave(adapter.two(), b).has_value(); }) == 1);
        const auto owners = people_read(adapter.one(), [](PeopleReader& rows) { return rows.owners(default_org); });
        REQUIRE(owners.size() == 1);
        done(people_written(adapter.one(), [&](PeopleWriter& rows) -> Result<void> {
            auto member = rows.member(owners[0].member);
            if (!member) return std::unexpected(member.error());
            (*member)->role = Role::member;
            return rows.update_member(**member);
        }));
    }
}

TEST_CASE_TEMPLATE_DEFINE("people: the feed tells what changed, in order, and what is gone", Adapter, people_feed) {
    Adapter adapter;
    ChangeFeed& feed = adapter.two().changes();
    const auto begin = head_of(feed);  // the default organisation is there from the start
    add_person(adapter.one(), "1");
    CHECK(changes_after(feed, begin) == std::vector<std::string>{"member/m1", "user/u1"});
    const auto seen = head_of(feed);
    done(people_written(adapter.two(), [](PeopleWriter& rows) -> Result<void> {
        auto member = rows.member("m1");
        if (!member) return std::unexpected(member.error());
        (*member)->removed = 5;
        return rows.update_member(**member);
    }));
    CHECK(changes_after(feed, seen) == std::vector<std::string>{"-member/m1"});
    const auto restrictions = people_read(adapter.one(), [](PeopleReader& rows) { return rows.restrictions(); });
    CHECK(restrictions.blocked == UserSet{"m1"});
    const auto was = people_read(adapter.one(), [](PeopleReader& rows) { return rows.membership(default_org, "u1"); });
    REQUIRE(was.has_value());
    CHECK(was->removed == 5);
    CHECK(people_read(adapter.one(), [](PeopleReader& rows) { return rows.memberships("u1"); }).empty());
}

#define LURUS_PEOPLE_STORE_SUITE(adapter)                       \
    TEST_CASE_TEMPLATE_INVOKE(people_round_trip, adapter);      \
    TEST_CASE_TEMPLATE_INVOKE(people_all_or_nothing, adapter);  \
    TEST_CASE_TEMPLATE_INVOKE(people_compare_and_set, adapter); \
    TEST_CASE_TEMPLATE_INVOKE(people_last_owner, adapter);      \
    TEST_CASE_TEMPLATE_INVOKE(people_feed, adapter)

}  // namespace lurus::test
