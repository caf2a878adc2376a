// Organisations and who belongs to them: what is of another organisation is not there.
#include "modules/identity/people/directory.hpp"

#include "fixture.hpp"

namespace directory_test {

using namespace lurus;
using namespace lurus::identity;
using lurus::test::IdentityStores;
using lurus::test::SetClock;
using lurus::test::TempFolder;

namespace {

struct Book {
    TempFolder folder;
    SetClock clock;
    IdentityStores stores{folder.path / "lurus.db"};
    std::unique_ptr<Directory> directory = open();

    std::unique_ptr<Directory> open() { return std::make_unique<Directory>(*stores.people, clock); }
    User user(const std::string& email, const std::string& org = std::string(default_org), Role role = Role::member) {
        NewUser wanted;
        wanted.email = email;
        wanted.status = UserStatus::active;
        wanted.org = org;
        wanted.role = role;
        auto made = directory->create(wanted);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        return *made;
    }
    Result<Principal> asks(const User& user, const std::string& org = "") {
        Principal who;
        who.kind = Principal::Kind::user;
        who.user = user.id;
        return directory->in_organisation(who, org);
    }
};

ErrorCode code_of(const auto& result) {
    REQUIRE_FALSE(result.has_value());
    return result.error().code;
}

}  // namespace

TEST_CASE_FIXTURE(Book, "the default organisation is there, and stays") {
    const auto all = directory->orgs();
    REQUIRE(all);
    REQUIRE(all->size() == 1);
    CHECK(all->front().id == default_org);
    CHECK(code_of(directory->remove_org(default_org)) == ErrorCode::conflict);
    CHECK(code_of(directory->create_org("Not A Name")) == ErrorCode::invalid_argument);
    CHECK(code_of(directory->create_org("default")) == ErrorCode::conflict);
}

TEST_CASE_FIXTURE(Book, "the setup link makes one owner, once, for a day") {
    CHECK_FALSE(*directory->has_owner());
    const auto first = directory->new_setup_token();
    const auto second = directory->new_setup_token();
    REQUIRE(second);
    CHECK(code_of(directory->make_owner(*first, "ann@example.com", "Ann")) == ErrorCode::permission_denied);
    clock.time += 24ll * 3600 * 1'000'000;
    CHECK(code_of(directory->make_owner(*second, "ann@example.com", "Ann")) == ErrorCode::permission_denied);
    const auto third = directory->new_setup_token();
    const auto ann = directory->make_owner(*third, "Ann@Example.com", "Ann");
    REQUIRE(ann);
    CHECK(ann->email == "ann@example.com");
    CHECK(*directory->has_owner());
    CHECK(code_of(directory->make_owner(*third, "bob@example.com", "Bob")) == ErrorCode::permission_denied);
    CHECK(code_of(directory->new_setup_token()) == ErrorCode::conflict);
    const auto who = asks(*ann);
    REQUIRE(who);
    CHECK(who->may(Permission::operate));
    const auto member = directory->member(who->member);
    REQUIRE(member);
    CHECK(code_of(directory->remove_member(*member)) == ErrorCode::conflict);
    CHECK(code_of(directory->change_member(*member, Role::admin, std::nullopt)) == ErrorCode::conflict);
    CHECK(code_of(directory->set_role(default_org, ann->id, Role::viewer)) == ErrorCode::conflict);
}

TEST_CASE_FIXTURE(Book, "what is of another organisation answers as what is missing") {
    const auto acme = directory->create_org("acme");
    REQUIRE(acme);
    const User ann = user("ann@example.com");
    const User bob = user("bob@example.com", acme->id, Role::owner);
    const auto missing = asks(ann, "nowhere"), foreign = asks(ann, "acme"), by_id = asks(ann, acme->id);
    CHECK(code_of(missing) == ErrorCode::not_found);
    CHECK(code_of(foreign) == ErrorCode::not_found);
    CHECK(foreign.error().message == missing.error().message);
    CHECK(by_id.error().message == missing.error().message);

    const auto of_bob = asks(bob);
    REQUIRE(of_bob);
    CHECK(of_bob->org == acme->id);
    CHECK_FALSE(of_bob->may(Permission::operate));  // owns an organisation, not the installation
    CHECK(of_bob->may(Permission::change_organisation));
    const auto there = directory->member_of(acme->id, MemberKind::user, of_bob->member);
    CHECK(there);
    const auto not_here = directory->member_of(default_org, MemberKind::user, of_bob->member);
    CHECK(code_of(not_here) == ErrorCode::not_found);
    CHECK(code_of(directory->member_of(default_org, MemberKind::user, "bob@example.com")) == ErrorCode::not_found);

    const auto team = directory->create_team(acme->id, "core");
    REQUIRE(team);
    CHECK(directory->create_team(default_org, "core"));
    CHECK(code_of(directory->create_team(acme->id, "core")) == ErrorCode::conflict);
    CHECK(code_of(directory->team(default_org, team->id)) == ErrorCode::not_found);
    CHECK(directory->add_to_team(*team, of_bob->member)->members == std::vector{of_bob->member});
    CHECK(directory->teams_of(of_bob->member) == std::vector{team->id});

    REQUIRE(directory->remove_org(acme->id));
    CHECK(code_of(asks(bob, "acme")) == ErrorCode::not_found);
    const auto nowhere = asks(bob);
    REQUIRE(nowhere);
    for (int i = 1; i < permission_count; ++i) {
        const auto permission = static_cast<Permission>(i);
        CHECK(nowhere->may(permission) == (permission == Permission::signed_in));
    }
}

TEST_CASE_FIXTURE(Book, "adding somebody who is known elsewhere looks like adding somebody new") {
    const auto acme = directory->create_org("acme");
    user("ann@example.com");
    const auto known = directory->add_member(acme->id, "ann@example.com", Role::member);
    const auto fresh = directory->add_member(acme->id, "new@example.com", Role::member);
    REQUIRE(known);
    REQUIRE(fresh);
    CHECK(known->created == fresh->created);
    CHECK(known->disabled == fresh->disabled);
    CHECK(code_of(directory->add_member(acme->id, "ANN@example.com", Role::admin)) == ErrorCode::conflict);
    CHECK(directory->find_by_email("NEW@example.com")->status == UserStatus::invited);

    const auto page = directory->members(acme->id, MemberKind::user, "", 1);
    REQUIRE(page->size() == 1);
    CHECK(page->front().name == "ann@example.com");
    const auto next = directory->members(acme->id, MemberKind::user, page->front().name, 10);
    REQUIRE(next->size() == 1);
    CHECK(next->front().name == "new@example.com");
}

TEST_CASE_FIXTURE(Book, "who is disabled, removed or erased is nobody") {
    const User ann = user("ann@example.com");
    const auto member = directory->member(asks(ann)->member);
    REQUIRE(directory->change_member(*member, std::nullopt, true));
    CHECK(asks(ann)->org.empty());
    REQUIRE(directory->change_member(*member, std::nullopt, false));
    CHECK(asks(ann)->org == default_org);
    REQUIRE(directory->set_status(ann.id, UserStatus::disabled));
    CHECK(code_of(asks(ann)) == ErrorCode::unauthenticated);
    REQUIRE(directory->set_status(ann.id, UserStatus::active));

    REQUIRE(directory->remove_member(*member));
    CHECK(asks(ann)->org.empty());
    CHECK(directory->set_role(default_org, ann.id, Role::admin)->id == member->id);  // comes back as the same member

    std::vector<std::string> erased;
    directory->on_erase([&](std::string_view id) { erased.emplace_back(id); });
    REQUIRE(directory->erase(ann.id));
    CHECK(erased == std::vector{ann.id});
    CHECK(code_of(asks(ann)) == ErrorCode::unauthenticated);
    CHECK(code_of(directory->find_by_email("ann@example.com")) == ErrorCode::not_found);
    CHECK(directory->find(ann.id)->email.empty());
    CHECK(directory->member_ids(default_org) == std::vector{member->id});  // records stay attributable
    CHECK(code_of(directory->set_status(ann.id, UserStatus::active)) == ErrorCode::not_found);
    user("ann@example.com");  // the address is free again
}

TEST_CASE_FIXTURE(Book, "a service account acts in its organisation only") {
    const auto acme = directory->create_org("acme");
    const auto bot = directory->add_service(acme->id, "ci", Role::member);
    REQUIRE(bot);
    CHECK(directory->add_service(default_org, "ci", Role::member));
    CHECK(code_of(directory->add_service(acme->id, "ci", Role::member)) == ErrorCode::conflict);
    Principal who;
    who.kind = Principal::Kind::service;
    who.member = bot->id;
    const auto there = directory->in_organisation(who, "");
    REQUIRE(there);
    CHECK(there->org == acme->id);
    CHECK(there->may(Permission::change_keys));
    who.scope = bit_of(Permission::read_keys);
    CHECK_FALSE(directory->in_organisation(who, "")->may(Permission::change_keys));
    CHECK(code_of(directory->in_organisation(who, "default")) == ErrorCode::not_found);
    REQUIRE(directory->remove_member(*bot));
    CHECK(code_of(directory->in_organisation(who, "")) == ErrorCode::unauthenticated);
}

TEST_CASE_FIXTURE(Book, "everything is there after a restart") {
    const User ann = user("ann@example.com");
    const auto before = asks(ann);
    directory.reset();
    directory = open();
    CHECK(asks(ann)->member == before->member);
}

}  // namespace directory_test
