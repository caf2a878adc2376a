// The part of the relay that passes an answer's body on: framing off, read along, held where it must be, framing on.

#include <algorithm>

#include "core/os/release.hpp"
#include "modules/gateway/answer/chunk_size.hpp"
#include "modules/gateway/answer/dialect_text.hpp"
#include "modules/gateway/attempt/relay.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {
constexpr int maybe_last_ms = 500;       // how long an event that may be the last one waits for what follows
constexpr int after_terminal_ms = 5000;  // for the vendor's framing to end after its last event
}  // namespace

// `ends`: the body ends with this piece.
void Relay::take_payload(std::string_view payload, bool ends) {
    RequestRecord& record = request_.record;
    record.bytes_out += static_cast<std::int64_t>(payload.size());
    const AnswerReader::Step step = reader_->feed(payload);
    if (request_.snapshot->settings.log_bodies != GatewaySettings::Bodies::none && !record.request_body.empty()) {
        const auto cap = static_cast<std::size_t>(request_.snapshot->settings.log_bodies_cap);
        if (response_body_.size() < cap) response_body_.append(payload.substr(0, cap - response_body_.size()));
    }
    AnswerGate::Piece piece;
    piece.bytes = payload;
    piece.semantic = step.semantic;
    piece.last_event = step.terminal;
    piece.may_be_last = streamed() && reader_->may_be_last();
    piece.ends_body = ends;
    gate_.take(piece);
}

void Relay::take(std::string_view bytes) {
    while (!bytes.empty() && !framer_.done()) {
        const auto step = framer_.feed(bytes);
        if (step.error != nullptr) {
            bad_framing_ = true;
            failure_ = std::string("the upstream's answer is badly framed: ") + step.error;
            return;
        }
        bytes.remove_prefix(step.consumed);
        if (!step.payload.empty()) take_payload(step.payload, framer_.done());
    }
    if (!bytes.empty()) head_.keep_alive = false;  // more than its framing announced
}

// Sends what may go. False when the client is gone, which is no matter once its answer is discarded.
bool Relay::emit() {
    const AnswerGate::Release now = gate_.release();
    bool good = !session_.client_gone();
    bool finish = false;
    if (!gate_.discarding() && now.bytes > 0) {
        note_downstream();
        const ChunkSize size(now.bytes);
        auto& out = session_.shard.gathered;
        out.clear();
        const auto add = [&](std::string_view text) { out.emplace_back(text.data(), text.size()); };
        if (!gate_.opened()) add(answer_head_);
        if (framing_ == Framing::chunked) add(size.text());
        if (!now.held.empty()) add(now.held);
        for (const std::string_view piece : now.pieces) add(piece);
        if (framing_ == Framing::chunked) add("\r\n");
        gate_.open();
        good = session_.send_now(out, streamed() ? Outbox::Pace::event : Outbox::Pace::turn);
        finish = streamed() && now.all && reader_->complete();
    }
    gate_.released(finish);
    return good || gate_.discarding();
}

void Relay::begin_body(bool last) {
    const int status = head_.status;
    if (!gate_.opened()) {
        framing_ = head_.content_length || framer_.done() ? Framing::length : Framing::chunked;
        if (request_.head.minor_version == 0 && framing_ == Framing::chunked) framing_ = Framing::until_close;
        if (framing_ == Framing::until_close) session_.end_keep_alive();
        auto length = head_.content_length;
        if (framer_.done() && !length && status != 204 && status != 304) length = 0;
        answer_head_ = downstream_head(head_, framing_, length, session_.keep_alive(), request_.trace_id,
                                       session_.limit_fields(request_));
    }
    AnswerGate::Answer answer;
    answer.shape = streamed()                       ? AnswerGate::Shape::events
                   : format_ == AnswerFormat::other ? AnswerGate::Shape::opaque
                                                    : AnswerGate::Shape::json;
    answer.success = status >= 200 && status < 300;
    answer.last_candidate = last;
    answer.end_is_seen = format_ == AnswerFormat::sse && framing_ != Framing::length;
    gate_.begin(answer);
    take(carry_);
    carry_ = {};
}

