#pragma once
// Two organisations with somebody of each role in both, over a running control plane.

#include <doctest/doctest.h>
#include <spdlog/spdlog.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/wiring.hpp"
#include "core/http/api_route.hpp"
#include "core/os/files.hpp"
#include "tests/unit/scratch.hpp"

namespace lurus::test {

using Json = nlohmann::json;

struct Answer {
    int status = 0;
    std::string text;
    [[nodiscard]] Json json() const { return text.empty() ? Json() : Json::parse(text, nullptr, false); }
};

struct Tenant {
    std::string name;  // also in the name of everything that is the tenant's: nobody else may ever read it
    std::string org;
    std::string key, shared_key, team, member, service, trace,
        record;  // ids; the first, `trace` and `record` are of `member`
};

struct Actor {
    std::string name;
    const Tenant* tenant = nullptr;  // null: of none
    Role role = Role::viewer;
    Principal::Kind kind = Principal::Kind::anonymous;
    std::string authorization;
    [[nodiscard]] bool is_user() const { return kind == Principal::Kind::user; }
};

struct World {
    Scratch scratch;
    std::shared_ptr<spdlog::logger> before = spdlog::default_logger();
    std::unique_ptr<control::ControlPlane> plane;
    std::string admin;  // the header that opens everything
    Tenant home{.name = "homestead", .org = std::string(default_org)};
    Tenant acme{.name = "acme-labs"};
    std::vector<Actor> actors;

    World() {
        spdlog::set_default_logger(std::make_shared<spdlog::logger>("quiet"));
        config::Environment environment;
        environment.working_dir = scratch.dir();
        environment.folders.system_config = scratch.dir() / "none";
        environment.folders.system_data = scratch.dir() / "data";
        scratch.write("lurus.toml", "[default]\n");
        const auto load = [environment] { return config::load_config({}, environment); };
        auto config = load();
        REQUIRE_MESSAGE(config.has_value(), (config ? "" : config.error().message));
        auto opened = app::open_control_plane(*config, control::Use::server, load, system_clock());
        REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
        plane = *std::move(opened);
        auto token = read_file(scratch.dir() / "data" / "admin.token");
        REQUIRE(token.has_value());
        token->pop_back();
        admin = "Bearer " + *token;
        acme.org = must("POST", "/api/v1/orgs", Json{{"name", acme.name}}).at("id");
        actors.push_back({"anonymous"});
        actors.push_back({"admin token", nullptr, Role::owner, Principal::Kind::admin_token, admin});
        settle(home);
        settle(acme);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() {
        plane.reset();
        spdlog::set_default_logger(before);
    }

    Answer ask(const std::string& authorization, const std::string& method, const std::string& target,
               const Json& body = nullptr) const {
        ApiCall call;
        call.request.method = method;
        call.request.body = body.is_null() ? "" : body.dump();
        call.request.remote_address = "192.0.2.1";
        call.target = target;
        call.authorization = authorization;
        const auto response = whole_response(plane->handle(call));
        REQUIRE_MESSAGE(response.has_value(), (response ? "" : response.error().message));
        return {response->status, response->body};
    }
    Json must(const std::string& method, const std::string& target, const Json& body) const {
        const auto answer = ask(admin, method, target, body);
        REQUIRE_MESSAGE(answer.status < 300, method << " " << target << ": " << answer.text);
        return answer.json();
    }
    /// A fresh key of the tenant's member.
    std::string new_key(const Tenant& tenant, const std::string& member) const {
        static int number = 0;
        return must("POST", "/api/v1/keys?org=" + tenant.org,
                    {{"name", tenant.name + " key " + std::to_string(++number)}, {"user", member}})
            .at("id");
    }

private:
    void settle(Tenant& tenant) {
        const std::string here = "?org=" + tenant.org;
        for (const Role role : {Role::viewer, Role::member, Role::admin, Role::owner}) {
            const std::string email = std::string(name_of(role)) + "@" + tenant.name + ".example";
            const auto made = must("POST", "/api/v1/members" + here, {{"email", email}, {"role", name_of(role)}});
            const auto link = must("POST", "/api/v1/auth/password/reset-link", {{"email", email}});
            constexpr const char* password = "blue tractor on a hill";
            REQUIRE(ask("", "POST", "/api/v1/auth/password/reset/confirm",
                        {{"token", link.at("token")}, {"new_password", password}})
                        .status == 204);
            const auto signed_in = ask("", "POST", "/api/v1/auth/login", {{"email", email}, {"password", password}});
            REQUIRE_MESSAGE(signed_in.status == 200, signed_in.text);
            actors.push_back({std::string(name_of(role)) + " of " + tenant.name, &tenant, role, Principal::Kind::user,
                              "Bearer " + signed_in.json().at("access_token").get<std::string>()});
            if (role == Role::member) tenant.member = made.at("id");
        }
        tenant.service = must("POST", "/api/v1/service-accounts" + here, {{"name", tenant.name + " robot"}}).at("id");
        const std::string acting =
            must("POST", "/api/v1/service-accounts" + here, {{"name", tenant.name + " acting robot"}}).at("id");
        std::vector<std::string> scope;
        for (int i = 1; i < permission_count; ++i) scope.emplace_back(name_of(static_cast<Permission>(i)));
        const auto token = must("POST", "/api/v1/auth/service-token", {{"service_account", acting}, {"scope", scope}});
        actors.push_back({"service of " + tenant.name, &tenant, Role::member, Principal::Kind::service,
                          "Bearer " + token.at("access_token").get<std::string>()});
        tenant.team = must("POST", "/api/v1/teams" + here, {{"name", tenant.name + " team"}}).at("id");
        tenant.key = new_key(tenant, tenant.member);
        tenant.shared_key =
            must("POST", "/api/v1/keys" + here, {{"name", tenant.name + " shared"}, {"user", nullptr}}).at("id");
        RequestRecord record;
        record.trace_id = *Id::parse(*random_hex(16));
        record.time = system_clock().now();
        record.record_id = IdGenerator().at(record.time);
        record.key = tenant.name + " key";
        record.model = tenant.name + " model";
        record.user = tenant.member;
        tenant.trace = record.trace_id.hex();
        tenant.record = record.record_id.hex();
        plane->log().append(std::move(record), 0, nullptr);
        REQUIRE(plane->log().flush(5000).has_value());
    }
};

}  // namespace lurus::test
