// The people behind the memberships: for whoever operates the installation, and each for themselves.
#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"
#include "modules/identity/keys/key_json.hpp"
#include "modules/identity/routes.hpp"

namespace lurus::identity {
namespace {

struct People {
    Directory& directory;
    Keys& keys;

    [[nodiscard]] Result<User> named(const ApiRequest& request) const {
        const auto& called = request.params.at("id");
        auto user = directory.find_called(called);
        if (user || user.error().code != ErrorCode::not_found) return user;
        return std::unexpected(directory.no_such_user(called));
    }

    [[nodiscard]] ApiResponse list(const ApiRequest& request) const {
        const auto page = page_from(request.query);
        if (!page) return problem(page.error());
        auto all = directory.list();
        if (!all) return problem(all.error());
        const std::string wanted = query_of(request, "q").value_or("");
        std::erase_if(*all, [&](const User& user) {
            if (user.status == UserStatus::erased || user.email <= page->cursor) return true;
            return user.email.find(wanted) == std::string::npos && user.name.find(wanted) == std::string::npos;
        });
        return page_answer(
            *all, page->limit, [&](const User& user) { return json_of(user); },
            [](const User& user) { return user.email; });
    }
    [[nodiscard]] ApiResponse show(const ApiRequest& request) const {
        const auto user = named(request);
        return answer(user);
    }
    [[nodiscard]] static ApiResponse answer(const Result<User>& user) {
        return user ? versioned_answer(200, json_of(*user), user->version) : problem(user.error());
    }
    [[nodiscard]] ApiResponse change(const ApiRequest& request) const {
        const auto user = named(request);
        if (!user) return problem(user.error());
        const auto body = object_from(request.body, {"disabled"});
        if (!body) return problem(body.error());
        const auto disabled = flag_of(*body, "disabled");
        if (!disabled) return problem(disabled.error());
        if (!*disabled) return problem(400, "`disabled` is missing");
        if (**disabled == (user->status == UserStatus::disabled)) return answer(user);
        const auto status = **disabled ? UserStatus::disabled : UserStatus::active;
        if (auto done = directory.change_status(user->id, status, request.if_version); !done)
            return problem(done.error());
        return answer(directory.find(user->id));
    }
    [[nodiscard]] ApiResponse erase(const ApiRequest& request) const {
        const auto user = named(request);
        if (!user) return problem(user.error());
        const auto done = directory.erase_user(user->id, request.if_version);
        return done ? no_content() : problem(done.error());
    }
    [[nodiscard]] ApiResponse exported(const Result<User>& user) const {
        if (!user) return problem(user.error());
        const auto all = export_of(directory, keys, *user);
        return all ? json_answer(200, *all) : problem(all.error());
    }
    [[nodiscard]] ApiResponse export_one(const ApiRequest& request) const { return exported(named(request)); }
};

}  // namespace

ApiResponse versioned_answer(int status, const nlohmann::ordered_json& body, std::int64_t version) {
    ApiResponse answer = json_answer(status, body);
    answer.version = version;
    return answer;
}

nlohmann::ordered_json json_of(const User& user) {
    return {{"id", user.id},
            {"email", user.email},
            {"name", user.name},
            {"status", name_of(user.status)},
            {"email_verified", user.email_verified},
            {"created", format_time(user.created)}};
}

std::string user_schema() {
    return R"({"type":"object","required":["id","email","name","status","email_verified","created"],"properties":{)"
           R"("id":{"type":"string"},"email":{"type":"string"},"name":{"type":"string"},)"
           R"("status":{"enum":["invited","active","disabled"]},"email_verified":{"type":"boolean"},)"
           R"("created":{"type":"string","format":"date-time"}}})";
}

Result<nlohmann::ordered_json> export_of(Directory& directory, Keys& keys, const User& user) {
    const auto memberships = directory.memberships(user.id);
    if (!memberships) return std::unexpected(memberships.error());
    const UnixMicros now = keys.clock().now();
    const auto snapshot = keys.snapshot();
    nlohmann::ordered_json out;
    out["exported"] = format_time(now);
    out["user"] = json_of(user);
    out["memberships"] = nlohmann::ordered_json::array();
    for (const auto& member : *memberships) {
        nlohmann::ordered_json shown = json_of(member);
        shown["org_name"] = member.org_name;
        shown["teams"] = nlohmann::ordered_json::array();
        const auto teams = directory.teams_of(member.id);
        if (!teams) return std::unexpected(teams.error());
        for (const auto& id : *teams) {
            const auto team = directory.team(member.org, id);
            if (team) shown["teams"].push_back({{"id", id}, {"name", team->name}});
        }
        shown["keys"] = nlohmann::ordered_json::array();
        for (const auto& key : snapshot->all()) {
            if (key.user == member.id) shown["keys"].push_back(json_of(key, member.name, now));
        }
        out["memberships"].push_back(std::move(shown));
    }
    return out;
}

std::vector<ApiRoute> user_routes(Directory& directory, Keys& keys) {
    const People people{directory, keys};
    std::vector<ApiRoute> routes;
    const auto add = [&](const char* method, const char* path, const char* id, const char* summary,
                         ApiResponse (People::*handler)(const ApiRequest&) const) {
        routes.push_back(route_of(Permission::operate, method, path, id, summary,
                                  [people, handler](const ApiRequest& request) { return (people.*handler)(request); }));
        routes.back().response_schema = user_schema();
    };
    add("GET", "/api/v1/users", "listUsers", "Everybody who can sign in, of all organisations", &People::list);
    routes.back().query = page_params();
    routes.back().query.push_back({"q", R"({"type":"string"})", "text in the address or name"});
    routes.back().response_schema = page_schema(user_schema());
    add("GET", "/api/v1/users/{id}", "getUser", "One user, by id or address; a membership's id will do", &People::show);
    routes.back().resource.kind = "User";
    add("PATCH", "/api/v1/users/{id}", "changeUser", "Disable a user everywhere, or enable them again",
        &People::change);
    routes.back().request_schema =
        R"({"type":"object","required":["disabled"],"additionalProperties":false,"properties":{"disabled":{"type":"boolean"}}})";
    add("DELETE", "/api/v1/users/{id}", "eraseUser",
        "Erase a user: address, name, credentials and keys go; records keep an id that means nobody", &People::erase);
    routes.back().success = 204;
    routes.back().response_schema.clear();
    add("GET", "/api/v1/users/{id}/export", "exportUser", "All that is kept of a user, for them", &People::export_one);
    routes.back().person_export.person = true;
    routes.back().response_schema = R"({"type":"object"})";
    return routes;
}

}  // namespace lurus::identity
