// What a relay does when no answer can be passed on: keeps a vendor's error, tells the client, keeps it waiting.

#include "modules/gateway/answer/chunk_size.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/dialect/own_answers.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {
constexpr std::size_t max_kept_answer = 1 << 20;
constexpr int kept_answer_timeout_ms = 10'000;
}  // namespace

// Reads a failed try's answer whole, to be passed on if no other candidate does better.
asio::awaitable<void> Relay::keep_error_answer() {
    auto kept = std::make_unique<KeptAnswer>();
    kept->status = head_.status;
    kept->head_text = downstream_head(head_, Framing::until_close, std::nullopt, session_.keep_alive(),
                                      request_.trace_id, session_.limit_fields(request_));
    const bool reusable = head_.keep_alive;
    const auto add = [&](std::string_view bytes) {
        while (!bytes.empty() && !framer_.done()) {
            const auto step = framer_.feed(bytes);
            if (step.error != nullptr) return false;
            if (kept->bytes.size() < max_kept_answer) {
                kept->bytes.append(step.payload);
                reader_->feed(step.payload);
            }
            bytes.remove_prefix(step.consumed);
        }
        return true;
    };
    bool good = add(carry_);
    carry_ = {};
    session_.set_deadline(kept_answer_timeout_ms);
    while (good && !framer_.done() && kept->bytes.size() < max_kept_answer) {
        const Event event = co_await next();
        if (event == Event::heartbeat) {
            co_await heartbeat();
            continue;
        }
        if (event != Event::readable) break;
        upstream_->readable = false;
        const IoResult result = upstream_->channel.read(session_.shard.scratch);
        if (result.state == Io::again) continue;
        if (result.state != Io::ok) {
            (void)framer_.end_of_input();  // `done` says below whether that was a proper end
            break;
        }
        good = add(std::string_view(session_.shard.scratch.data(), result.bytes));
    }
    reader_->finish(framer_.done());
    upstream_clean_ = framer_.done();
    head_.keep_alive = reusable;
    release_upstream();
    kept->error = reader_->error_message();
    current().usage = reader_->usage();
    failure_ =
        "the upstream answered " + std::to_string(kept->status) + (kept->error.empty() ? "" : ": " + kept->error);
    failure_status_ = kept->status;
    end_attempt("status_" + std::to_string(kept->status));
    if (framer_.done()) kept_ = std::move(kept);
}

asio::awaitable<void> Relay::heartbeat() {
    session_.set_heartbeat(request_.snapshot->settings.heartbeat_ms);
    if (!request_.facts.stream || discard_) co_return;
    const std::string_view beat = keepalive(request_.endpoint, array_);
    if (beat.empty()) co_return;
    std::string out;
    if (!opened_ && !answer_head_.empty()) {
        opened_ = true;
        out = answer_head_;
    } else if (!opened_) {
        opened_ = true;
        framing_ = request_.head.minor_version == 0 ? Framing::until_close : Framing::chunked;
        if (framing_ == Framing::until_close) session_.end_keep_alive();
        http1::ResponseHead head;
        head.status = 200;
        head.reason = "OK";
        head.fields.push_back(http1::Field{"Content-Type", array_ ? "application/json" : "text/event-stream"});
        head.fields.push_back(http1::Field{"Cache-Control", "no-cache"});
        out = downstream_head(head, framing_, std::nullopt, session_.keep_alive(), request_.trace_id,
                              session_.limit_fields(request_));
    }
    if (framing_ == Framing::chunked) {
        out.append(ChunkSize(beat.size()).text()).append(beat).append("\r\n");
    } else {
        out.append(beat);
    }
    co_await session_.send(std::move(out));
}

asio::awaitable<void> Relay::finish_without_answer() {
    RequestRecord& record = request_.record;
    if (session_.client_gone()) {
        co_await close_record(End::client_gone, opened_ ? 200 : 0, "the client left before an answer");
        co_return;
    }
    if (kept_ && !opened_) {
        std::string out = std::move(kept_->head_text);
        out.resize(out.size() - 2);
        out += "Content-Length: " + std::to_string(kept_->bytes.size()) + "\r\n\r\n";
        if (!request_.head_only) out += kept_->bytes;
        record.bytes_out = static_cast<std::int64_t>(kept_->bytes.size());
        note_downstream();
        co_await close_record(End::error, kept_->status, kept_->error);
        session_.leave_limits();
        co_await session_.send(std::move(out));
        co_return;
    }
    const std::string message = record.attempts.size() > 1
                                    ? "none of " + std::to_string(record.attempts.size()) +
                                          " upstreams answered; the last, " + record.provider + ": " + failure_
                                    : "provider " + record.provider + ": " + failure_;
    note_downstream();
    if (opened_) {
        held_ = stream_error(request_.endpoint, array_, failure_status_, message, request_.trace_id);
        if (array_ && !held_.empty()) held_.front() = '[';  // no element went before it
        record.bytes_out += static_cast<std::int64_t>(held_.size());
        co_await close_record(End::error, 200, message);
        upstream_ended_ = true;
        send_end();
        co_await session_.flush();
        co_return;
    }
    std::string body = error_body(request_.family, failure_status_, message, request_.trace_id);
    record.bytes_out = static_cast<std::int64_t>(body.size());
    co_await close_record(End::error, failure_status_, message);
    co_await session_.respond(request_, failure_status_, std::move(body), "application/json");
}

}  // namespace lurus::gateway
