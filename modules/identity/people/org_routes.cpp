// Organisations: those one belongs to; whoever operates the installation has all of them.
#include <algorithm>

#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"
#include "modules/identity/routes.hpp"

namespace lurus::identity {
namespace {

std::string org_schema() {
    return R"({"type":"object","required":["id","name","created",)" + required_limits_schema() + "," +
           required_models_schema() +
           R"(],"properties":{"id":{"type":"string"},"name":{"type":"string"},)"
           R"("created":{"type":"string","format":"date-time"},)" +
           shown_limits_schema() + "," + shown_models_schema() + "}}";
}
#define NAME R"("name":{"type":"string","pattern":"^[a-z0-9][a-z0-9-]{0,29}$"})"
constexpr std::string_view new_schema =
    R"({"type":"object","required":["name"],"additionalProperties":false,"properties":{)" NAME
    R"(,"owner":{"type":"string","format":"email","description":"who owns it; else who makes it"}}})";
std::string org_change_schema() {
    return R"({"type":"object","additionalProperties":false,"minProperties":1,"properties":{)" NAME "," +
           settable_limits_schema() + "," + settable_models_schema() + "}}";
}
#undef NAME

nlohmann::ordered_json org_json(const Org& org) {
    nlohmann::ordered_json out = {{"id", org.id}, {"name", org.name}, {"created", format_time(org.created)}};
    add_limits(out, org.limits);
    add_models(out, org.models);
    return out;
}

ApiResponse answer(int status, const Result<Org>& org) {
    return org ? versioned_answer(status, org_json(*org), org->version) : problem(org.error());
}

struct Orgs {
    Directory& directory;

    /// Ids; empty optional = all.
    [[nodiscard]] Result<std::optional<UserSet>> reach(const Principal& who) const {
        if (who.may(Permission::operate)) return std::nullopt;
        UserSet ids = {who.org};
        if (!who.user.empty()) {
            const auto memberships = directory.memberships(who.user);
            if (!memberships) return std::unexpected(memberships.error());
            for (const auto& member : *memberships) ids.insert(member.org);
        }
        return ids;
    }
    [[nodiscard]] Result<Org> named(const ApiRequest& request, const std::optional<UserSet>& reach) const {
        const auto& called = request.params.at("id");
        auto org = directory.org(called);
        if (org && reach && !reach->contains(org->id))
            return fail(ErrorCode::not_found, "there is no such organisation");
        if (!org && !reach && org.error().code == ErrorCode::not_found)
            return std::unexpected(directory.no_such_org(called));
        return org;
    }

    [[nodiscard]] ApiResponse list(const ApiRequest& request) const {
        const auto page = page_from(request.query);
        if (!page) return problem(page.error());
        const auto visible = reach(request.principal);
        if (!visible) return problem(visible.error());
        auto all = directory.orgs();
        if (!all) return problem(all.error());
        std::erase_if(*all, [&](const Org& org) {
            return org.name <= page->cursor || (*visible && !(*visible)->contains(org.id));
        });
        return page_answer(*all, page->limit, org_json, [](const Org& org) { return org.name; });
    }
    [[nodiscard]] ApiResponse make(const ApiRequest& request) const {
        const auto body = object_from(request.body, {"name", "owner"});
        if (!body) return problem(body.error());
        const auto name = required_text_of(*body, "name");
        if (!name) return problem(name.error());
        const auto owner = text_of(*body, "owner");
        if (!owner) return problem(owner.error());
        if (*owner) {
            if (auto ok = checked_email(**owner); !ok) return problem(wrong_field("owner", "an e-mail address"));
        }
        if (auto ok = request.principal.check_gives(Role::owner); !ok) return problem(ok.error());
        const auto made = directory.create_org(*name);
        if (!made) return problem(made.error());
        const auto& user = request.principal.user;
        const auto joined = *owner          ? directory.add_member(made->id, **owner, Role::owner)
                            : !user.empty() ? directory.set_role(made->id, user, Role::owner)
                                            : Result<Member>(Member());
        return joined ? answer(201, made) : problem(joined.error());
    }
    [[nodiscard]] ApiResponse show(const ApiRequest& request) const {
        const auto visible = reach(request.principal);
        return visible ? answer(200, named(request, *visible)) : problem(visible.error());
    }
    [[nodiscard]] ApiResponse change(const ApiRequest& request) const {
        std::optional<UserSet> own;
        if (!request.principal.may(Permission::operate)) own = UserSet{request.principal.org};
        const auto org = named(request, own);
        if (!org) return problem(org.error());
        // Its limits and models are set by who operates the installation, not by the organisation itself.
        const auto body = limited_body_from(request, {"name"}, Permission::operate);
        if (!body) return problem(body.error());
        const auto name = text_of(body->fields, "name");
        if (!name) return problem(name.error());
        return answer(200, directory.change_org(org->id, *name, body->change, request.if_version));
    }
    [[nodiscard]] ApiResponse remove(const ApiRequest& request) const {
        const auto org = named(request, std::nullopt);
        if (!org) return problem(org.error());
        const auto done = directory.remove_org(org->id, request.if_version);
        return done ? no_content() : problem(done.error());
    }
};

}  // namespace

std::vector<ApiRoute> org_routes(Directory& directory) {
    const Orgs orgs{directory};
    std::vector<ApiRoute> routes;
    const auto add = [&](Permission needed, const char* method, const char* path, const char* id, const char* summary,
                         ApiResponse (Orgs::*handler)(const ApiRequest&) const) {
        routes.push_back(route_of(needed, method, path, id, summary,
                                  [orgs, handler](const ApiRequest& request) { return (orgs.*handler)(request); }));
        routes.back().response_schema = org_schema();
    };
    add(Permission::read_organisation, "GET", "/api/v1/orgs", "listOrganisations",
        "The organisations one belongs to, or all of them for who operates the installation", &Orgs::list);
    routes.back().query = page_params();
    routes.back().response_schema = page_schema(org_schema());
    add(Permission::operate, "POST", "/api/v1/orgs", "createOrganisation", "Make an organisation", &Orgs::make);
    routes.back().request_schema = new_schema;
    routes.back().success = 201;
    add(Permission::read_organisation, "GET", "/api/v1/orgs/{id}", "getOrganisation", "One organisation, by id or name",
        &Orgs::show);
    routes.back().resource.kind = "Organisation";
    add(Permission::change_organisation, "PATCH", "/api/v1/orgs/{id}", "changeOrganisation",
        "Rename an organisation; who operates the installation also sets limits for all its keys together and models "
        "for each",
        &Orgs::change);
    routes.back().request_schema = org_change_schema();
    add(Permission::operate, "DELETE", "/api/v1/orgs/{id}", "removeOrganisation",
        "Remove an organisation: its members and keys count no more; its records stay", &Orgs::remove);
    routes.back().success = 204;
    routes.back().response_schema.clear();
    return routes;
}

}  // namespace lurus::identity
