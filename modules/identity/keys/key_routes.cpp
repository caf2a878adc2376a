// Keys over the management API. Who asks decides which of them there are (KeyReach).
#include <map>

#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"
#include "modules/identity/keys/key_json.hpp"
#include "modules/identity/routes.hpp"

namespace lurus::identity {
namespace {

/// The keys as one request's principal sees them.
class KeyRequest {
public:
    KeyRequest(Keys& keys, Directory& directory, const ApiRequest& request)
        : keys_(keys), directory_(directory), request_(request), reach_(KeyReach::of(request.principal)) {}

    ApiResponse list() {
        const auto page = page_from(request_.query);
        if (!page) return problem(page.error());
        KeyQuery query;
        query.limit = page->limit;
        query.cursor = page->cursor;
        query.text = query_of(request_, "q");
        query.tag = query_of(request_, "tag");
        // Who or what is not there has no keys.
        for (const char* name : {"user", "owner"}) {
            const auto owner = query_of(request_, name);
            if (!owner) continue;
            const auto found =
                *owner == "none" ? std::string() : owner_called(request_.principal.home(), *owner).value_or("-");
            if (query.user && *query.user != found)
                return problem(400, "`user` and `owner` are one filter, and say different things: give one of them");
            query.user = found;
        }
        if (const auto team = query_of(request_, "team")) {
            const auto found = directory_.team(request_.principal.home(), *team);
            query.team = found ? found->id : "-";
        }
        const auto found = keys_.page(reach_, query);
        if (!found) return problem(found.error());
        auto data = nlohmann::ordered_json::array();
        for (const auto& key : found->keys) data.push_back(shown(key));
        return json_answer(200, page_json(std::move(data), found->next));
    }

    ApiResponse create() {
        const auto body = new_key_from(request_.body, keys_.clock().now());
        if (!body) return problem(body.error());
        const Principal& who = request_.principal;
        NewKey wanted;
        wanted.name = body->name;
        wanted.by_owner = !who.sees_organisation();
        wanted.org = who.home();
        KeyChange change = body->change;
        if (auto ok = settle(wanted.org, who.member, body->limits, change); !ok) return problem(ok.error());
        if (auto ok = put_into_team(change); !ok) return problem(ok.error());
        wanted.user = change.user.value_or(who.member);
        wanted.team = change.team.value_or("");
        wanted.note = change.note.value_or("");
        wanted.tags = change.tags.value_or(std::vector<std::string>());
        wanted.models = change.models.value_or(std::vector<std::string>());
        wanted.families = change.families.value_or(std::vector<Family>());
        wanted.expires = change.expires.value_or(std::nullopt);
        wanted.expires_after = change.expires_after.value_or(std::nullopt);
        change.rules.apply(wanted.rules);
        const auto created = keys_.create(wanted);
        if (!created) return problem(created.error());
        return with_value(201, *created);
    }

    ApiResponse show() {
        const auto key = keys_.get(reach_, id());
        return key ? one(*key) : problem(key.error());
    }

    ApiResponse change() {
        const auto key = keys_.get(reach_, id());
        if (!key) return problem(key.error());
        auto body = key_change_from(request_.body, keys_.clock().now());
        if (!body) return problem(body.error());
        if (auto ok = settle(key->org, key->user, body->limits, body->change); !ok) return problem(ok.error());
        if (body->change.team) {
            if (auto ok = put_into_team(body->change); !ok) return problem(ok.error());
        }
        const auto changed = keys_.change(reach_, key->id, body->change, request_.if_version);
        return changed ? one(*changed) : problem(changed.error());
    }

    ApiResponse revoke() {
        const auto done = keys_.revoke(reach_, id(), request_.if_version);
        return done ? no_content() : problem(done.error());
    }

    ApiResponse rotate() {
        const auto rotation = rotation_from(request_.body);
        if (!rotation) return problem(rotation.error());
        const auto rotated = keys_.rotate(reach_, id(), *rotation);
        return rotated ? with_value(200, *rotated) : problem(rotated.error());
    }

private:
    [[nodiscard]] const std::string& id() const { return request_.params.at("id"); }

    ApiResponse with_value(int status, const CreatedKey& key) {
        nlohmann::ordered_json body;
        body["key"] = key.key.reveal();
        body.update(shown(key.info));
        return json_answer(status, body);
    }

    ApiResponse one(const KeyInfo& key) {
        if (key.version == 0) return json_answer(200, shown(key));
        return versioned_answer(200, shown(key), key.version);
    }

    nlohmann::ordered_json shown(const KeyInfo& key) {
        const auto named = [](const std::string& name) {
            return name.empty() ? nlohmann::ordered_json(nullptr) : nlohmann::ordered_json(name);
        };
        const auto& owner = name_of(key.user, [&] { return directory_.member(key.user); });
        auto out = json_of(key, owner, keys_.clock().now());
        out["org_name"] = named(name_of(key.org, [&] { return directory_.org(key.org); }));
        out["team_name"] = named(name_of(key.team, [&] { return directory_.team(key.org, key.team); }));
        return out;
    }

    // Looked up once a request; empty where there is nothing of that id any more.
    template <class Find>
    const std::string& name_of(const std::string& id, Find find) {
        const auto [known, fresh] = names_.try_emplace(id);
        if (fresh && !id.empty()) {
            if (const auto found = find()) known->second = found->name;
        }
        return known->second;
    }

