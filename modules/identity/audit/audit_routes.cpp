// Reading the audit. Nothing here changes it.
#include "core/http/api_body.hpp"
#include "core/http/paging.hpp"
#include "core/http/problem.hpp"
#include "modules/identity/audit/audit_chain.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace lurus::identity {
namespace {

constexpr const char* lines_type = "application/x-ndjson";
constexpr std::int64_t entries_a_piece = 100;  // each holds up to 64 KiB of what was and what is

constexpr std::string_view entry_schema =
    R"({"type":"object","required":["number","time","org","actor_kind","actor","actor_name","remote_address","user_agent",)"
    R"("action","target","status","before","after","hash"],"properties":{"number":{"type":"integer"},)"
    R"("time":{"type":"string","format":"date-time"},"org":{"type":"string"},)"
    R"("actor_kind":{"enum":["user","service","admin_token","anonymous","system"]},"actor":{"type":"string"},)"
    R"("actor_name":{"type":"string"},"remote_address":{"type":"string"},"user_agent":{"type":"string"},)"
    R"("action":{"type":"string","description":"an operation's id"},"target":{"type":"string"},)"
    R"("status":{"type":["integer","null"],"description":"null: begun, and its end was not stored"},)"
    R"("before":{"description":"as it was, secrets masked"},"after":{"description":"as it is then"},"hash":{"type":"string"}}})";

nlohmann::ordered_json value_of(const std::string& text) {
    if (text.empty()) return nullptr;
    auto parsed = nlohmann::ordered_json::parse(text, nullptr, false);
    return parsed.is_discarded() ? nlohmann::ordered_json(text) : parsed;
}

nlohmann::ordered_json entry_json(const AuditEntry& entry) {
    nlohmann::ordered_json object = {{"number", entry.number}, {"time", format_time(entry.time)}};
    add_event(object, entry);
    object["status"] = entry.status != 0 ? nlohmann::ordered_json(entry.status) : nlohmann::ordered_json(nullptr);
    object["before"] = value_of(entry.before);
    object["after"] = value_of(entry.after);
    object["hash"] = entry.hash;
    return object;
}

Result<std::optional<UnixMicros>> time_of(const ApiRequest& request, const std::string& name) {
    const auto text = query_of(request, name);
    if (!text) return std::nullopt;
    const auto time = parse_time(*text);
    if (!time) return std::unexpected(wrong_field(name, "a time such as `2027-01-31T00:00:00Z`, or a date"));
    return *time;
}

ApiResponse list(Audit& audit, const ApiRequest& request) {
    const auto page = page_from(request.query);
    if (!page) return problem(page.error());
    AuditFilter filter;
    const Principal& who = request.principal;
    if (who.kind != Principal::Kind::admin_token || !who.org.empty()) filter.org = who.org;
    filter.installation = who.may(Permission::operate);
    filter.actor = query_of(request, "actor");
    filter.action = query_of(request, "action");
    filter.target = query_of(request, "target");
    const auto since = time_of(request, "since"), until = time_of(request, "until");
    const auto before = cursor_number(*page);
    if (!since) return problem(since.error());
    if (!until) return problem(until.error());
    if (!before) return problem(before.error());
    filter.since = *since;
    filter.until = *until;
    filter.before_number = *before;
    filter.limit = static_cast<int>(page->limit) + 1;
    const auto found = audit.query(filter);
    if (!found) return problem(found.error());
    return page_answer(*found, page->limit, entry_json,
                       [](const AuditEntry& entry) { return std::to_string(entry.number); });
}

constexpr std::string_view event_schema =
    R"({"type":"object","required":["number","time","action","status","by_themselves"],"properties":{"number":{"type":"integer"},)"
    R"("time":{"type":"string","format":"date-time"},"action":{"type":"string"},"target":{"type":"string"},)"
    R"("status":{"type":["integer","null"]},"by_themselves":{"type":"boolean"},)"
    R"("event":{"type":"string","description":"what happened to the sign-in"},"detail":{"type":"string"},)"
    R"("remote_address":{"type":"string"},"user_agent":{"type":"string"}}})";

// Where somebody else sat is theirs, but for who was not known: that may have been a thief.
nlohmann::ordered_json own_event_json(const AuditEntry& entry, const std::string& user) {
    const bool own = entry.actor == user;
    nlohmann::ordered_json out = {
        {"number", entry.number}, {"time", format_time(entry.time)}, {"action", entry.action}};
    out["target"] = entry.target;
    out["status"] = entry.status != 0 ? nlohmann::ordered_json(entry.status) : nlohmann::ordered_json(nullptr);
    out["by_themselves"] = own;
    if (const auto after = value_of(entry.after); after.is_object() && after.contains("event")) {
        for (const char* name : {"event", "detail"}) {
            if (after.contains(name)) out[name] = after[name];
        }
    }
    if (own || entry.actor_kind == name_of(Principal::Kind::anonymous)) {
        out["remote_address"] = entry.remote_address;
        out["user_agent"] = entry.user_agent;
    }
    return out;
}

ApiResponse list_own(Audit& audit, const ApiRequest& request) {
    const Principal& who = request.principal;
    if (who.kind != Principal::Kind::user) return problem(403, "only people have events of their own");
    const auto page = page_from(request.query);
    if (!page) return problem(page.error());
    const auto before = cursor_number(*page);
    if (!before) return problem(before.error());
    AuditFilter filter;
    filter.person = who.user;
    filter.address = who.name;
    filter.before_number = *before;
    filter.limit = static_cast<int>(page->limit) + 1;
    const auto found = audit.query(filter);
    if (!found) return problem(found.error());
    return page_answer(
        *found, page->limit, [&](const AuditEntry& entry) { return own_event_json(entry, who.user); },
        [](const AuditEntry& entry) { return std::to_string(entry.number); });
}

/// Where an export of the chain is.
struct ExportPlace {
    std::int64_t after = 0;
    std::string previous = first_hash();  // of the entry of that number
    std::optional<std::int64_t> left;     // empty = all there are
};

Result<ApiPiece> next_lines(Audit& audit, ExportPlace& place) {
    const auto wanted = std::min<std::int64_t>(place.left.value_or(entries_a_piece), entries_a_piece);
    if (wanted == 0) return ApiPiece();
    const auto found = audit.read_after(place.after, static_cast<int>(wanted));
    if (!found) return std::unexpected(found.error());
    ApiPiece piece;
    for (const auto& entry : *found) {
        piece.bytes += export_line(entry, place.previous) + "\n";
        place.previous = entry.hash;
        place.after = entry.number;
    }
    if (place.left) *place.left -= static_cast<std::int64_t>(found->size());
    return piece;
}

// The whole chain, so that whoever holds it can check it: that of all organisations.
ApiResponse export_some(Audit& audit, const ApiRequest& request) {
    const auto page = page_from(request.query);
    if (!page) return problem(page.error());
    const auto after = cursor_number(*page);
    if (!after) return problem(after.error());
    ExportPlace place;
    place.after = after->value_or(0);
    if (!query_of(request, "limit").value_or("").empty()) place.left = static_cast<std::int64_t>(page->limit);
    if (place.after > 0) {
        // The first line refers to the hash of the entry before it.
        const auto before = audit.read_after(place.after - 1, 1);
        if (!before) return problem(before.error());
        if (!before->empty() && before->front().number == place.after) place.previous = before->front().hash;
    }
    auto first = next_lines(audit, place);
    if (!first) return problem(first.error());
    ApiResponse response;
    response.content_type = lines_type;
    response.stream = [&audit, place = std::move(place), first = std::optional(*std::move(first))]() mutable {
        if (!first) return next_lines(audit, place);
        return Result<ApiPiece>(*std::exchange(first, std::nullopt));
    };
    return response;
}

ApiResponse verify(Audit& audit, const ApiRequest&) {
    const auto checked = audit.verify();
    if (!checked && checked.error().code != ErrorCode::corrupt) return problem(checked.error());
    return json_answer(200, {{"sound", checked.has_value()},
                             {"entries", checked ? nlohmann::ordered_json(*checked) : nlohmann::ordered_json(nullptr)},
                             {"problem", checked ? nlohmann::ordered_json(nullptr)
                                                 : nlohmann::ordered_json(checked.error().message)}});
}

}  // namespace

