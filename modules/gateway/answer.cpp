// The part of the relay that passes an answer's body on: framing off, read along, held where it must be, framing on.

#include <cstdio>

#include "modules/gateway/dialect_text.hpp"
#include "modules/gateway/relay.hpp"

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
    // A finish reason may be the last that the client gets: Gemini has no event for the end, some hosts leave it out.
    const bool streamed = format_ == AnswerFormat::sse || format_ == AnswerFormat::json_array;
    maybe_last_ = streamed && !terminal_ && !committed_ && free == payload.size() && reader_->complete();
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

asio::awaitable<bool> Relay::emit() {
    std::string before;
    if (gate_open_ && held_until_commit_ != 0 && !held_.empty()) {
        // The gate has just opened: the held prefix goes first.
        const std::size_t free = std::min(held_until_commit_, held_.size());
        before = held_.substr(0, free);
        held_.erase(0, free);
        if (held_until_commit_ != std::string::npos) held_until_commit_ = 0;
    }
    if (maybe_last_piece_ != std::string::npos) {
        for (std::size_t i = maybe_last_piece_; i < pieces_.size(); ++i) {
            held_.append(static_cast<const char*>(pieces_[i].data()), pieces_[i].size());
            pieces_bytes_ -= pieces_[i].size();
        }
        pieces_.resize(maybe_last_piece_);
        maybe_last_piece_ = std::string::npos;
        held_until_commit_ = 0;
    }
    const std::size_t bytes = before.size() + pieces_bytes_;
    if (discard_ || bytes == 0) {
        pieces_.clear();
        pieces_bytes_ = 0;
        co_return !session_.client_gone() || discard_;
    }
    note_downstream();
    char size[24];
    std::vector<asio::const_buffer> out;
    out.reserve(pieces_.size() + 4);
    if (!opened_) {
        opened_ = true;
        out.emplace_back(answer_head_.data(), answer_head_.size());
    }
    if (framing_ == Framing::chunked) {
        const int n = std::snprintf(size, sizeof size, "%zx\r\n", bytes);
        out.emplace_back(size, static_cast<std::size_t>(n));
    }
    if (!before.empty()) out.emplace_back(before.data(), before.size());
    out.insert(out.end(), pieces_.begin(), pieces_.end());
    if (framing_ == Framing::chunked) out.emplace_back("\r\n", 2);
    session_.send_now(out);
    pieces_.clear();
    pieces_bytes_ = 0;
    co_return co_await session_.flush();
}

// What was held for the record, and the body's end where it has come.
asio::awaitable<void> Relay::send_end() {
    std::string out;
    if (!discard_) {
        if (!opened_) {
            opened_ = true;
            out = std::move(answer_head_);
        }
        if (!held_.empty()) {
            if (framing_ == Framing::chunked) {
                char size[24];
                const int n = std::snprintf(size, sizeof size, "%zx\r\n", held_.size());
                out.append(size, static_cast<std::size_t>(n)).append(held_).append("\r\n");
            } else {
                out.append(held_);
            }
        }
        if (upstream_ended_ && framing_ == Framing::chunked) out += "0\r\n\r\n";
    }
    held_.clear();
    held_until_commit_ = std::string::npos;
    if (upstream_ended_) session_.leave_limits();
    if (!out.empty()) co_await session_.send(std::move(out));
}

asio::awaitable<void> Relay::close_record(End end, int status, std::string error) {
    RequestRecord& record = request_.record;
    if (reader_ && !record.attempts.empty()) {
        current().usage = reader_->usage();
        record.usage = current().usage;
        record.usage_raw = reader_->usage_raw();
    }
    record.end = end;
    record.status = status;
    record.error = error.substr(0, 512);
    record.duration_us = since_start();
    if (!record.attempts.empty() && current().outcome.empty())
        end_attempt(end == End::complete ? "ok" : std::string(name_of(end)));
    price_attempts(record, *request_.snapshot);
    const bool errors_only = request_.snapshot->settings.log_bodies == GatewaySettings::Bodies::errors;
    if (errors_only && end == End::complete) {
        record.request_body.clear();
    } else {
        record.response_body = std::move(response_body_);
    }
    co_await session_.commit(std::move(record));
    committed_ = true;
}

asio::awaitable<Relay::Verdict> Relay::cut(std::string outcome, std::string message) {
    reader_->finish(false);
    drop_upstream();
    failure_ = std::move(message);
    if (committed_) {  // the client has the dialect's own end; only the framing was missing
        upstream_ended_ = true;
        co_await send_end();
        co_return Verdict::answered;
    }
    if (!gate_open_ || (!opened_ && pieces_.empty() && held_.empty())) {
        current().usage = reader_->usage();
        end_attempt(std::move(outcome));
        held_.clear();
        held_until_commit_ = std::string::npos;
        reader_.reset();
        co_return Verdict::failed;
    }
    if (maybe_last_) let_go();
    co_await emit();
    end_attempt(std::move(outcome));
    const bool streamed = format_ == AnswerFormat::sse || format_ == AnswerFormat::json_array;
    const bool tell = streamed && reader_->at_event_boundary() && framing_ != Framing::length;
    const std::string error = tell ? stream_error(request_.endpoint, format_ == AnswerFormat::json_array,
                                                  failure_status_, failure_, request_.trace_id)
                                   : std::string();
    request_.record.bytes_out += static_cast<std::int64_t>(error.size());
    co_await close_record(End::upstream_cut, head_.status, failure_);
    if (tell) {
        held_ += error;
        upstream_ended_ = true;
        co_await send_end();
    } else {
        session_.abort();
    }
    co_return Verdict::answered;
}

