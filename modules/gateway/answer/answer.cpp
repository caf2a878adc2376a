// The part of the relay that passes an answer's body on: framing off, read along, held where it must be, framing on.

#include <algorithm>

#include "core/os/release.hpp"
#include "modules/gateway/answer/chunk_size.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/dialect/own_answers.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {
constexpr std::size_t max_held_json = 1 << 20;  // a longer JSON answer is passed on before it is whole
constexpr std::size_t max_held_events = 64 << 10;
constexpr int maybe_last_ms = 500;       // how long an event that may be the last one waits for what follows
constexpr int after_terminal_ms = 5000;  // for the vendor's framing to end after its last event
}  // namespace

// `ends`: the body ends with this piece. Before the gate is open everything is held; behind it, what would tell the
// client that the answer is whole waits for the record.
void Relay::take_payload(std::string_view payload, bool ends) {
    RequestRecord& record = request_.record;
    record.bytes_out += static_cast<std::int64_t>(payload.size());
    if (maybe_last_) let_go();
    const AnswerReader::Step step = reader_->feed(payload);
    semantic_ = semantic_ || step.semantic;
    std::size_t free = payload.size();
    if (!terminal_ && step.terminal != AnswerReader::none) {
        terminal_ = true;
        free = step.terminal;
    }
    // Where the client knows the end by the bytes alone, the last ones wait.
    if (ends && (format_ != AnswerFormat::sse || framing_ == Framing::length)) free = 0;
    if (request_.snapshot->settings.log_bodies != GatewaySettings::Bodies::none && !record.request_body.empty()) {
        const auto cap = static_cast<std::size_t>(request_.snapshot->settings.log_bodies_cap);
        if (response_body_.size() < cap) response_body_.append(payload.substr(0, cap - response_body_.size()));
    }
    if (committed_) free = payload.size();
    if (!committed_ && held_until_commit_ != std::string::npos) free = 0;
    maybe_last_ = streamed() && !terminal_ && !committed_ && free == payload.size() && reader_->may_be_last();
    if (gate_open_ && held_until_commit_ == std::string::npos) {
        if (maybe_last_) maybe_last_piece_ = pieces_.size();
        if (free > 0) {
            pieces_.emplace_back(payload.data(), free);
            pieces_bytes_ += free;
        }
        if (free < payload.size()) {
            held_until_commit_ = held_.size();
            held_.append(payload.substr(free));
        }
        return;
    }
    if (maybe_last_) free = 0;
    if (!committed_ && free < payload.size() && held_until_commit_ == std::string::npos)
        held_until_commit_ = held_.size() + free;
    held_.append(payload);
}

// More came, or nothing for a while: what was held was not the last, or the vendor is slow to say so.
void Relay::let_go() {
    maybe_last_ = false;
    maybe_last_piece_ = std::string::npos;
    if (!committed_ && !terminal_) held_until_commit_ = std::string::npos;
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
    std::size_t free_held = 0;
    if (gate_open_ && held_until_commit_ != 0 && !held_.empty()) {
        // The gate has just opened: the held prefix goes first.
        free_held = std::min(held_until_commit_, held_.size());
    }
    std::string held_back;
    if (maybe_last_piece_ != std::string::npos) {
        for (std::size_t i = maybe_last_piece_; i < pieces_.size(); ++i) {
            held_back.append(static_cast<const char*>(pieces_[i].data()), pieces_[i].size());
            pieces_bytes_ -= pieces_[i].size();
        }
        pieces_.resize(maybe_last_piece_);
        maybe_last_piece_ = std::string::npos;
    }
    const std::size_t bytes = free_held + pieces_bytes_;
    bool good = !session_.client_gone();
    if (!discard_ && bytes > 0) {
        note_downstream();
        const ChunkSize size(bytes);
        auto& out = session_.shard.gathered;
        out.clear();
        if (!opened_) out.emplace_back(answer_head_.data(), answer_head_.size());
        if (framing_ == Framing::chunked) out.emplace_back(size.text().data(), size.text().size());
        if (free_held > 0) out.emplace_back(held_.data(), free_held);
        out.insert(out.end(), pieces_.begin(), pieces_.end());
        if (framing_ == Framing::chunked) out.emplace_back("\r\n", 2);
        opened_ = true;
        good = session_.send_now(out, streamed() ? Outbox::Pace::event : Outbox::Pace::turn);
        finish_sent_ = finish_sent_ || (streamed() && held_back.empty() && reader_->complete());
    }
    pieces_.clear();
    pieces_bytes_ = 0;
    if (free_held > 0) {
        held_.erase(0, free_held);
        if (held_until_commit_ != std::string::npos) held_until_commit_ = 0;
    }
    if (!held_back.empty()) {
        held_.append(held_back);
        held_until_commit_ = 0;
    }
    return good || discard_;
}

