// Every route of the running control plane for every role, on one's own and on another organisation's things. A route
// that is not in the table below, and a line without its route, fail.
#include <set>

#include "tests/unit/control/authorization_world.hpp"

using namespace lurus;
using namespace lurus::test;

namespace {

/// Whose is what a route is asked for?
enum class Whose : std::uint8_t {
    nobodys,       // a list, oneself, or nothing in particular: never shows anything of another organisation
    everybodys,    // what all organisations share
    tenants,       // one organisation's: not there for the others
    members,       // one member's: not there for others but the organisation's admins
    installation,  // one organisation's or user's, for whoever operates all of them
};

struct Line {
    const char* operation;
    Whose whose;
    /// What stands for each of the path's parameters; empty = nothing that exists.
    std::string Tenant::* id = nullptr;
    /// What is asked; null = a body that no route takes, so that nothing happens.
    Json (*body)(const Tenant&) = nullptr;
    bool people_only = false;  // of a person's own account: not for tokens of services
    bool consumes = false;     // what it was asked for is gone then
};

const auto nothing = [](const Tenant&) { return Json(); };
const auto empty = [](const Tenant&) { return Json::object(); };

const Line lines[] = {
    // Keys and records: each member's own.
    {"listKeys", Whose::nobodys},
    {"listLimits", Whose::nobodys},
    {"createKey", Whose::nobodys},
    {"getKey", Whose::members, &Tenant::key},
    {"changeKey", Whose::members, &Tenant::key, [](const Tenant&) { return Json{{"note", "n"}}; }},
    {"rotateKey", Whose::members, &Tenant::key, empty},
    {"listKeyVersions", Whose::members, &Tenant::key},
    {"undoKey", Whose::members, &Tenant::key, empty},
    {"revokeKey", Whose::members, &Tenant::key, nothing, false, true},
    {"listLogs", Whose::nobodys},
    {"followLogs", Whose::nobodys},
    {"getUsage", Whose::nobodys},
    {"getStatistics", Whose::nobodys},
    {"getRecord", Whose::members, &Tenant::record},
    {"getTrace", Whose::members, &Tenant::trace},
    // People: the organisation's.
    {"listMembers", Whose::nobodys},
    {"addMember", Whose::nobodys},
    {"getMember", Whose::tenants, &Tenant::member},
    {"changeMember", Whose::tenants, &Tenant::member, [](const Tenant&) { return Json{{"role", "member"}}; }},
    {"listMemberVersions", Whose::tenants, &Tenant::member},
    {"undoMember", Whose::tenants, &Tenant::member, empty},
    {"removeMember", Whose::tenants, &Tenant::member, nothing, false, true},
    {"listServiceAccounts", Whose::nobodys},
    {"addServiceAccount", Whose::nobodys},
    {"getServiceAccount", Whose::tenants, &Tenant::service},
    {"changeServiceAccount", Whose::tenants, &Tenant::service, [](const Tenant&) { return Json{{"role", "member"}}; }},
    {"listServiceAccountVersions", Whose::tenants, &Tenant::service},
    {"undoServiceAccount", Whose::tenants, &Tenant::service, empty},
    {"removeServiceAccount", Whose::tenants, &Tenant::service, nothing, false, true},
    {"listTeams", Whose::nobodys},
    {"createTeam", Whose::nobodys},
    {"getTeam", Whose::tenants, &Tenant::team},
    {"changeTeam", Whose::tenants, &Tenant::team, [](const Tenant& t) { return Json{{"name", t.name + " team"}}; }},
    {"listTeamVersions", Whose::tenants, &Tenant::team},
    {"undoTeam", Whose::tenants, &Tenant::team, empty},
    {"removeTeam", Whose::tenants, &Tenant::team, nothing, false, true},
    {"addToTeam", Whose::tenants, &Tenant::team, nothing},
    {"takeFromTeam", Whose::tenants, &Tenant::team, nothing, false, true},
    {"listOrganisations", Whose::nobodys},
    {"createOrganisation", Whose::installation},
    {"getOrganisation", Whose::tenants, &Tenant::org},
    {"changeOrganisation", Whose::tenants, &Tenant::org},
    {"listOrganisationVersions", Whose::tenants, &Tenant::org},
    {"undoOrganisation", Whose::tenants, &Tenant::org, empty},
    {"removeOrganisation", Whose::installation},
    {"listAudit", Whose::nobodys},
    {"exportAudit", Whose::installation},
    {"verifyAudit", Whose::installation},
    {"listUsers", Whose::installation},
    {"getUser", Whose::installation},
    {"changeUser", Whose::installation},
    {"listUserVersions", Whose::installation},
    {"undoUser", Whose::installation},
    {"eraseUser", Whose::installation},
    {"exportUser", Whose::installation},
    {"getMe", Whose::nobodys},
    {"exportMe", Whose::nobodys, nullptr, nothing, true},
    {"listMyEvents", Whose::nobodys, nullptr, nothing, true},
    // Signing in.
    {"login", Whose::nobodys},
    {"refreshTokens", Whose::nobodys},
    {"logout", Whose::nobodys},
    {"listSessions", Whose::nobodys, nullptr, nothing, true},
    {"endSession", Whose::nobodys, nullptr, nothing, true},
    {"getSigningKeys", Whose::nobodys},
    {"rotateSigningKey", Whose::everybodys},
    {"checkSignIn", Whose::everybodys},
    {"createServiceToken", Whose::tenants, nullptr,
     [](const Tenant& t) { return Json{{"service_account", t.service}, {"scope", {"read_keys"}}}; }},
    {"listSignInMethods", Whose::nobodys},
    {"checkLink", Whose::nobodys},
    {"setUp", Whose::nobodys},
    {"changePassword", Whose::nobodys},
    {"askPasswordReset", Whose::nobodys},
    {"createPasswordReset", Whose::installation},
    {"resetPassword", Whose::nobodys},
    {"importPassword", Whose::installation},
    {"register", Whose::nobodys},
    {"verifyAddress", Whose::nobodys},
    {"invite", Whose::nobodys},
    {"acceptInvitation", Whose::nobodys},
    {"startOidc", Whose::nobodys},
    {"finishOidc", Whose::nobodys},
    {"getSecondFactor", Whose::nobodys, nullptr, nothing, true},
    {"enrolSecondFactor", Whose::nobodys},
    {"confirmSecondFactor", Whose::nobodys},
    {"removeSecondFactor", Whose::nobodys},
    {"resetSecondFactor", Whose::tenants, nullptr,
     [](const Tenant& t) { return Json{{"user", "member@" + t.name + ".example"}}; }},
    {"redeemSignInCode", Whose::nobodys},
    // The installation.
    {"listProviders", Whose::everybodys},
    {"addProvider", Whose::everybodys},
    {"getProvider", Whose::everybodys},
    {"putProvider", Whose::everybodys},
    {"changeProvider", Whose::everybodys},
    {"listProviderVersions", Whose::everybodys},
    {"undoProvider", Whose::everybodys},
    {"listAccounts", Whose::everybodys},
    {"createAccount", Whose::everybodys},
    {"getAccount", Whose::everybodys},
    {"updateAccount", Whose::everybodys},
    {"deleteAccount", Whose::everybodys},
    {"listAccountVersions", Whose::everybodys},
    {"listPriceVersions", Whose::everybodys},
    {"removeProvider", Whose::everybodys},
    {"testProvider", Whose::everybodys},
    {"fetchProviderModels", Whose::everybodys},
    {"getProviderModels", Whose::everybodys},
    {"listRoutes", Whose::everybodys},
    {"addRoute", Whose::everybodys},
    {"getRoute", Whose::everybodys},
    {"changeRoute", Whose::everybodys},
    {"listRouteVersions", Whose::everybodys},
    {"undoRoute", Whose::everybodys},
    {"removeRoute", Whose::everybodys},
    {"resolveModel", Whose::everybodys},
    {"listPresets", Whose::everybodys},
    {"listPrices", Whose::everybodys},
    {"importPrices", Whose::everybodys},
    {"quotePrice", Whose::everybodys},
    {"getPrice", Whose::everybodys},
    {"putPrice", Whose::everybodys},
    {"deletePrice", Whose::everybodys},
    {"getStats", Whose::everybodys},
    {"getStatus", Whose::everybodys},
    {"listFlags", Whose::everybodys},
    {"getFlag", Whose::everybodys},
    {"changeFlag", Whose::everybodys},
    {"listBackends", Whose::everybodys},
    {"getBackend", Whose::everybodys},
    {"setBackend", Whose::everybodys},
    {"getSync", Whose::everybodys},
    {"listNodes", Whose::everybodys},
    {"forgetNode", Whose::everybodys},
    {"listFlagVersions", Whose::everybodys},
    {"undoFlag", Whose::everybodys},
    {"getConfig", Whose::everybodys},
    {"reload", Whose::everybodys},
    {"getOpenApi", Whose::everybodys},
};

// Written down a second time on purpose: the program's own table is what is tested.
struct Need {
    Role least;
    bool shared = false;
};
const std::map<Permission, Need> needs = {
    {Permission::signed_in, {Role::viewer}},
    {Permission::read_models, {Role::viewer}},
    {Permission::read_records, {Role::viewer}},
    {Permission::read_keys, {Role::viewer}},
    {Permission::change_keys, {Role::member}},
    {Permission::read_people, {Role::admin}},
    {Permission::change_people, {Role::admin}},
    {Permission::read_limits, {Role::admin}},
    {Permission::change_limits, {Role::admin}},
    {Permission::read_audit, {Role::admin}},
    {Permission::read_organisation, {Role::viewer}},
    {Permission::change_organisation, {Role::owner}},
    {Permission::read_installation, {Role::admin, true}},
    {Permission::operate, {Role::owner, true}},
};

bool may(const Actor& actor, Permission permission, const World& world) {
    if (permission == Permission::anyone || actor.kind == Principal::Kind::admin_token) return true;
    if (actor.tenant == nullptr) return false;
    const Need need = needs.at(permission);
    return actor.role >= need.least && (!need.shared || actor.tenant == &world.home);
}

bool reaches(const Actor& actor, const Line& line, const Tenant& tenant, const World& world) {
    if (actor.kind == Principal::Kind::admin_token) return true;
    // Whoever operates the installation makes and removes organisations, so sees which there are.
    const bool operates = actor.tenant == &world.home && actor.role == Role::owner;
    if (line.id == &Tenant::org && operates) return true;
    if (line.whose == Whose::tenants) return actor.tenant == &tenant;
    if (line.whose != Whose::members) return true;
    return actor.tenant == &tenant && (actor.role >= Role::admin || (actor.role == Role::member && actor.is_user()));
}

std::string target_of(const ApiRoute& route, const Line& line, const Tenant& tenant, const std::string& id) {
    std::string target = route.path;
    for (bool first = true; target.find('{') != std::string::npos; first = false) {
        const auto open = target.find('{'), close = target.find('}', open);
        target.replace(open, close - open + 1, line.id == nullptr ? "absent" : first ? id : tenant.member);
    }
    return target;
}

/// Makes what the line asks for again, where it was used up.
void renew(const World& world, const Line& line, Tenant& tenant) {
    const std::string here = "?org=" + tenant.org;
    if (line.id == &Tenant::key) tenant.key = world.new_key(tenant, tenant.member);
    if (line.operation == std::string_view("takeFromTeam")) {
        world.must("PUT", "/api/v1/teams/" + tenant.team + "/members/" + tenant.member + here, nullptr);
    } else if (line.id == &Tenant::team)
        tenant.team = world.must("POST", "/api/v1/teams" + here, {{"name", tenant.name + " team"}}).at("id");
    if (line.id == &Tenant::service)
        tenant.service =
            world.must("POST", "/api/v1/service-accounts" + here, {{"name", tenant.name + " robot"}}).at("id");
    if (line.id == &Tenant::member)
        world.must("POST", "/api/v1/members" + here,
                   {{"email", "member@" + tenant.name + ".example"}, {"role", "member"}});
}

std::string without(std::string text, const std::string& what) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what)) text.replace(at, what.size(), "ID");
    return text;
}

