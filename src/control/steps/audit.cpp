#include "control/steps/audit.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/http/problem.hpp"
#include "lurus/request_context.hpp"

namespace lurus::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t text_most = 32 << 10;
constexpr std::int64_t refusals_told_every_us = 60'000'000;
constexpr std::size_t refusals_remembered = 4096;

bool is_secret(std::string_view name) {
    constexpr std::array exact = {"key",  "value", "password", "secret", "token",
                                  "link", "code",  "uri",      "totp",   "api_key"};
    constexpr std::array ends = {"_password", "_token", "_secret", "_hash", "_key", "_code", "_codes"};
    return std::ranges::any_of(exact, [&](std::string_view word) { return name == word; }) ||
           std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

void mask(Json& value, const std::vector<std::string>& plain) {
    if (value.is_object()) {
        for (auto& [name, member] : value.items()) {
            const bool hidden = is_secret(name) && std::ranges::find(plain, name) == plain.end();
            if (hidden && !member.is_null() && !member.is_boolean()) {
                member = "***";
            } else {
                mask(member, plain);
            }
        }
    } else if (value.is_array()) {
        for (auto& member : value) mask(member, plain);
    }
}

std::string text_of(const Json& value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > text_most) text = R"({"bytes_left_out":)" + std::to_string(text.size()) + "}";
    return text;
}

std::string result_of(const ApiRoute& route, const ApiResponse& response) {
    if (response.status >= 300 || !route.audit.answer) return {};
    return without_secrets(response.body, route.audit.plain);
}

std::string text_of(const SignInEvent& event) {
    Json told_of = {{"event", event.what}};
    if (!event.detail.empty()) told_of["detail"] = event.detail;
    return text_of(told_of);
}

AuditEntry start_of(const SignInEvent& event) {
    if (event.context != nullptr && event.context->base) return *event.context->base;
    AuditEntry entry;
    entry.remote_address = event.address;
    entry.action = event.what;
    return entry;
}

ApiRequest with_context(const ApiRequest& request, AuditEntry base) {
    ApiRequest in_context = request;
    in_context.context = std::make_shared<RequestContext>();
    in_context.context->base = std::move(base);
    return in_context;
}

ApiResponse not_stored(const Error& error) {
    return problem(503, "the change was refused, because the audit cannot store it: " + error.message);
}

}  // namespace

std::string without_secrets(std::string_view text, const std::vector<std::string>& plain) {
    Json value = Json::parse(text, nullptr, false);
    if (!value.is_structured()) return {};
    mask(value, plain);
    return text_of(value);
}

void ApiAudit::set_routes(const std::vector<ApiRoute>& routes) {
    for (const auto& route : routes) {
        if (route.method == "GET" && route.audit.answer) readers_[route.path] = &route;
    }
}

// The thing itself where its path can be read, else what it is a part of: `/keys/{id}` for `/keys/{id}/rotate`.
std::string ApiAudit::as_it_is(const ApiRoute& route, const ApiRequest& request) const {
    for (std::string path = route.path; path.find('{') != std::string::npos; path.resize(path.rfind('/'))) {
        const auto reader = readers_.find(path);
        if (reader == readers_.end()) continue;
        ApiRequest look = request;
        look.method = "GET";
        look.body.clear();
        look.query.clear();
        const ApiResponse now = reader->second->handler(look);
        return now.status == 200 ? without_secrets(now.body, route.audit.plain) : std::string();
    }
    return {};
}

AuditEntry ApiAudit::entry_of(const ApiRoute& route, const ApiRequest& request) const {
    AuditEntry entry = audit_entry_of(request.principal, request.remote_address, request.header("user-agent"));
    // What concerns all organisations is no business of the admins of one.
    const bool shared =
        route.permission == Permission::operate ||
        (route.permission == Permission::change_organisation && request.principal.may(Permission::operate));
    if (shared || route.is_public()) {
        entry.org.clear();
    } else {
        entry.org = request.principal.home();
    }
    entry.action = route.operation_id;
    entry.target = request.path.substr(0, 512);
    return entry;
}

