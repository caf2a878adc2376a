// What becomes of a request when no answer can be passed on: a vendor's error is kept, and the client told.

#include <optional>
#include <string_view>
#include <utility>

#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/session/browser.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_kept_answer = 1 << 20;
constexpr int kept_answer_timeout_ms = 10'000;

// False when what came is damaged.
bool keep_decoded(Relay& relay, KeptAnswer& kept) {
    CodedBody& coded = *relay.upstream.coded;
    while (coded.pending() && kept.bytes.size() < max_kept_answer) {
        const std::optional<std::string_view> plain = coded.next();
        if (!plain) return false;
        kept.bytes.append(*plain);
        relay.client.reader->feed(*plain);
    }
    return true;
}

// False when the framing is broken.
bool keep(Relay& relay, KeptAnswer& kept, std::string_view bytes) {
    http1::BodyFramer& framer = relay.upstream.framer;
    while (!bytes.empty() && !framer.done()) {
        const auto step = framer.feed(bytes);
        if (step.error != nullptr) return false;
        bytes.remove_prefix(step.consumed);
        if (relay.upstream.coded) {
            relay.upstream.coded->add(step.payload);
            if (!keep_decoded(relay, kept)) return false;
        } else if (kept.bytes.size() < max_kept_answer) {
            kept.bytes.append(step.payload);
            relay.client.reader->feed(step.payload);
        }
    }
    return true;
}

}  // namespace

asio::awaitable<void> keep_error_answer(Relay& relay) {
    Session& session = relay.session;
    Exchange& upstream = relay.upstream;
    auto kept = std::make_unique<KeptAnswer>();
    kept->status = upstream.head.status;
    kept->head_text = with_cors(
        downstream_head(upstream.head, Framing::until_close, std::nullopt, session.keep_alive(), relay.request.trace_id,
                        session.limits.fields(relay.request), relay.request.snapshot->settings.headers.from_vendors),
        relay.request.cors);
    bool good = keep(relay, *kept, upstream.after_head);
    upstream.after_head = {};
    session.set_deadline(kept_answer_timeout_ms);
    while (good && !upstream.framer.done() && kept->bytes.size() < max_kept_answer) {
        upstream.connection()->arm();
        Event event = relay.poll();
        while (event == Event::none) {
            co_await session.signal.wait();
            event = relay.poll();
        }
        if (event == Event::keepalive) {
            co_await relay.client.send_keepalive();
            continue;
        }
        if (event != Event::readable) break;
        const IoResult result = upstream.read();
        if (result.state == Io::again) continue;
        if (result.state != Io::ok) {
            (void)upstream.framer.end_of_input();  // `done` says below whether that was a proper end
            break;
        }
        good = keep(relay, *kept, std::string_view(session.shard.scratch.data(), result.bytes));
    }
    AnswerReader& reader = *relay.client.reader;
    reader.finish(upstream.framer.done());
    upstream.release();
    kept->error = reader.error_message();
    relay.attempts.attempt().usage = reader.usage();
    relay.end_attempt(Outcome::status, "the upstream answered " + std::to_string(kept->status) +
                                           (kept->error.empty() ? "" : ": " + kept->error));
    if (!upstream.framer.done()) co_return;
    relay.attempts.keep_answer();
    relay.kept = std::move(kept);
}

asio::awaitable<void> send_kept_answer(Relay& relay) {
    KeptAnswer& kept = *relay.kept;
    std::string out = std::move(kept.head_text);
    out.resize(out.size() - 2);
    out += "Content-Length: " + std::to_string(kept.bytes.size()) + "\r\n\r\n";
    if (!relay.request.head_only) out += kept.bytes;
    relay.request.record.bytes_out = static_cast<std::int64_t>(kept.bytes.size());
    relay.client.note_first_byte();
    co_await close_record(relay, End::error, kept.status, kept.error);
    relay.session.limits.leave();
    co_await relay.session.send(std::move(out));
}

asio::awaitable<Refused> refuses_usage(Relay& relay) {
    auto before = std::exchange(relay.kept, nullptr);
    co_await keep_error_answer(relay);
    if (!relay.kept) {
        relay.kept = std::move(before);
        co_return Refused::unknown;
    }
    const std::string& body = relay.kept->bytes;
    if (!body.contains("stream_options") && !body.contains("include_usage")) co_return Refused::something_else;
    relay.kept.reset();
    relay.session.shard.refuse_usage.insert(relay.provider().name);
    relay.usage_asked = false;
    relay.attempts.again(relay.since_start());
    co_return Refused::usage;
}

asio::awaitable<void> answer_without_upstream(Relay& relay) {
    Session& session = relay.session;
    ClientAnswer& client = relay.client;
    RequestRecord& record = relay.request.record;
    const bool opened = client.gate.opened();
    const AttemptLoop::Conclusion conclusion = relay.attempts.conclusion(opened);
    if (conclusion == AttemptLoop::Conclusion::client_gone) {
        co_await close_record(relay, End::client_gone, opened ? 200 : 0, "the client left before an answer");
        co_return;
    }
    if (conclusion == AttemptLoop::Conclusion::kept_answer) {
        co_await send_kept_answer(relay);
        co_return;
    }
    const int status = relay.attempts.status();
    const std::string message = relay.attempts.message();
    client.note_first_byte();
    if (opened) {
        const std::string error = client.error_instead(status, message);
        client.gate.drop();
        client.gate.append(error);
        record.bytes_out += static_cast<std::int64_t>(error.size());
        co_await close_record(relay, End::error, 200, message);
        client.gate.body_ended();
        client.send_rest();
        co_await session.flush();
        co_return;
    }
    std::string body = error_body(relay.request.family, status, message, relay.request.trace_id);
    record.bytes_out = static_cast<std::int64_t>(body.size());
    co_await close_record(relay, End::error, status, message);
    co_await session.respond(relay.request, status, std::move(body), "application/json");
}

}  // namespace lurus::gateway
