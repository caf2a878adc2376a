#include "control/steps/audit.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/http/problem.hpp"

namespace lurus::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t text_most = 32 << 10;
constexpr std::int64_t refusals_told_every_us = 60'000'000;
constexpr std::size_t refusals_remembered = 4096;

/// What sign-in told while this thread answers a request.
struct Listening {
    explicit Listening(AuditEntry entry) : base(std::move(entry)), before_(std::exchange(current, this)) {}
    Listening(const Listening&) = delete;
    Listening& operator=(const Listening&) = delete;
    ~Listening() { current = before_; }

    const AuditEntry base;
    std::vector<SignInEvent> events;
    std::optional<AuditEntry> begun;  // as it was stored before the change, with its number

    static thread_local Listening* current;  // null outside of a request

private:
    Listening* before_;
};
thread_local Listening* Listening::current = nullptr;
// What a thread without a request, such as one that sends mails, has begun.
struct Aside {
    std::string what;
    std::int64_t number = 0;
};
thread_local std::optional<Aside> begun_aside;

bool is_reading(const ApiRoute& route) {
    return route.method == "GET" || name_of(route.permission).starts_with("read_");
}

bool is_secret(std::string_view name) {
    constexpr std::array exact = {"key",  "value", "password", "secret", "token",
                                  "link", "code",  "uri",      "totp",   "api_key"};
    constexpr std::array ends = {"_password", "_token", "_secret", "_hash", "_key", "_code", "_codes"};
    return std::ranges::any_of(exact, [&](std::string_view word) { return name == word; }) ||
           std::ranges::any_of(ends, [&](std::string_view end) { return name.ends_with(end); });
}

void mask(Json& value) {
    if (value.is_object()) {
        for (auto& [name, member] : value.items()) {
            if (is_secret(name) && !member.is_null() && !member.is_boolean()) {
                member = "***";
            } else {
                mask(member);
            }
        }
    } else if (value.is_array()) {
        for (auto& member : value) mask(member);
    }
}

std::string text_of(const Json& value) {
    std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > text_most) text = R"({"bytes_left_out":)" + std::to_string(text.size()) + "}";
    return text;
}

// The `value` of a flag is no secret, a key's is.
std::string kept(const ApiRoute& route, const std::string& body) {
    return route.path.starts_with("/api/v1/flags/") ? body : without_secrets(body);
}

std::string result_of(const ApiRoute& route, const ApiResponse& response) {
    // What sign-in answers are credentials.
    if (response.status >= 300 || route.path.starts_with("/api/v1/auth/")) return {};
    return kept(route, response.body);
}

std::string text_of(const SignInEvent& event) {
    Json told_of = {{"event", event.what}};
    if (!event.detail.empty()) told_of["detail"] = event.detail;
    return text_of(told_of);
}

AuditEntry aside(const SignInEvent& event) {
    AuditEntry entry;
    entry.remote_address = event.address;
    entry.action = event.what;
    return entry;
}

ApiResponse not_stored(const Error& error) {
    return problem(503, "the change was refused, because the audit cannot store it: " + error.message);
}

}  // namespace

std::string without_secrets(std::string_view text) {
    Json value = Json::parse(text, nullptr, false);
    if (!value.is_structured()) return {};
    mask(value);
    return text_of(value);
}

void ApiAudit::set_routes(const std::vector<ApiRoute>& routes) {
    for (const auto& route : routes) {
        if (route.method == "GET" && !route.path.starts_with("/api/v1/auth/")) readers_[route.path] = &route;
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
        return now.status == 200 ? kept(route, now.body) : std::string();
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
    return is_reading(route) ? next(route, request) : run_change(route, request, next);
}

ApiResponse ApiAudit::run_change(const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next) {
    AuditEntry entry = entry_of(route, request);
    entry.before = as_it_is(route, request);
    const auto begun = audit_.append(entry);
    if (!begun) return not_stored(begun.error());
    Listening listening(entry);
    ApiResponse response = next(route, request);
    entry.begun = *begun;
    entry.status = response.status;
    entry.after = result_of(route, response);
    for (const auto& event : listening.events) describe(entry, event);
    // The first entry stays: that this was begun, and its end not told.
    if (const auto ended = audit_.append(std::move(entry)); !ended)
        spdlog::error("the end of {} is not in the audit: {}", route.operation_id, ended.error().message);
    return response;
}

ApiResponse ApiAudit::run_public(const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next) {
    Listening listening(entry_of(route, request));
    ApiResponse response = next(route, request);
    if (listening.begun && listening.events.empty()) {
        // Begun, and refused or failed before it was done.
        AuditEntry entry = *listening.begun;
        entry.begun = std::exchange(entry.number, 0);
        entry.status = response.status;
        if (const auto stored = audit_.append(std::move(entry)); !stored) return not_stored(stored.error());
    }
    for (const auto& event : listening.events) {
        const bool ends = listening.begun.has_value();
        if (!ends && response.status >= 400 && is_repeated(event)) continue;
        AuditEntry entry = listening.base;
        entry.status = response.status;
        describe(entry, event);
        if (ends) entry.begun = listening.begun->number;
        listening.begun.reset();
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
    Listening* const listening = Listening::current;
    AuditEntry entry = listening != nullptr ? listening->base : aside(event);
    describe(entry, event);
    entry.after.clear();
    const auto number = audit_.append(entry);
    if (!number)
        return fail(ErrorCode::unavailable,
                    "the change was refused, because the audit cannot store it: " + number.error().message);
    if (listening == nullptr) {
        begun_aside = Aside{event.what, *number};
    } else {
        entry.number = *number;
        listening->begun = std::move(entry);
    }
    return {};
}

void ApiAudit::note(const SignInEvent& event) {
    if (Listening::current != nullptr) {
        Listening::current->events.push_back(event);
        return;
    }
    AuditEntry entry = aside(event);
    describe(entry, event);
    if (begun_aside && begun_aside->what == event.what) entry.begun = begun_aside->number;
    begun_aside.reset();
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

}  // namespace lurus::app
