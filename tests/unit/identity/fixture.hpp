#pragma once

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "../in_force.hpp"
#include "../stores.hpp"
#include "../world.hpp"
#include "lurus/identity.hpp"
#include "modules/identity/people/directory.hpp"

namespace lurus::test {

struct Fixture {
    TempFolder folder;
    SetClock clock;
    IdentityStores stores{folder.path / "lurus.db"};
    std::unique_ptr<Identity> identity = open();

    std::unique_ptr<Identity> open(const std::string& prefix = "cr_") {
        IdentitySettings settings;
        settings.key_prefix = prefix;
        auto made = make_identity(settings, *stores.keys, *stores.people, clock);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        return *std::move(made);
    }

    CreatedKey create(const std::string& name) {
        NewKey wanted;
        wanted.name = name;
        auto made = identity->create_key(wanted);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        return *std::move(made);
    }

    ApiResponse call(const std::string& method, const std::string& pattern, const std::string& body = {},
                     const std::string& id = {}) {
        Principal everything;
        everything.kind = Principal::Kind::admin_token;
        everything.role = Role::owner;
        return call_as(everything, method, pattern, body, id);
    }
    /// `target` is a route's path, with a query where one is wanted. 403 when the route's permission is missing.
    ApiResponse call_as(const Principal& who, const std::string& method, const std::string& target,
                        const std::string& body = {}, const std::string& id = {}, const std::string& other = {}) {
        const auto question = target.find('?');
        const std::string pattern = target.substr(0, question);
        for (const auto& route : identity->api()) {
            if (route.method != method || route.path != pattern) continue;
            ApiRequest request;
            request.method = method;
            request.path = pattern;
            request.params["id"] = id;
            request.params["member"] = other;
            for (std::size_t at = question; at != std::string::npos;) {
                const auto end = target.find('&', ++at);
                const std::string pair = target.substr(at, end - at);
                request.query[pair.substr(0, pair.find('='))] = pair.substr(pair.find('=') + 1);
                at = end;
            }
            request.body = body;
            request.principal = who;
            ApiResponse refused;
            refused.status = 403;
            return who.may(route.permission) ? route.handler(request) : refused;
        }
        FAIL("no route " << method << " " << pattern);
        return {};
    }
};

/// People of several organisations over the same file.
struct People : Fixture {
    identity::Directory& directory = dynamic_cast<identity::Directory&>(identity->users());

    std::string org(const std::string& name) {
        auto made = directory.create_org(name);
        REQUIRE(made.has_value());
        return made->id;
    }
    Principal person(const std::string& email, Role role, const std::string& org = std::string(default_org)) {
        NewUser wanted;
        wanted.email = email;
        wanted.status = UserStatus::active;
        wanted.org = org;
        wanted.role = role;
        auto made = directory.create(wanted);
        REQUIRE_MESSAGE(made.has_value(), (made ? "" : made.error().message));
        Principal who;
        who.kind = Principal::Kind::user;
        who.user = made->id;
        return *directory.in_organisation(who, org);
    }
    nlohmann::json make_key(const Principal& who, const std::string& body) {
        const auto made = call_as(who, "POST", "/api/v1/keys", body);
        REQUIRE_MESSAGE(made.status == 201, made.body);
        return nlohmann::json::parse(made.body);
    }
    std::vector<std::string> names(const Principal& who, const std::string& query = "") {
        const auto listed = call_as(who, "GET", "/api/v1/keys" + query);
        REQUIRE_MESSAGE(listed.status == 200, listed.body);
        std::vector<std::string> out;
        const auto body = nlohmann::json::parse(listed.body);
        for (const auto& key : body.at("data")) out.push_back(key.at("name"));
        return out;
    }
    /// Whether a client could use this value now.
    bool usable(const nlohmann::json& key) {
        const auto snapshot = identity->snapshot();
        const auto* found = snapshot->find(key.at("key").get<std::string>());
        return found != nullptr && found->usable_at(clock.now());
    }
};

inline ConfiguredKey configured(const std::string& name, const std::string& value) {
    ConfiguredKey key;
    key.name = name;
    key.value = Secret(value);
    return key;
}

}  // namespace lurus::test
