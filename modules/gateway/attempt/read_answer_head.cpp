#include "modules/gateway/attempt/relay.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_response_head = 256 * 1024;

enum class HeadStep : std::uint8_t { complete, need_more, failed };

HeadStep failed_head(Relay& relay, Outcome outcome, std::string why) {
    relay.end_attempt(outcome, std::move(why));
    return HeadStep::failed;
}

// The bytes that came, behind those that came before. Interim answers are passed over.
HeadStep parse_head(Relay& relay, std::string_view bytes, bool keep = false) {
    Exchange& upstream = relay.upstream;
    std::string& kept = upstream.head_bytes;
    if (keep || !kept.empty()) {
        kept.append(bytes);
        bytes = kept;
    }
    for (;;) {
        const auto parsed = http1::parse_response_head(bytes, max_response_head, upstream.head);
        if (parsed.state == http1::HeadResult::State::bad)
            return failed_head(relay, Outcome::bad_answer,
                               std::string("the upstream's answer is not valid HTTP: ") + parsed.why);
        if (parsed.state == http1::HeadResult::State::need_more) {
            if (kept.empty() || bytes.data() != kept.data()) kept = std::string(bytes);
            return HeadStep::need_more;
        }
        bytes.remove_prefix(parsed.consumed);
        if (upstream.head.status >= 200) {
            upstream.after_head = bytes;
            return HeadStep::complete;
        }
        // 100 and 103 say nothing to a client that did not ask the vendor; 101 cannot come.
        if (upstream.head.status == 101)
            return failed_head(relay, Outcome::bad_answer, "the upstream switched protocols unasked");
        if (bytes.empty()) {
            kept.clear();
            return HeadStep::need_more;
        }
    }
}

}  // namespace

EarlyHead read_early_head(Relay& relay) {
    const IoResult result = relay.upstream.read();
    if (result.state == Io::again) return EarlyHead::none;
    if (result.state != Io::ok) return EarlyHead::closed;
    switch (parse_head(relay, std::string_view(relay.session.shard.scratch.data(), result.bytes), true)) {
        case HeadStep::complete: return EarlyHead::complete;
        case HeadStep::need_more: return EarlyHead::none;
        case HeadStep::failed: break;
    }
    return EarlyHead::failed;
}

asio::awaitable<HeadState> read_answer_head(Relay& relay) {
    Session& session = relay.session;
    Exchange& upstream = relay.upstream;
    const Provider& provider = relay.provider();
    // Some of it may have come while an upload was sent.
    if (!relay.request.upload) upstream.head_bytes.clear();
    upstream.after_head = {};
    session.set_deadline(provider.first_byte_timeout_ms);
    for (;;) {
        upstream.connection()->arm();
        Event event = relay.poll();
        while (event == Event::none) {
            co_await session.signal.wait();
            event = relay.poll();
        }
        if (event == Event::client_gone) {
            if (provider.on_client_gone == OnClientGone::cancel) co_return HeadState::client_gone;
            relay.client.gate.discard();
            continue;
        }
        if (event == Event::keepalive) {
            co_await relay.client.send_keepalive();
            continue;
        }
        if (event == Event::timeout) {
            relay.end_attempt(Outcome::first_byte_timeout, "the upstream did not answer within " +
                                                               std::to_string(provider.first_byte_timeout_ms) + " ms");
            co_return HeadState::failed;
        }
        const IoResult result = upstream.read();
        if (result.state == Io::again) continue;
        if (result.state != Io::ok) {
            if (upstream.head_bytes.empty()) co_return HeadState::closed;
            relay.end_attempt(Outcome::reset, "the upstream closed the connection inside its answer's head");
            co_return HeadState::failed;
        }
        const HeadStep step = parse_head(relay, std::string_view(session.shard.scratch.data(), result.bytes));
        if (step == HeadStep::complete) co_return HeadState::complete;
        if (step == HeadStep::failed) co_return HeadState::failed;
    }
}

}  // namespace lurus::gateway