// What the bytes that came mean for the answer as a whole.
Relay::Course Relay::look() {
    if (framer_.done()) gate_.body_ended();
    if (bad_framing_) {
        cut_ = "bad_framing";
        return Course::cut;
    }
    if (!gate_.committed() && !gate_.reach_commit_point(!reader_->error_type().empty())) {
        failure_ = "the upstream answered 200 with an error inside: " + reader_->error_message();
        current().usage = reader_->usage();
        end_attempt("error_event");
        drop_upstream();
        reader_.reset();
        return Course::failed;
    }
    if (gate_.semantic()) session_.set_heartbeat(0);
    if (gate_.is_body_ended() && !gate_.is_record_safe()) {
        reader_->finish(true);
        if (!gate_.ended_whole(reader_->complete(), !reader_->error_type().empty())) {
            failure_ = "the upstream's stream ended before its last event";
            cut_ = "truncated";
            return Course::cut;
        }
    }
    return Course::on;
}

// An answer of which the client has bytes, or that is whole, keeps nothing of what only its beginning needed: no other
// candidate is asked any more.
void Relay::keep_little() {
    kept_little_ = true;
    request_.let_go();
    release(head_.fields);
    release(head_bytes_);
    if (gate_.opened()) release(answer_head_);
}

bool Relay::stays_without_client() {
    return gate_.client_left(provider_->on_client_gone == OnClientGone::drain,
                             !reader_ || !reader_->error_type().empty());
}

asio::awaitable<void> Relay::beat() {
    session_.set_heartbeat(0);
    if (!gate_.keepalive_due()) co_return;
    bool sent = emit();
    if (sent) sent = co_await session_.flush() || gate_.discarding();
    session_.set_heartbeat(request_.snapshot->settings.heartbeat_ms);
    if (sent && reader_->at_event_boundary()) co_await heartbeat();
}

asio::awaitable<Relay::Verdict> Relay::pass_body(bool last) {
    begin_body(last);
    for (;;) {
        const Course course = look();
        if (course == Course::failed) co_return Verdict::failed;
        if (course == Course::cut) co_return co_await cut(cut_);
        bool good = emit();
        if (good && !session_.flushed()) good = co_await session_.flush() || gate_.discarding();
        if (!good && !stays_without_client()) co_return co_await end_without_client();
        const AnswerGate::Next next = gate_.next();
        if (next == AnswerGate::Next::record) {
            co_await end_body();
            session_.set_deadline(after_terminal_ms);
        } else if (next == AnswerGate::Next::end) {
            release_upstream();
            send_end();
        }
        if (gate_.is_body_ended()) co_return Verdict::answered;
        if (!gate_.is_record_safe())
            session_.set_deadline(gate_.expects_little() ? maybe_last_ms : provider_->idle_timeout_ms);
        if (gate_.committed() && gate_.opened() && !kept_little_) keep_little();

        upstream_->arm();
        Event event = upstream_->readable ? Event::readable : poll();
        while (event == Event::none) {
            co_await session_.signal.wait();
            event = poll();
        }
        if (event == Event::client_gone) {
            if (!stays_without_client()) co_return co_await end_without_client();
            continue;
        }
        if (event == Event::timeout) {
            const AnswerGate::Silence silence = gate_.silence();
            if (silence == AnswerGate::Silence::give_up) co_return co_await end_without_client();
            if (silence != AnswerGate::Silence::release) co_return co_await run_out_of_time();
            gate_.release_waiting();
            continue;
        }
        if (event == Event::heartbeat) {
            co_await beat();
            continue;
        }
        if (read_more()) continue;
        failure_ = "the upstream closed the connection before its answer was whole";
        co_return co_await cut("reset");
    }
}

// False when the connection broke where the answer was not whole.
bool Relay::read_more() {
    auto& scratch = session_.shard.scratch;
    upstream_->readable = false;
    const IoResult result = upstream_->channel.read(scratch);
    if (result.state == Io::again) return true;
    if (result.state == Io::ok) {
        if (result.bytes == scratch.size()) upstream_->readable = true;
        take(std::string_view(scratch.data(), result.bytes));
        return true;
    }
    if (!framer_.end_of_input()) return false;
    gate_.body_ended();
    head_.keep_alive = false;
    return true;
}

}  // namespace lurus::gateway