    Result<std::string> owner_called(std::string_view org, std::string_view text) {
        for (const auto kind : {MemberKind::user, MemberKind::service}) {
            const auto member = directory_.member_of(org, kind, text);
            if (member) return member->id;
            if (member.error().code != ErrorCode::not_found) return std::unexpected(member.error());
        }
        return fail(ErrorCode::not_found, "there is no such member or service account");
    }

    // Turns names into ids, and refuses what only an admin may: keys of others, and limits.
    Result<void> settle(const std::string& org, const std::string& owner, bool limits, KeyChange& change) {
        const Principal& who = request_.principal;
        if (limits && !who.may(Permission::change_limits)) {
            return fail(ErrorCode::permission_denied,
                        "limits, budgets and account groups take the permission `change_limits`, which admins have");
        }
        if (change.user && !who.sees_organisation()) {
            if (*change.user != owner)
                return fail(ErrorCode::permission_denied, "a key of somebody else takes an admin");
        } else if (change.user && !change.user->empty()) {
            auto member = owner_called(org, *change.user);
            if (!member && member.error().code == ErrorCode::not_found)
                return std::unexpected(directory_.no_such_member(org, *change.user));
            if (!member) return std::unexpected(member.error());
            change.user = *std::move(member);
        }
        if (change.team && !change.team->empty()) {
            const auto team = directory_.team(org, *change.team);
            if (!team && who.sees_organisation() && team.error().code == ErrorCode::not_found)
                return std::unexpected(directory_.no_such_team(org, *change.team));
            if (!team) return std::unexpected(team.error());
            const bool of_it = std::ranges::find(team->members, who.member) != team->members.end();
            if (!who.sees_organisation() && !of_it) return fail(ErrorCode::not_found, "there is no such team");
            change.team = team->id;
        }
        return {};
    }

    // Who is in a team cannot make keys beside its limits.
    Result<void> put_into_team(KeyChange& change) {
        const Principal& who = request_.principal;
        if (who.sees_organisation() || (change.team && !change.team->empty())) return {};
        const auto teams = directory_.teams_of(who.member);
        if (!teams) return std::unexpected(teams.error());
        if (teams->empty()) return {};
        if (change.team) {
            return fail(ErrorCode::permission_denied,
                        "a key of somebody in a team belongs to a team; an admin can take it out");
        }
        if (teams->size() > 1)
            return fail(ErrorCode::invalid_argument, "`team` is missing: you are in several, so say which");
        change.team = teams->front();
        return {};
    }

    Keys& keys_;
    Directory& directory_;
    const ApiRequest& request_;
    const KeyReach reach_;
    std::map<std::string, std::string> names_;  // by id
};

}  // namespace

std::vector<ApiRoute> key_routes(Keys& keys, Directory& directory) {
    const auto route = [&](Permission needed, const char* method, const char* path, const char* operation,
                           const char* summary, ApiResponse (KeyRequest::*handler)()) {
        return route_of(needed, method, path, operation, summary,
                        [&keys, &directory, handler](const ApiRequest& request) {
                            return (KeyRequest(keys, directory, request).*handler)();
                        });
    };
    std::vector<ApiRoute> routes;
    routes.push_back(route(Permission::read_keys, "GET", "/api/v1/keys", "listKeys",
                           "Keys that are not revoked: one's own, an admin's whole organisation's", &KeyRequest::list));
    routes.back().response_schema = key_list_schema();
    routes.back().query = page_params();
    for (const auto& [name, description] :
         {std::pair("q", "text in the name, the note, the hint or a tag"), std::pair("tag", "with this tag"),
          std::pair("user", "of this member or service account: id, address or name; `none` = the organisation's own"),
          std::pair("owner", "the older name of `user`"), std::pair("team", "of this team: id or name")}) {
        routes.back().query.push_back({name, R"({"type":"string"})", description});
    }
    routes.push_back(route(Permission::change_keys, "POST", "/api/v1/keys", "createKey",
                           "Make a key; the answer shows it this once", &KeyRequest::create));
    routes.back().request_schema = new_key_schema();
    routes.back().response_schema = created_key_schema();
    routes.back().success = 201;
    routes.push_back(route(Permission::read_keys, "GET", "/api/v1/keys/{id}", "getKey", "One key, by id or name",
                           &KeyRequest::show));
    routes.back().response_schema = key_schema();
    routes.back().resource.kind = "Key";
    routes.back().resource.unversioned = {"last_used",  "status",   "old_value_until",
                                          "old_values", "org_name", "team_name"};
    routes.push_back(route(Permission::change_keys, "PATCH", "/api/v1/keys/{id}", "changeKey",
                           "Change a stored key, by id or name", &KeyRequest::change));
    routes.back().request_schema = key_change_schema();
    routes.back().response_schema = key_schema();
    routes.push_back(route(Permission::change_keys, "DELETE", "/api/v1/keys/{id}", "revokeKey",
                           "Revoke a stored key for good, by id or name", &KeyRequest::revoke));
    routes.back().success = 204;
    routes.push_back(route(Permission::change_keys, "POST", "/api/v1/keys/{id}/rotate", "rotateKey",
                           "Give a stored key a new value, shown this once; the ones before are taken for a while",
                           &KeyRequest::rotate));
    routes.back().request_schema = rotation_schema();
    routes.back().response_schema = created_key_schema();
    return routes;
}

}  // namespace lurus::identity
