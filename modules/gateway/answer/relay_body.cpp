// Passes an answer's body on: framing off, read along, held where it must be, framing on. With backpressure: nothing
// more is read from the vendor before the client has taken what it was given.

#include <optional>
#include <utility>

#include "core/os/release.hpp"
#include "modules/gateway/attempt/relay.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr int maybe_last_ms = 500;       // how long an event that may be the last one waits for what follows
constexpr int after_terminal_ms = 5000;  // for the vendor's framing to end after its last event

using Failure = std::pair<Outcome, std::string>;

/// A piece of a compressed answer. What is wrong with it, or null.
const char* take_decoded(Relay& relay) {
    CodedBody& coded = *relay.upstream.coded;
    const std::optional<std::string_view> plain = coded.next();
    if (!plain) return "its content coding is damaged";
    const bool over = relay.upstream.framer.done() && !coded.pending();
    if (!plain->empty()) relay.client.take(*plain, over && coded.whole());
    if (over && !coded.whole()) return "its content coding ends early";
    if (over) relay.client.end_body();
    return nullptr;
}

/// Takes the framing off. What is wrong with it, or null.
const char* take(Relay& relay, std::string_view bytes) {
    http1::BodyFramer& framer = relay.upstream.framer;
    while (!bytes.empty() && !framer.done()) {
        const auto step = framer.feed(bytes);
        if (step.error != nullptr) return step.error;
        bytes.remove_prefix(step.consumed);
        if (relay.upstream.coded) {
            relay.upstream.coded->add(step.payload);
        } else if (!step.payload.empty()) {
            relay.client.take(step.payload, framer.done());
        }
    }
    if (!bytes.empty()) relay.upstream.head.keep_alive = false;  // more than its framing announced
    if (relay.upstream.coded) return take_decoded(relay);
    if (framer.done()) relay.client.end_body();
    return nullptr;
}

// Why the answer as a whole is not what the client waits for, by what has come so far.
std::optional<Failure> fault(Relay& relay, const char* bad_framing) {
    ClientAnswer& client = relay.client;
    AnswerGate& gate = client.gate;
    if (bad_framing != nullptr)
        return Failure(Outcome::bad_framing, std::string("the upstream's answer is badly framed: ") + bad_framing);
    bool cut = false;
    if (gate.is_body_ended() && !gate.is_record_safe()) {
        client.reader->finish(!relay.upstream.broken);
        cut = !gate.ended_whole(client.reader->complete(), !client.reader->error_type().empty());
    }
    if (!gate.committed() && !cut && !gate.reach_commit_point(!client.reader->error_type().empty()))
        return Failure(Outcome::error_event,
                       "the upstream answered 200 with an error inside: " + client.reader->error_message());
    if (cut)
        return Failure(Outcome::truncated, client.streamed() ? "the upstream's stream ended before its last event"
                                                             : "the upstream's answer ended before it was whole");
    return std::nullopt;
}

// What may be the last event of the answer of a client that left is waited for shortly.
bool stays_without_client(Relay& relay) {
    const bool error = !relay.client.reader || !relay.client.reader->error_type().empty();
    return relay.client.gate.client_left(relay.provider().on_client_gone == OnClientGone::drain, error);
}

asio::awaitable<bool> send_released(Relay& relay) {
    if (!relay.client.send_released()) co_return false;
    co_return co_await relay.session.flush() || relay.client.gate.discarding();
}

asio::awaitable<void> keep_waiting(Relay& relay) {
    relay.session.set_keepalive(relay.request.snapshot->settings.heartbeat_ms);
    const bool stream = relay.client.gate.keepalive_due();
    const bool sent = co_await send_released(relay);
    if (stream && sent && relay.client.may_keep_alive()) co_await relay.client.send_keepalive();
}

