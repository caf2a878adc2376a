#include "control/steps/versions.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/http/paging.hpp"
#include "core/http/problem.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr int most = 100;
constexpr PageSize versions_a_page{.usual = 50, .most = most};

ApiResponse shown_by(const ApiRoute& reader, const ApiRequest& request) {
    ApiRequest look = request;
    look.method = "GET";
    look.body.clear();
    return reader.handler(look);
}

// A resource answers to its id and to its name; one of the same name in another organisation is another one.
std::vector<std::string> targets_of(const ApiRoute& reader, const Json& shown) {
    const std::string collection = reader.path.substr(0, reader.path.rfind('{'));
    const std::string& envelope = reader.resource.envelope;
    const Json& resource = !envelope.empty() && shown.contains(envelope) ? shown[envelope] : shown;
    std::vector<std::string> out;
    for (const auto& member : reader.resource.names) {
        if (resource.contains(member) && resource[member].is_string())
            out.push_back(collection + resource[member].get<std::string>());
    }
    return out;
}

bool is_of_another(const AuditEntry& entry, const Json& resource) {
    const Json before = Json::parse(entry.before, nullptr, false);
    return before.is_object() && before.contains("id") && resource.contains("id") && before["id"] != resource["id"];
}

/// Changes that were made, newest first.
Result<std::vector<AuditEntry>> changes_of(Audit& audit, const ApiRoute& reader, const ApiRequest& request,
                                           const Json& resource, std::optional<std::int64_t> before_number, int limit) {
    std::vector<AuditEntry> out;
    for (const auto& target : targets_of(reader, resource)) {
        for (const char* end : {"", "/undo"}) {
            AuditFilter filter;
            filter.org = std::string(request.principal.home());
            filter.installation = request.principal.may(Permission::operate);
            filter.target = target + end;
            filter.before_number = before_number;
            filter.limit = limit;
            auto found = audit.query(filter);
            if (!found) return std::unexpected(found.error());
            for (auto& entry : *found) {
                if (entry.status >= 200 && entry.status < 300 && !is_of_another(entry, resource))
                    out.push_back(std::move(entry));
            }
        }
    }
    std::ranges::sort(out, std::ranges::greater(), &AuditEntry::number);
    if (out.size() > static_cast<std::size_t>(limit)) out.erase(out.begin() + limit, out.end());
    return out;
}

Json json_or_null(const std::string& text) {
    Json value = Json::parse(text, nullptr, false);
    return value.is_discarded() ? Json(nullptr) : value;
}

ApiResponse list_versions(Audit& audit, const ApiRoute& reader, const ApiRequest& request) {
    const auto page = page_from(request.query, versions_a_page);
    if (!page) return problem(page.error());
    const auto before = cursor_number(*page);
    if (!before) return problem(before.error());
    ApiResponse resource = shown_by(reader, request);
    if (resource.status != 200) return resource;
    const auto changes =
        changes_of(audit, reader, request, json_or_null(resource.body), *before, static_cast<int>(page->limit) + 1);
    if (!changes) return problem(changes.error());
    const std::string self = audit_entry_of(request.principal, "", "").actor;
    const auto shown = [&](const AuditEntry& entry) -> Json {
        // Who sees only what is their own learns nobody else's address.
        const bool named = request.principal.sees_organisation() || entry.actor == self;
        return {{"number", entry.number},
                {"time", format_time(entry.time)},
                {"actor_kind", entry.actor_kind},
                {"actor_name", named ? Json(entry.actor_name) : Json(nullptr)},
                {"action", entry.action},
                {"before", json_or_null(entry.before)},
                {"after", json_or_null(entry.after)}};
    };
    return page_answer(*changes, page->limit, shown,
                       [](const AuditEntry& entry) { return std::to_string(entry.number); });
}

// What differs from how it is now, of what may be changed and, with `after`, differs between these two. An empty text
// stands for none where none is null. What is only written cannot be known: that it was there is all the audit has.
Json way_back(const Json& before, const Json& after, const Json& now, const Json& properties) {
    Json change = Json::object();
    for (const auto& [name, schema] : properties.items()) {
        if (!before.contains(name) || !now.contains(name) || before[name] == now[name]) continue;
        if (schema.value("writeOnly", false)) continue;
        if (after.contains(name) && after[name] == before[name]) continue;
        const bool nullable = schema.contains("type") && schema["type"].is_array() &&
                              std::ranges::find(schema["type"], Json("null")) != schema["type"].end();
        change[name] = nullable && before[name] == "" ? Json(nullptr) : before[name];
    }
    return change;
}