void check(const World& world, const ApiRoute& route, const Line& line, const Actor& actor, Tenant& tenant) {
    const std::string id = line.id == nullptr ? "absent" : tenant.*line.id;
    const Json body = line.body != nullptr                                ? line.body(tenant)
                      : route.method == "GET" || route.method == "DELETE" ? Json()
                                                                          : Json{{"nonsense", true}};
    std::string target = target_of(route, line, tenant, id);
    if (actor.kind == Principal::Kind::admin_token) target += "?org=" + tenant.org;
    const Answer answer = world.ask(actor.authorization, route.method, target, body);
    CAPTURE(actor.name);
    CAPTURE(route.method);
    CAPTURE(target);
    const std::string begin = answer.text.substr(0, 400);
    CAPTURE(begin);
    const bool allowed = may(actor, route.permission, world);
    const bool own = reaches(actor, line, tenant, world);
    if (!allowed) {
        CHECK(answer.status == (actor.tenant == nullptr ? 401 : 403));
    } else if (line.people_only && !actor.is_user()) {
        CHECK(answer.status == 403);
    } else if (!own) {
        CHECK(answer.status == 404);
        if (line.id != nullptr) {
            const std::string absent = "00000000000000000000000000000bad";
            const Answer missing =
                world.ask(actor.authorization, route.method, target_of(route, line, tenant, absent), body);
            CHECK(without(answer.text, id) == without(missing.text, absent));
        }
    } else {
        CHECK(answer.status != 401);
        CHECK(answer.status != 403);
        CHECK(answer.status < 500);
        if (line.id != nullptr) CHECK(answer.status != 404);
        if (line.consumes && answer.status < 300) renew(world, line, tenant);
    }
    const Tenant& other = actor.tenant == &world.home ? world.acme : world.home;
    const bool operates = actor.tenant == &world.home && actor.role == Role::owner;
    const std::set<std::string> of_all = {"listOrganisations", "listAudit"};
    const bool sees_all =
        line.whose == Whose::installation || line.id == &Tenant::org || of_all.contains(route.operation_id);
    if (actor.tenant != nullptr && !(operates && sees_all)) {
        const bool shows_other = answer.text.find(other.name) != std::string::npos;
        CHECK_FALSE(shows_other);
    }
}

}  // namespace