// Until the vendor's next bytes; a client that has just got some waits for its keepalive from now on.
void wait_for_more(Relay& relay) {
    const AnswerGate& gate = relay.client.gate;
    const bool sent = relay.client.take_sent();
    if (gate.is_record_safe()) return;
    const int ms = gate.expects_little() ? maybe_last_ms : relay.provider().idle_timeout_ms;
    if (sent && relay.client.streamed()) {
        relay.session.set_deadline_and_keepalive(ms, relay.request.snapshot->settings.heartbeat_ms);
    } else {
        relay.session.set_deadline(ms);
    }
}

// False when the connection broke where the answer was not whole.
bool read_more(Relay& relay, const char*& bad_framing) {
    Exchange& upstream = relay.upstream;
    const auto& scratch = relay.session.shard.scratch;
    const IoResult result = upstream.read();
    if (result.state == Io::again) return true;
    if (result.state == Io::ok) {
        if (result.bytes == scratch.size()) upstream.connection()->readable = true;
        bad_framing = take(relay, std::string_view(scratch.data(), result.bytes));
        return true;
    }
    if (!upstream.framer.end_of_input() || (upstream.coded && !upstream.coded->whole())) return false;
    upstream.broken = result.state != Io::eof;
    relay.client.end_body();
    upstream.head.keep_alive = false;
    return true;
}

}  // namespace

void release_beginning(Relay& relay) {
    relay.request.release_sent();
    release(relay.upstream.head.fields);
    release(relay.upstream.head_bytes);
    relay.client.release_head();
}

asio::awaitable<bool> relay_body(Relay& relay) {
    Session& session = relay.session;
    Exchange& upstream = relay.upstream;
    ClientAnswer& client = relay.client;
    AnswerGate& gate = client.gate;
    bool beginning_kept = true;
    bool vendor_spoke = true;  // our own keepalives do not make a silent vendor a living one
    client.begin(upstream.head, upstream.framer.done(), relay.attempts.last());
    const char* bad_framing = take(relay, std::exchange(upstream.after_head, {}));
    for (;;) {
        if (auto failure = fault(relay, bad_framing))
            co_return co_await end_cut(relay, failure->first, std::move(failure->second));
        bool good = client.send_released();
        if (good && !session.flushed()) good = co_await session.flush() || gate.discarding();
        if (!good && !stays_without_client(relay)) {
            co_await end_without_client(relay);
            co_return true;
        }
        const AnswerGate::Next next = gate.next();
        if (next == AnswerGate::Next::record) {
            co_await end_whole(relay);
            session.set_deadline(after_terminal_ms);
        } else if (next == AnswerGate::Next::end) {
            upstream.release();
            client.send_rest();
        }
        if (gate.is_body_ended()) co_return true;
        if (upstream.coded && upstream.coded->pending()) {
            bad_framing = take_decoded(relay);
            continue;
        }
        if (std::exchange(vendor_spoke, false)) wait_for_more(relay);
        if (beginning_kept && gate.committed() && gate.opened()) {
            beginning_kept = false;
            release_beginning(relay);
        }

        upstream.connection()->arm();
        Event event = upstream.readable() ? Event::readable : relay.poll();
        while (event == Event::none) {
            co_await session.signal.wait();
            event = relay.poll();
        }
        if (event == Event::client_gone) {
            vendor_spoke = true;
            if (stays_without_client(relay)) continue;
            co_await end_without_client(relay);
            co_return true;
        }
        if (event == Event::timeout) {
            const AnswerGate::Silence silence = gate.silence();
            if (silence == AnswerGate::Silence::release) {
                gate.release_waiting();
                vendor_spoke = true;
                continue;
            }
            if (silence != AnswerGate::Silence::give_up) co_return co_await end_silent(relay);
            co_await end_without_client(relay);
            co_return true;
        }
        if (event == Event::keepalive) {
            co_await keep_waiting(relay);
            continue;
        }
        vendor_spoke = true;
        if (!read_more(relay, bad_framing)) {
            const char* why = "the upstream closed the connection before its answer was whole";
            co_return co_await end_cut(relay, Outcome::reset, why);
        }
    }
}

}  // namespace lurus::gateway