void Relay::begin_body(bool last) {
    const int status = head_.status;
    if (!opened_) {
        framing_ = head_.content_length || framer_.done() ? Framing::length : Framing::chunked;
        if (request_.head.minor_version == 0 && framing_ == Framing::chunked) framing_ = Framing::until_close;
        if (framing_ == Framing::until_close) session_.end_keep_alive();
        auto length = head_.content_length;
        if (framer_.done() && !length && status != 204 && status != 304) length = 0;
        answer_head_ = downstream_head(head_, framing_, length, session_.keep_alive(), request_.trace_id,
                                       session_.limit_fields(request_));
    }
    if (format_ == AnswerFormat::other || (streamed() && last)) gate_open_ = true;
    take(carry_);
    carry_ = {};
}

// What the bytes that came mean for the answer as a whole.
Relay::Course Relay::look(bool last) {
    const bool good = head_.status >= 200 && head_.status < 300;
    if (framer_.done()) upstream_ended_ = upstream_clean_ = true;
    if (bad_framing_) {
        cut_ = "bad_framing";
        return Course::cut;
    }
    if (!gate_open_) {
        if (good && !last && !reader_->error_type().empty()) {
            failure_ = "the upstream answered 200 with an error inside: " + reader_->error_message();
            current().usage = reader_->usage();
            end_attempt("error_event");
            drop_upstream();
            reader_.reset();
            return Course::failed;
        }
        gate_open_ = streamed() ? semantic_ || upstream_ended_ || held_.size() > max_held_events
                                : upstream_ended_ || held_.size() > max_held_json;
    }
    if (semantic_) session_.set_heartbeat(0);
    if (upstream_ended_ && !committed_) {
        reader_->finish(upstream_clean_);
        if (streamed() && good && !reader_->complete() && reader_->error_type().empty()) {
            upstream_ended_ = false;
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
    if (opened_) release(answer_head_);
}

bool Relay::stays_without_client() {
    if (committed_) return false;
    // Many clients leave at the finish reason; what their answer used comes behind it.
    client_had_all_ = finish_sent_ && reader_->error_type().empty();
    if (!client_had_all_ && provider_->on_client_gone != OnClientGone::drain) return false;
    discard_ = true;
    return true;
}

asio::awaitable<void> Relay::beat() {
    session_.set_heartbeat(0);
    if (!streamed()) co_return;
    gate_open_ = true;
    bool sent = emit();
    if (sent) sent = co_await session_.flush() || discard_;
    session_.set_heartbeat(request_.snapshot->settings.heartbeat_ms);
    if (sent && reader_->at_event_boundary()) co_await heartbeat();
}

asio::awaitable<Relay::Verdict> Relay::pass_body(bool last) {
    begin_body(last);
    for (;;) {
        const Course course = look(last);
        if (course == Course::failed) co_return Verdict::failed;
        if (course == Course::cut) co_return co_await cut(cut_);
        bool good = emit();
        if (good && !session_.flushed()) good = co_await session_.flush() || discard_;
        if (!good && !stays_without_client()) co_return co_await end_without_client();
        if (gate_open_ && (upstream_ended_ || terminal_) && !committed_) {
            co_await end_body();
            session_.set_deadline(after_terminal_ms);
        } else if (upstream_ended_ && committed_) {
            release_upstream();
            send_end();
        }
        if (upstream_ended_) co_return Verdict::answered;
        if (!committed_)
            session_.set_deadline(maybe_last_ || client_had_all_ ? maybe_last_ms : provider_->idle_timeout_ms);
        if (gate_open_ && opened_ && !kept_little_) keep_little();

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
            if (client_had_all_) co_return co_await end_without_client();
            if (committed_ || !maybe_last_) co_return co_await run_out_of_time();
            let_go();
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
    upstream_ended_ = upstream_clean_ = true;
    head_.keep_alive = false;
    return true;
}

}  // namespace lurus::gateway
