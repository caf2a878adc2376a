// How a relayed answer ends: whole, cut, without its client; and its record.

#include "modules/gateway/answer/chunk_size.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/dialect/own_answers.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

// What was held for the record, and the body's end where it has come.
void Relay::send_end() {
    std::array<asio::const_buffer, 5> out;
    std::size_t count = 0;
    const ChunkSize size(held_.size());
    const auto add = [&](std::string_view text) { out[count++] = asio::const_buffer(text.data(), text.size()); };
    if (!discard_) {
        const bool chunked = framing_ == Framing::chunked;
        if (!opened_) add(answer_head_);
        opened_ = true;
        if (!held_.empty()) {
            if (chunked) add(size.text());
            add(held_);
            if (chunked) add("\r\n");
        }
        if (upstream_ended_ && chunked) add("0\r\n\r\n");
    }
    if (upstream_ended_) session_.leave_limits();
    if (count > 0) session_.send_now(std::span(out).first(count));
    held_.clear();
    held_until_commit_ = std::string::npos;
}

void Relay::fill_record(End end, int status, std::string_view error) {
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
}

asio::awaitable<void> Relay::close_record(End end, int status, std::string error) {
    fill_record(end, status, error);
    if (session_.append(request_.record)) co_await session_.until_safe();
    committed_ = true;
}

asio::awaitable<Relay::Verdict> Relay::cut(const char* outcome) {
    reader_->finish(false);
    drop_upstream();
    if (committed_) {  // the client has the dialect's own end; only the framing was missing
        upstream_ended_ = true;
        send_end();
        co_await session_.flush();
        co_return Verdict::answered;
    }
    if (!gate_open_ || (!opened_ && pieces_.empty() && held_.empty())) {
        current().usage = reader_->usage();
        end_attempt(outcome);
        held_.clear();
        held_until_commit_ = std::string::npos;
        reader_.reset();
        co_return Verdict::failed;
    }
    if (maybe_last_) let_go();
    if (emit()) co_await session_.flush();
    end_attempt(outcome);
    const bool tell = streamed() && reader_->at_event_boundary() && framing_ != Framing::length;
    const std::string error = tell ? stream_error(request_.endpoint, format_ == AnswerFormat::json_array,
                                                  failure_status_, failure_, request_.trace_id)
                                   : std::string();
    request_.record.bytes_out += static_cast<std::int64_t>(error.size());
    co_await close_record(End::upstream_cut, head_.status, failure_);
    if (tell) {
        held_ += error;
        upstream_ended_ = true;
        send_end();
        co_await session_.flush();
    } else {
        session_.abort();
    }
    co_return Verdict::answered;
}

asio::awaitable<Relay::Verdict> Relay::end_without_client() {
    if (!committed_) {
        drop_upstream();
        end_attempt("client_gone");
        co_await close_record(End::client_gone, opened_ ? head_.status : 0, "the client left before the end");
    }
    co_return Verdict::answered;
}

// The vendor is silent, or what may be the last event has waited for long enough.
asio::awaitable<Relay::Verdict> Relay::run_out_of_time() {
    if (committed_) {
        drop_upstream();
        upstream_ended_ = true;
        send_end();
        co_await session_.flush();
        co_return Verdict::answered;
    }
    failure_status_ = 504;
    failure_ = "the upstream was silent for " + std::to_string(provider_->idle_timeout_ms) + " ms";
    co_return co_await cut("idle_timeout");
}

// The answer is whole for the client: first its record, then its last bytes.
asio::awaitable<void> Relay::end_body() {
    note_downstream();
    const int status = head_.status;
    const bool good = status >= 200 && status < 300;
    const bool failed = !good || !reader_->error_type().empty();
    std::string message = failed ? reader_->error_type() : std::string();
    if (failed && !reader_->error_message().empty())
        message += (message.empty() ? "" : ": ") + reader_->error_message();
    if (!good && current().outcome.empty()) end_attempt("status_" + std::to_string(status));
    if (good && failed) end_attempt("error_event");
    // The connection serves another request while this one's record is written.
    if (upstream_ended_) release_upstream();
    fill_record(discard_ && !client_had_all_ ? End::client_gone : failed ? End::error : End::complete, status, message);
    if (session_.append(request_.record)) {
        // Others are served meanwhile in this memory, which is warm now and would be cold then.
        keep_little();
        if (upstream_ended_) reader_.reset();
        while (!session_.safe()) co_await session_.signal.wait();
    }
    committed_ = true;
    send_end();
    if (!session_.flushed()) co_await session_.flush();
}

}  // namespace lurus::gateway