std::vector<ApiRoute> audit_routes(Audit& audit) {
    std::vector<ApiRoute> routes;
    const auto add = [&](Permission needed, const char* path, const char* id, const char* summary,
                         ApiResponse (*handler)(Audit&, const ApiRequest&)) {
        routes.push_back(route_of(needed, "GET", path, id, summary,
                                  [&audit, handler](const ApiRequest& request) { return handler(audit, request); }));
    };
    add(Permission::read_audit, "/api/v1/audit", "listAudit",
        "Who changed what in the organisation, and who signed in; newest first", list);
    routes.back().query = page_params();
    for (const auto& [name, description] :
         {std::pair("actor", "id or name of who did it"), std::pair("action", "an operation's id, such as createKey"),
          std::pair("target", "the path that was asked for"), std::pair("since", "RFC 3339 or a date"),
          std::pair("until", "RFC 3339 or a date; not included")}) {
        routes.back().query.push_back({name, R"({"type":"string"})", description});
    }
    routes.back().response_schema = page_schema(entry_schema);
    add(Permission::signed_in, "/api/v1/me/events", "listMyEvents",
        "What one did, and what happened to one's own sign-in; newest first", list_own);
    routes.back().query = page_params();
    routes.back().response_schema = page_schema(event_schema);
    add(Permission::operate, "/api/v1/audit/export", "exportAudit",
        "The whole audit as JSON lines, oldest first; the last line's `number` is the next `cursor`", export_some);
    routes.back().query = {limit_param(1000, "At most so many; without it all of them"),
                           {"cursor", R"({"type":"string"})", "the `number` of the line before"}};
    routes.back().content_type = lines_type;
    routes.back().response_schema = R"({"type":"string"})";
    add(Permission::operate, "/api/v1/audit/verify", "verifyAudit",
        "Whether every entry still holds the hash of the one before", verify);
    routes.back().response_schema =
        R"({"type":"object","required":["sound","entries","problem"],"properties":{"sound":{"type":"boolean"},)"
        R"("entries":{"type":["integer","null"]},"problem":{"type":["string","null"]}}})";
    return routes;
}

}  // namespace lurus::identity
