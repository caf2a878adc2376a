// Who belongs to the principal's organisation, people and service accounts alike.
#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"
#include "modules/identity/routes.hpp"

namespace lurus::identity {
namespace {

constexpr std::string_view role_schema = R"({"enum":["viewer","member","admin","owner"]})";

std::string body_schema(std::string_view required, std::string_view own) {
    return R"({"type":"object","additionalProperties":false,)" + std::string(required) + R"("properties":{)" +
           std::string(own) + R"(,"role":)" + std::string(role_schema) + "}}";
}

struct Members {
    Directory& directory;
    MemberKind kind;

    [[nodiscard]] Result<Member> named(const ApiRequest& request) const {
        const auto& called = request.params.at("id");
        auto member = directory.member_of(request.principal.home(), kind, called);
        if (member || member.error().code != ErrorCode::not_found) return member;
        return std::unexpected(directory.no_such_member(request.principal.home(), kind, called));
    }

    [[nodiscard]] ApiResponse list(const ApiRequest& request) const {
        const auto page = page_from(request.query);
        if (!page) return problem(page.error());
        const auto found = directory.members(request.principal.home(), kind, page->cursor, page->limit + 1);
        if (!found) return problem(found.error());
        return page_answer(
            *found, page->limit, [&](const Member& member) { return json_of(member); },
            [](const Member& member) { return member.name; });
    }

    [[nodiscard]] ApiResponse add(const ApiRequest& request) const {
        const char* field = kind == MemberKind::user ? "email" : "name";
        const auto body = object_from(request.body, {field, "role"});
        if (!body) return problem(body.error());
        const auto called = required_text_of(*body, field);
        if (!called) return problem(called.error());
        const auto role = role_from(*body, request.principal);
        if (!role) return problem(role.error());
        const auto org = request.principal.home();
        const auto made = kind == MemberKind::user ? directory.add_member(org, *called, role->value_or(Role::member))
                                                   : directory.add_service(org, *called, role->value_or(Role::member));
        return answer(201, made);
    }

    [[nodiscard]] ApiResponse show(const ApiRequest& request) const {
        const auto member = named(request);
        return answer(200, member);
    }

    [[nodiscard]] static ApiResponse answer(int status, const Result<Member>& member) {
        return member ? versioned_answer(status, json_of(*member), member->version) : problem(member.error());
    }

    [[nodiscard]] ApiResponse change(const ApiRequest& request) const {
        const auto member = named(request);
        if (!member) return problem(member.error());
        const auto body = limited_body_from(request, {"role", "disabled"}, Permission::change_limits);
        if (!body) return problem(body.error());
        const auto role = role_from(body->fields, request.principal);
        if (!role) return problem(role.error());
        const auto disabled = flag_of(body->fields, "disabled");
        if (!disabled) return problem(disabled.error());
        const auto changed = directory.change_member(*member, *role, *disabled, body->change, request.if_version,
                                                     request.principal.role);
        return answer(200, changed);
    }

    [[nodiscard]] ApiResponse remove(const ApiRequest& request) const {
        const auto member = named(request);
        if (!member) return problem(member.error());
        const auto done = directory.remove_member(*member, request.if_version, request.principal.role);
        return done ? no_content() : problem(done.error());
    }
};

}  // namespace

nlohmann::ordered_json json_of(const Member& member) {
    nlohmann::ordered_json out;
    out["id"] = member.id;
    if (!member.user.empty()) out["user"] = member.user;
    out[member.user.empty() ? "name" : "email"] = member.name;
    out["org"] = member.org;
    out["role"] = name_of(member.role);
    out["disabled"] = member.disabled;
    out["created"] = format_time(member.created);
    add_limits(out, member.limits);
    add_models(out, member.models);
    return out;
}

std::string member_schema() {
    return R"({"type":"object","required":["id","org","role","disabled","created",)" + required_limits_schema() + "," +
           required_models_schema() +
           R"(],"properties":{)"
           R"("id":{"type":"string"},"user":{"type":"string"},"email":{"type":"string"},"name":{"type":"string"},)"
           R"("org":{"type":"string"},"role":)" +
           std::string(role_schema) +
           R"(,"disabled":{"type":"boolean"},"created":{"type":"string","format":"date-time"},)" +
           shown_limits_schema() + "," + shown_models_schema() + "}}";
}

Result<std::optional<Role>> role_from(const nlohmann::json& body, const Principal& principal) {
    const auto name = text_of(body, "role");
    if (!name) return std::unexpected(name.error());
    if (!*name) return std::nullopt;
    const auto role = lurus::role_from(**name);
    if (!role) return std::unexpected(wrong_field("role", "`viewer`, `member`, `admin` or `owner`"));
    if (auto ok = principal.check_gives(*role); !ok) return std::unexpected(ok.error());
    return role;
}

std::vector<ApiRoute> member_routes(Directory& directory) {
    struct Texts {
        MemberKind kind;
        const char *path, *one, *many, *what;
    };
    std::vector<ApiRoute> routes;
    for (const Texts& texts :
         {Texts{MemberKind::user, "/api/v1/members", "Member", "Members", "member of the organisation"},
          Texts{MemberKind::service, "/api/v1/service-accounts", "ServiceAccount", "ServiceAccounts",
                "service account"}}) {
        const Members members{directory, texts.kind};
        const auto add = [&](Permission needed, const char* method, const std::string& rest, const std::string& id,
                             const std::string& summary, ApiResponse (Members::*handler)(const ApiRequest&) const) {
            routes.push_back(
                route_of(needed, method, texts.path + rest, id, summary,
                         [members, handler](const ApiRequest& request) { return (members.*handler)(request); }));
            routes.back().response_schema = member_schema();
        };
        const std::string one = texts.one, what = texts.what;
        const bool people = texts.kind == MemberKind::user;
        add(Permission::read_people, "GET", "", std::string("list") + texts.many, "Each " + what, &Members::list);
        routes.back().query = page_params();
        routes.back().response_schema = page_schema(member_schema());
        add(Permission::change_people, "POST", "", "add" + one,
            people ? "Add somebody by their address, known here or not" : "Make a service account", &Members::add);
        routes.back().success = 201;
        routes.back().request_schema =
            people ? body_schema(R"("required":["email"],)", R"("email":{"type":"string","format":"email"})")
                   : body_schema(R"("required":["name"],)", R"("name":{"type":"string","maxLength":64})");
        add(Permission::read_people, "GET", "/{id}", "get" + one, "One " + what + ", by id or by address or name",
            &Members::show);
        routes.back().resource.kind = one;
        add(Permission::change_people, "PATCH", "/{id}", "change" + one,
            "Change a " + what + "'s role, disable it, or set limits for all its keys together and models for each",
            &Members::change);
        routes.back().request_schema =
            body_schema(R"("minProperties":1,)", R"("disabled":{"type":"boolean"},)" + settable_limits_schema() + "," +
                                                     settable_models_schema());
        add(Permission::change_people, "DELETE", "/{id}", "remove" + one, "Remove a " + what + " and revoke its keys",
            &Members::remove);
        routes.back().success = 204;
        routes.back().response_schema.clear();
    }
    return routes;
}

}  // namespace lurus::identity
