#include "modules/gateway/attempt/relay.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/attempt/connect.hpp"
#include "modules/gateway/attempt/send_request.hpp"
#include "modules/gateway/limits/limit_answer.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

bool wants_json(Operation operation) {
    return operation != Operation::audio && operation != Operation::images && operation != Operation::resource;
}

bool is_json_or_stream(std::string_view content_type) {
    const std::string_view type = content_type.substr(0, std::min(content_type.find(';'), content_type.size()));
    return type.empty() || type.find("json") != std::string_view::npos ||
           type.find("event-stream") != std::string_view::npos || type.find("octet-stream") != std::string_view::npos ||
           type.find("text/plain") != std::string_view::npos;
}

// What an answer's head says that no client could use, and why.
std::optional<std::pair<Outcome, std::string>> unusable(const Relay& relay, AttemptLoop::Use use) {
    const http1::ResponseHead& head = relay.upstream.head;
    if (head.status >= 300 && head.status < 400 && head.status != 304) {
        return std::pair(Outcome::redirect, "the upstream redirects to " +
                                                std::string(head.value("location").substr(0, 200)) +
                                                "; set the provider's base_url to where it really is");
    }
    const bool good = head.status >= 200 && head.status < 300;
    if (!good || use != AttemptLoop::Use::pass) return std::nullopt;
    if (relay.client.gate.opened() && !relay.client.streamed())
        return std::pair(Outcome::content_type, std::string("the upstream did not stream its answer"));
    const std::string_view type = head.value("content-type");
    if (wants_json(relay.request.endpoint.operation) && !is_json_or_stream(type)) {
        return std::pair(Outcome::content_type, "the upstream answered with " + std::string(type.substr(0, 100)) +
                                                    " where JSON was expected; is the provider's base_url right?");
    }
    return std::nullopt;
}

// What is to be done with the answer whose head came; nothing where the attempt has ended with it.
std::optional<AttemptLoop::Use> judge_head(Relay& relay) {
    Exchange& upstream = relay.upstream;
    const int status = upstream.head.status;
    upstream.framer = http1::BodyFramer(http1::body_kind(upstream.head, relay.request.head.method),
                                        upstream.head.content_length.value_or(0));
    upstream.broken = false;
    upstream.coded = upstream.framer.done()
                         ? nullptr
                         : take_coding_off(upstream.head, relay.request.head, relay.client.is_read(upstream.head));
    relay.client.read_as(upstream.head, relay.usage_asked);
    const AttemptLoop::Use use = relay.attempts.answered(status, relay.client.gate.opened());
    if (auto why = unusable(relay, use)) {
        relay.end_attempt(why->first, std::move(why->second));
        upstream.drop();
        return std::nullopt;
    }
    return use;
}

}  // namespace

Relay::Relay(Session& own_session, Request& own_request)
    : session(own_session),
      request(own_request),
      attempts(take_candidates(request), AttemptLoop::Protocol::http, request.facts.model, request.record),
      upstream(session.shard),
      client(session, request) {}

std::int64_t Relay::since_start() const {
    return session.shard.clock.monotonic_us() - request.started_us;
}

Event Relay::poll() const {
    if (session.client_gone() && !client.gate.discarding()) return Event::client_gone;
    if (upstream.readable()) return Event::readable;
    if (session.timed_out()) return Event::timeout;
    if (session.keepalive_due()) return Event::keepalive;
    return Event::none;
}

asio::awaitable<bool> ask(Relay& relay) {
    if (relay.request.upload) co_return co_await ask_upload(relay);
    const Target& target = relay.attempts.target();
    const FamilyEndpoint& endpoint = target.endpoint();
    const UpstreamRequest request(relay.request, target, relay.request.record.upstream_model, relay.usage_asked);
    relay.upstream.use(pooled_upstream(relay.session, target.provider, endpoint));
    for (;;) {
        if (relay.upstream.connection() == nullptr) {
            Connected connected = co_await connect_upstream(relay.session, target.provider, endpoint);
            if (!connected.connection) {
                relay.end_attempt(connected.outcome, std::move(connected.error));
                co_return false;
            }
            relay.upstream.use(std::move(connected.connection));
        }
        if (!send_at_once(relay, request)) co_await send_request(relay, request);
        relay.sent = true;
        const HeadState state = co_await read_answer_head(relay);
        if (state == HeadState::complete) co_return true;
        const bool pooled = relay.upstream.connection() != nullptr && relay.upstream.connection()->reused;
        relay.upstream.drop();
        if (state == HeadState::client_gone) relay.end_attempt(Outcome::client_gone, "the client left");
        if (state != HeadState::closed) co_return false;
        if (relay.attempts.closed_unanswered(pooled)) continue;
        relay.end_attempt(Outcome::reset, "the upstream closed the connection without an answer");
        co_return false;
    }
}

namespace {

bool asks_usage(const Relay& relay) {
    if (relay.request.facts.ask_usage.text.empty() || !relay.provider().ask_usage) return false;
    const auto& refuse = relay.session.shard.refuse_usage;
    return refuse.empty() || !refuse.contains(relay.provider().name);
}

// The answer whose head came may say that asking for usage was wrong; also in words that only the body has.
bool may_refuse_usage(const Relay& relay, const std::optional<AttemptLoop::Use>& use) {
    const int status = relay.upstream.head.status;
    return use && relay.usage_asked && (status == 400 || status == 422) && !relay.client.gate.opened();
}

// The first candidate's model was looked at with the request's other limits.
bool within_model_limits(Relay& relay) {
    const RequestRecord& record = relay.request.record;
    if (record.attempts.size() < 2 || relay.request.snapshot->settings.limits.models.empty()) return true;
    const auto refused = relay.session.limits.admit_attempt(relay.request, relay.provider(), record.upstream_model);
    if (!refused) return true;
    relay.end_attempt(Outcome::limited, refusal_message(*refused, relay.session.shard.clock.now()));
    return false;
}

}  // namespace

asio::awaitable<void> relay_request(Session& session, Request& request) {
    if (const auto& resolution = candidates_of(request); !resolution) {
        if (request.upload) drop_unread(session, request);
        co_await session.refuse(request, status_of(resolution.error()), resolution.error().message);
        co_return;
    }
    session.set_keepalive(request.snapshot->settings.heartbeat_ms);
    Relay relay(session, request);
    while (relay.attempts.next(relay.since_start()) != nullptr) {
        if (!within_model_limits(relay)) continue;
        relay.usage_asked = asks_usage(relay);
        for (bool again = true; std::exchange(again, false);) {
            relay.client.forget_head();
            relay.sent = false;
            if (!co_await ask(relay)) break;
            const auto use = judge_head(relay);
            if (may_refuse_usage(relay, use)) {
                const Refused refused = co_await refuses_usage(relay);
                again = refused == Refused::usage;
                if (refused == Refused::something_else) {
                    co_await send_kept_answer(relay);
                    co_return;
                }
            } else if (use == AttemptLoop::Use::keep) {
                co_await keep_error_answer(relay);
            } else if (use == AttemptLoop::Use::pass && co_await relay_body(relay)) {
                co_return;
            }
        }
        if (session.client_gone()) relay.attempts.client_left();
    }
    if (request.upload) drop_unread(session, request);
    co_await answer_without_upstream(relay);
}

}  // namespace lurus::gateway