/// A secret that the resource held then and holds no more, by the member that lists them; empty = none.
std::string lost_secret(const Json& before, const Json& now) {
    if (!before.is_object() || !now.is_object()) return {};
    const Json none = Json::array();
    const Json held = before.value("secrets", none), holds = now.value("secrets", none);
    for (const auto& secret : held) {
        if (std::ranges::find(holds, secret) == holds.end()) return secret.get<std::string>();
    }
    return {};
}

ApiResponse undo(Audit& audit, const ApiRoute& reader, const ApiRoute& changer, const ApiRequest& request) {
    std::optional<std::int64_t> wanted;
    const Json body = request.body.empty() ? Json::object() : Json::parse(request.body, nullptr, false);
    if (!body.is_object()) return problem(400, "the body is not a JSON object");
    for (const auto& [name, value] : body.items()) {
        if (name != "number" || !value.is_number_integer() || value < 1)
            return problem(400, "the body takes `number`, that of a version, and nothing else");
        wanted = value.get<std::int64_t>();
    }
    ApiResponse shown = shown_by(reader, request);
    if (shown.status != 200) return shown;
    const Json now = json_or_null(shown.body);
    // Its own entry was begun with this request and says nothing of a change yet.
    const auto before_number = wanted ? std::optional(*wanted + 1) : std::nullopt;
    const auto changes = changes_of(audit, reader, request, now, before_number, most);
    if (!changes) return problem(changes.error());
    const auto last = std::ranges::find_if(*changes, [](const auto& entry) { return !entry.before.empty(); });
    if (last == changes->end() || (wanted && last->number != *wanted))
        return problem(wanted ? 404 : 409, wanted ? "this resource has no version of that number"
                                                  : "nothing was changed here that could be undone");
    const Json schema = Json::parse(changer.request_schema, nullptr, false);
    const Json before = json_or_null(last->before), after = wanted ? Json() : json_or_null(last->after);
    if (const std::string lost = lost_secret(before, now); !lost.empty()) {
        return problem(409, "it had `" + lost +
                                "` then, and secrets that were taken away are not kept: change it with " +
                                changer.method + ", and give that again");
    }
    const Json change = way_back(before, after, now, schema.value("properties", Json::object()));
    if (change.empty()) {
        return problem(409, now.contains("secrets")
                                ? "it is as it was before that change already, but for secrets, which are not kept"
                                : "it is as it was before that change already");
    }
    ApiRequest back = request;
    back.method = changer.method;
    back.body = change.dump();
    return changer.handler(back);
}

constexpr const char* version_schema =
    R"({"type":"object","required":["number","time","actor_kind","actor_name","action","before","after"],"properties":{"number":{"type":"integer"},
"time":{"type":"string","format":"date-time"},"actor_kind":{"type":"string"},"actor_name":{"type":["string","null"]},"action":{"type":"string"},
"before":{"type":["object","array","null"]},"after":{"type":["object","array","null"]}}})";

}  // namespace

std::vector<ApiRoute> version_routes(const std::vector<ApiRoute>& routes, Audit& audit) {
    std::vector<ApiRoute> out;
    for (const auto& reader : routes) {
        if (reader.method != "GET" || reader.resource.kind.empty()) continue;
        const auto by = [&](const char* method) {
            return std::ranges::find_if(
                routes, [&](const ApiRoute& other) { return other.method == method && other.path == reader.path; });
        };
        const auto patch = by("PATCH"), put = by("PUT");
        if (patch == routes.end() && put == routes.end()) continue;
        const std::string& kind = reader.resource.kind;
        ApiRoute versions(reader.permission);
        versions.method = "GET";
        versions.path = reader.path + "/versions";
        versions.operation_id = "list" + kind + "Versions";
        versions.summary = "Who changed it and what it was, the newest change first";
        versions.query = page_params(versions_a_page);
        versions.response_schema = page_schema(version_schema);
        versions.handler = [&audit, reader](const ApiRequest& r) { return list_versions(audit, reader, r); };
        out.push_back(std::move(versions));
        if (patch == routes.end()) continue;
        ApiRoute back(patch->permission);
        back.method = "POST";
        back.path = reader.path + "/undo";
        back.operation_id = "undo" + kind;
        back.summary = "Take the last change back, or go back to before the change of a number";
        back.request_schema =
            R"({"type":"object","additionalProperties":false,"properties":{"number":{"type":"integer","minimum":1}}})";
        back.response_schema = patch->response_schema;
        back.audit = patch->audit;
        back.handler = [&audit, reader, changer = *patch](const ApiRequest& r) {
            return undo(audit, reader, changer, r);
        };
        out.push_back(std::move(back));
    }
    return out;
}

}  // namespace lurus::control