TEST_CASE("the authorization matrix: every route, every role, one's own and another organisation's") {
    World world;
    std::map<std::string, const Line*> table;
    for (const auto& line : lines) CHECK_MESSAGE(table.emplace(line.operation, &line).second, line.operation);
    std::set<std::string> served;
    for (const auto& route : world.plane->dispatcher().routes()) {
        served.insert(route.operation_id);
        const auto line = table.find(route.operation_id);
        if (line == table.end()) {
            FAIL_CHECK("the route " << route.operation_id << " has no line in the table of whose things it shows");
            continue;
        }
        for (const auto& actor : world.actors) {
            for (Tenant* tenant : {&world.home, &world.acme}) check(world, route, *line->second, actor, *tenant);
        }
    }
    for (const auto& [operation, line] : table)
        CHECK_MESSAGE(served.contains(operation), operation << " is no route any more");
}

TEST_CASE("without a sign-in only what says `security: []` answers") {
    World world;
    const auto document = world.ask("", "GET", "/api/v1/openapi.json").json();
    std::set<std::string> open;
    for (const auto& [path, operations] : document.at("paths").items()) {
        for (const auto& [method, operation] : operations.items()) {
            if (operation.contains("security") && operation.at("security").empty())
                open.insert(operation.at("operationId"));
        }
    }
    for (const auto& route : world.plane->dispatcher().routes()) {
        CAPTURE(route.operation_id);
        std::string target = route.path;
        while (target.find('{') != std::string::npos)
            target.replace(target.find('{'), target.find('}') - target.find('{') + 1, "absent");
        const auto body = route.method == "GET" ? Json() : Json{{"nonsense", true}};
        CHECK((world.ask("", route.method, target, body).status != 401) == open.contains(route.operation_id));
    }
    CHECK(open.contains("login"));
    CHECK_FALSE(open.contains("listKeys"));
    CHECK(world.ask("", "GET", "/api/v1/absent").status == 401);
}