asio::awaitable<Relay::Verdict> Relay::pass_body(bool last) {
    const bool good = head_.status >= 200 && head_.status < 300;
    const bool streamed = format_ == AnswerFormat::sse || format_ == AnswerFormat::json_array;
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
    if (format_ == AnswerFormat::other || (streamed && last)) gate_open_ = true;
    take(carry_);
    carry_ = {};
    auto& scratch = session_.shard.scratch;

    for (;;) {
        if (framer_.done()) upstream_ended_ = upstream_clean_ = true;
        if (bad_framing_) co_return co_await cut("bad_framing", failure_);
        const bool error_inside = good && !reader_->error_type().empty();
        if (!gate_open_) {
            if (error_inside && !last) {
                failure_ = "the upstream answered 200 with an error inside: " + reader_->error_message();
                current().usage = reader_->usage();
                end_attempt("error_event");
                drop_upstream();
                reader_.reset();
                co_return Verdict::failed;
            }
            if (streamed ? semantic_ || upstream_ended_ || held_.size() > max_held_events
                         : upstream_ended_ || held_.size() > max_held_json) {
                gate_open_ = true;
            }
        }
        if (semantic_) session_.set_heartbeat(0);
        if (upstream_ended_ && !committed_) {
            reader_->finish(upstream_clean_);
            if (streamed && good && !reader_->complete() && reader_->error_type().empty()) {
                upstream_ended_ = false;
                co_return co_await cut("truncated", "the upstream's stream ended before its last event");
            }
        }
        if (!co_await emit() && !discard_) {
            if (committed_) co_return Verdict::answered;
            if (provider_->on_client_gone == OnClientGone::drain) {
                discard_ = true;
            } else {
                drop_upstream();
                end_attempt("client_gone");
                co_await close_record(End::client_gone, status, "the client left before the end");
                co_return Verdict::answered;
            }
        }
        if (gate_open_ && (upstream_ended_ || terminal_) && !committed_) {
            note_downstream();
            const bool failed = !good || !reader_->error_type().empty();
            std::string message = failed ? reader_->error_type() : std::string();
            if (failed && !reader_->error_message().empty())
                message += (message.empty() ? "" : ": ") + reader_->error_message();
            if (!good && current().outcome.empty()) end_attempt("status_" + std::to_string(status));
            if (good && failed) end_attempt("error_event");
            // The connection serves another request while this one's record is written.
            if (upstream_ended_) release_upstream();
            const End end = discard_ ? End::client_gone : failed ? End::error : End::complete;
            co_await close_record(end, status, std::move(message));
            co_await send_end();
            session_.set_deadline(after_terminal_ms);
        } else if (upstream_ended_ && committed_) {
            release_upstream();
            co_await send_end();
        }
        if (upstream_ended_) co_return Verdict::answered;
        if (!committed_) session_.set_deadline(maybe_last_ ? maybe_last_ms : provider_->idle_timeout_ms);

        upstream_->arm();
        Event event = upstream_->readable ? Event::readable : poll();
        while (event == Event::none) {
            co_await session_.signal.wait();
            event = poll();
        }
        switch (event) {
            case Event::client_gone:
                if (committed_) co_return Verdict::answered;
                if (provider_->on_client_gone == OnClientGone::drain) {
                    discard_ = true;
                    continue;
                }
                drop_upstream();
                end_attempt("client_gone");
                co_await close_record(End::client_gone, opened_ ? status : 0, "the client left before the end");
                co_return Verdict::answered;
            case Event::timeout:
                if (committed_) {
                    drop_upstream();
                    upstream_ended_ = true;
                    co_await send_end();
                    co_return Verdict::answered;
                }
                if (maybe_last_) {
                    let_go();
                    continue;
                }
                failure_status_ = 504;
                co_return co_await cut("idle_timeout", "the upstream was silent for " +
                                                           std::to_string(provider_->idle_timeout_ms) + " ms");
            case Event::heartbeat: {
                session_.set_heartbeat(0);
                if (!streamed) continue;
                gate_open_ = true;
                const bool sent = co_await emit();
                session_.set_heartbeat(request_.snapshot->settings.heartbeat_ms);
                if (sent && reader_->at_event_boundary()) co_await heartbeat();
                continue;
            }
            default: break;
        }
        upstream_->readable = false;
        const IoResult result = upstream_->channel.read(scratch);
        if (result.state == Io::again) continue;
        if (result.state == Io::ok) {
            if (result.bytes == scratch.size()) upstream_->readable = true;
            take(std::string_view(scratch.data(), result.bytes));
            continue;
        }
        if (framer_.end_of_input()) {
            upstream_ended_ = upstream_clean_ = true;
            head_.keep_alive = false;
            continue;
        }
        co_return co_await cut("reset", "the upstream closed the connection before its answer was whole");
    }
}

}  // namespace lurus::gateway
