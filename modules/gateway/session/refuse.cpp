// Requests that get no further than their head or body: counted, answered, and recorded as far as their address may.

#include "core/http/problem.hpp"
#include "core/os/release.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/session/browser.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

// False: nothing is kept of this one.
bool begin_refused_record(Session& session, Request& request, const EarlyRefusal& why) {
    const GatewaySettings& settings = request.snapshot->settings;
    if (!settings.log_enabled || request.path_class == "api" || !session.shard.log.has_room()) return false;
    const auto verdict = session.services().refused().ask(request.address, session.shard.clock.monotonic_us(),
                                                          settings.log_refused_per_minute);
    if (!verdict.kept) return false;
    start_record(session, request);
    RequestRecord& record = request.record;
    if (request.endpoint.name.empty()) {
        record.dialect = record.upstream_dialect = request.family == Family::anthropic ? Dialect::anthropic
                                                   : request.family == Family::gemini  ? Dialect::gemini
                                                                                       : Dialect::openai;
        record.operation = request.path_class;
    }
    record.error = cut_field(why.message) + (request.address ? "; from " + request.address->text() : "");
    if (verdict.unkept > 0)
        record.error += "; " + std::to_string(verdict.unkept) + " more of this address have no record";
    record.error = record.error.substr(0, 512);
    return true;
}

}  // namespace

void drop_unread(Session& session, Request& request) {
    if (request.has_unread_body()) {
        session.end_keep_alive();
        release(session.input());
    } else {
        session.input().erase(0, request.unread_head);
    }
    session.want_input(0);
    request.unread_head = 0;
    request.body_open = false;
    release(request.chunked_body);
    request.room.release();
}

asio::awaitable<void> refuse_early(Session& session, Request& request, EarlyRefusal why) {
    // The head's bytes may have moved since it was parsed.
    if (request.unread_head != 0) http1::parse_request_head(session.input(), request.unread_head, request.head);
    std::string body;
    std::string_view type = "application/json";
    if (request.path_class == "api") {
        body = problem(why.status, why.message).body;
        type = "application/problem+json";
    } else {
        body = error_body(request.family, why.status, why.message, request.trace_id);
    }
    const bool recorded = begin_refused_record(session, request, why);
    drop_unread(session, request);
    session.shard.metrics.count_refused(request.path_class, why.reason, recorded);
    if (recorded) {
        RequestRecord& record = request.record;
        record.status = why.status;
        record.end = End::error;
        record.ttfb_us = record.duration_us =
            request.started_us != 0 ? session.shard.clock.monotonic_us() - request.started_us : 0;
        record.bytes_out = static_cast<std::int64_t>(body.size());
        co_await session.commit(std::move(record));
    } else {
        session.shard.metrics.count_local(why.status);
    }
    co_await session.respond(request, why.status, std::move(body), type, why.fields);
}

std::optional<EarlyRefusal> from_foreign_page(const Session& session, const Request& request) {
    if (!session.open() || request.key != nullptr || !session.peer()) return std::nullopt;
    auto found = request.path_class == "own" ? foreign_host(request.head, request.snapshot->settings)
                                             : foreign_page(request.head, request.snapshot->settings);
    if (!found) return std::nullopt;
    return EarlyRefusal(403, found->reason, std::move(found->message));
}

bool note_origin(Request& request) {
    const http1::Field* origin = request.head.find("origin");
    if (origin == nullptr) return false;
    if (is_listed_origin(request.snapshot->settings.cors_origins, origin->value))
        request.cors = cors_fields(origin->value);
    return is_preflight(request.head);
}

asio::awaitable<void> answer_preflight(Session& session, Request& request) {
    const std::string_view origin = request.head.value("origin");
    if (request.cors.empty()) {
        EarlyRefusal why(403, "origin",
                         "web pages of \"" + cut_field(origin) +
                             "\" may not use this gateway: name that origin in server.cors_origins");
        co_await refuse_early(session, request, std::move(why));
        co_return;
    }
    const std::string fields = preflight_fields(request.head, origin);
    drop_unread(session, request);
    session.shard.metrics.count_local(204);
    std::string out = local_head(204, {}, std::nullopt, session.keep_alive(), &request.trace_id, fields);
    co_await session.send(std::move(out));
}

}  // namespace lurus::gateway
