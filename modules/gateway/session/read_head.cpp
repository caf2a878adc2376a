#include <algorithm>

#include "core/os/release.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

asio::awaitable<std::size_t> read_head(Session& session, std::unique_ptr<Request>& begun) {
    Shard& shard = session.shard;
    std::string& input = session.input();
    session.set_idle(true);
    if (shard.draining() && input.empty()) co_return 0;
    session.want_input(0);
    if (input.empty()) {
        release(input);  // an idle connection keeps no buffer
        session.set_deadline(shard.snapshot->settings.idle_timeout_ms);
        session.arm_read();
        while (input.empty()) {
            if (session.client_gone() || session.timed_out()) co_return 0;
            co_await session.signal.wait();
        }
    }
    session.set_idle(false);
    begun = std::make_unique<Request>();
    Request& request = *begun;
    request.snapshot = shard.snapshot;
    const GatewaySettings& settings = request.snapshot->settings;
    session.set_deadline(settings.header_timeout_ms);
    for (;;) {
        const auto parsed =
            http1::parse_request_head(input, static_cast<std::size_t>(settings.max_header_bytes), request.head);
        if (parsed.state == http1::HeadResult::State::complete) {
            request.time = shard.clock.now();
            request.started_us = shard.clock.monotonic_us();
            request.unread_head = parsed.consumed;
            request.head_only = request.head.method == "HEAD";
            request.target_at = static_cast<std::size_t>(request.head.target.data() - input.data());
            session.set_deadline(0);
            const auto given = trace_parent(request.head.value("traceparent"));
            request.trace_id = given ? *given : shard.ids.next(request.time);
            if (!request.head.keep_alive) session.end_keep_alive();
            co_return parsed.consumed;
        }
        std::optional<EarlyRefusal> why;
        if (parsed.state == http1::HeadResult::State::bad) {
            why.emplace(parsed.status, "bad_head", parsed.why);
        } else if (!co_await session.more_input()) {
            if (session.client_gone()) co_return 0;
            why.emplace(408, "head_timeout", "the request's head did not arrive in time");
        }
        if (why) {
            session.end_keep_alive();
            request.time = shard.clock.now();
            request.started_us = shard.clock.monotonic_us();
            request.trace_id = shard.ids.next(request.time);
            request.head = http1::RequestHead();
            request.address = session.peer();
            EarlyRefusal refusal = *std::move(why);
            co_await refuse_early(session, request, std::move(refusal));
            co_return 0;
        }
    }
}

}  // namespace lurus::gateway