void ApiAudit::describe(AuditEntry& entry, const SignInEvent& event) {
    entry.after = text_of(event);
    if (entry.actor_kind.empty() || entry.actor_kind == name_of(Principal::Kind::anonymous)) {
        entry.actor_kind = event.user.empty() ? "anonymous" : "user";
        entry.actor = event.user;
        entry.actor_name = event.email.substr(0, 254);
        const auto places = users_.memberships(event.user);
        if (places && !places->empty()) entry.org = places->front().org;
    }
    entry.target = event.email.empty() ? entry.target : event.email.substr(0, 254);
}

ApiResponse ApiAudit::run(const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next) {
    if (route.is_public()) return run_public(route, request, next);
    return route.changes() ? run_change(route, request, next) : next(route, request);
}

ApiResponse ApiAudit::run_change(const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next) {
    AuditEntry entry = entry_of(route, request);
    entry.before = as_it_is(route, request);
    const auto begun = audit_.append(entry);
    if (!begun) return not_stored(begun.error());
    const ApiRequest in_context = with_context(request, entry);
    ApiResponse response = next(route, in_context);
    entry.begun = *begun;
    entry.status = response.status;
    entry.after = result_of(route, response);
    for (const auto& event : in_context.context->events) describe(entry, event);
    // The first entry stays: that this was begun, and its end not in_context.
    if (const auto ended = audit_.append(std::move(entry)); !ended)
        spdlog::error("the end of {} is not in the audit: {}", route.operation_id, ended.error().message);
    return response;
}

ApiResponse ApiAudit::run_public(const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next) {
    const ApiRequest in_context = with_context(request, entry_of(route, request));
    RequestContext& context = *in_context.context;
    ApiResponse response = next(route, in_context);
    if (context.begun && context.events.empty()) {
        // Begun, and refused or failed before it was done.
        AuditEntry entry = *context.begun;
        entry.begun = std::exchange(entry.number, 0);
        entry.status = response.status;
        if (const auto stored = audit_.append(std::move(entry)); !stored) return not_stored(stored.error());
    }
    for (const auto& event : context.events) {
        const bool ends = context.begun.has_value();
        if (!ends && response.status >= 400 && is_repeated(event)) continue;
        AuditEntry entry = *context.base;
        entry.status = response.status;
        describe(entry, event);
        if (ends) entry.begun = context.begun->number;
        context.begun.reset();
        // Whoever would have signed in gets nothing to go on with.
        if (const auto stored = audit_.append(std::move(entry)); !stored) return not_stored(stored.error());
    }
    return response;
}

// A flood of refusals must not fill the disk: one a minute for the same name and address tells enough.
bool ApiAudit::is_repeated(const SignInEvent& event) {
    const UnixMicros now = clock_.now();
    const std::scoped_lock lock(mutex_);
    if (refused_.size() >= refusals_remembered) {
        std::erase_if(refused_, [&](const auto& entry) { return now - entry.second >= refusals_told_every_us; });
        if (refused_.size() >= refusals_remembered) return true;
    }
    UnixMicros& last = refused_[event.address + " " + event.email + " " + event.detail];
    if (now - last < refusals_told_every_us) return true;
    last = now;
    return false;
}

Result<void> ApiAudit::begin(const SignInEvent& event) {
    AuditEntry entry = start_of(event);
    describe(entry, event);
    entry.after.clear();
    const auto number = audit_.append(entry);
    if (!number)
        return fail(ErrorCode::unavailable,
                    "the change was refused, because the audit cannot store it: " + number.error().message);
    entry.number = *number;
    if (event.context != nullptr) event.context->begun = std::move(entry);
    return {};
}

void ApiAudit::note(const SignInEvent& event) {
    if (event.context != nullptr && event.context->base) {
        event.context->events.push_back(event);
        return;
    }
    AuditEntry entry = start_of(event);
    describe(entry, event);
    if (event.context != nullptr && event.context->begun) {
        entry.begun = event.context->begun->number;
        event.context->begun.reset();
    }
    if (const auto stored = audit_.append(std::move(entry)); !stored)
        spdlog::error("`{}` is not in the audit: {}", event.what, stored.error().message);
}

void ApiAudit::note_own(std::string action, std::string why, int status) {
    AuditEntry entry;
    entry.actor_kind = "system";
    entry.action = std::move(action);
    entry.status = status;
    entry.after = text_of(Json{{"why", std::move(why)}});
    if (const auto stored = audit_.append(std::move(entry)); !stored)
        spdlog::error("a change of the program's own is not in the audit: {}", stored.error().message);
}

}  // namespace lurus::control
