#include "modules/gateway/attempt/websocket_tunnel.hpp"

#include "modules/gateway/attempt/outcome.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/limits/limit_answer.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;
using Kind = websocket::Step::Kind;

namespace {

// RFC 6455 and IANA's registry of close codes.
constexpr std::uint16_t policy_violation = 1008;
constexpr std::uint16_t try_again_later = 1013;
constexpr std::size_t max_unsent = 256 * 1024;  // towards the upstream, before the client is read on

}  // namespace

bool WebsocketTunnel::push() {
    while (!to_upstream_.empty()) {
        const asio::const_buffer buffer(to_upstream_.data(), to_upstream_.size());
        const IoResult result = upstream_.connection()->channel.write(std::span(&buffer, 1));
        if (result.state == Io::error || result.state == Io::eof) return false;
        to_upstream_.erase(0, result.bytes);
        if (result.bytes == 0) {
            if (!*write_armed_) {
                *write_armed_ = true;
                // The tunnel may be over when this comes; a late notify only makes the session look.
                upstream_.connection()->channel.when_writable([keep = session_.shared_from_this(),
                                                               connection = upstream_.shared(),
                                                               armed = write_armed_](const auto&) {
                    *armed = false;
                    keep->signal.notify();
                });
            }
            return true;
        }
    }
    return true;
}

bool WebsocketTunnel::take_from_client() {
    if (to_upstream_.size() > max_unsent) return true;
    const std::string bytes = session_.take_input();
    session_.arm_read();
    std::string_view rest = bytes;
    while (!rest.empty()) {
        const auto step = client_frames_.feed(rest);
        if (step.kind == Kind::bad) {
            failure_ = std::string("the client's WebSocket framing is broken: ") + step.error;
            return false;
        }
        rest.remove_prefix(step.consumed);
        if (step.kind != Kind::message) {
            if (step.consumed == 0) break;
            continue;
        }
        response_in_ += static_cast<std::int64_t>(step.size);
        if (step.readable && step.payload.find("response.create") != std::string_view::npos) {
            response_open_ = true;
            response_started_us_ = now();
            response_time_ = session_.shard.clock.now();
            first_byte_us_.reset();
            response_out_ = 0;
            Endpoint endpoint = request_.endpoint;
            endpoint.model_in_body = true;
            const RequestFacts facts = scan_request(endpoint, "application/json", step.payload);
            if (facts.error.empty() && !facts.model.empty()) {
                request_.set_model(facts.model);
                request_.record.upstream_model = request_.record.model;
                if (!facts.session.empty()) request_.record.session = facts.session;
            }
            if (!may_begin(facts, step.payload.size())) return false;
            reader_.emplace(request_.endpoint.answer, AnswerFormat::sse, 200);
        }
    }
    to_upstream_ += bytes;
    return true;
}

// A response that the key's rules or a limit forbid does not reach the vendor: the client gets an error, then a close.
bool WebsocketTunnel::may_begin(const RequestFacts& facts, std::size_t bytes) {
    if (const std::string rule = broken_rule(request_); !rule.empty()) {
        failure_ = rule;
        refusal_ = R"({"type":"error","status":403,"error":{"type":"invalid_request_error","code":"permission_denied",)"
                   R"("message":)" +
                   quote_json(rule) + R"(,"param":null}})";
        close_code_ = policy_violation;
        return false;
    }
    const auto refused = session_.limits.admit_response(request_, facts, bytes, responses_ == 0);
    if (!refused) return true;
    failure_ = refusal_message(*refused, session_.shard.clock.now());
    refusal_ = refusal_event(*refused, failure_);
    close_code_ = try_again_later;
    return false;
}

// True when the message ends a response.
bool WebsocketTunnel::server_message(std::string_view text) {
    response_out_ += static_cast<std::int64_t>(text.size());
    if (!reader_) return false;
    if (!first_byte_us_) first_byte_us_ = now() - response_started_us_;
    const auto step = reader_->feed_event(text);
    return step.terminal != AnswerReader::none || !reader_->error_type().empty();
}

asio::awaitable<void> WebsocketTunnel::record_response(End end, const std::string& error) {
    RequestRecord record = request_.record;
    record.status = 101;
    record.end = end;
    record.error = error.substr(0, 512);
    if (response_time_ != 0) record.time = response_time_;
    record.record_id = session_.shard.ids.at(record.time);
    record.ttfb_us = first_byte_us_;
    record.duration_us = now() - (response_started_us_ != 0 ? response_started_us_ : request_.started_us);
    record.bytes_in = response_in_;
    record.bytes_out = response_out_;
    Attempt& attempt = record.attempts.back();
    attempt.upstream_model = record.upstream_model;
    attempt.outcome = name_of(outcome_of(end));
    attempt.duration_us = record.duration_us;
    if (reader_) {
        reader_->finish(end == End::complete);
        attempt.usage = record.usage = reader_->usage();
        record.usage_raw = reader_->usage_raw();
    }
    price_attempts(record, attempts_->asked(), *request_.snapshot);
    reader_.reset();
    response_open_ = false;
    response_in_ = 0;
    ++responses_;
    co_await session_.commit(std::move(record));
}

asio::awaitable<bool> WebsocketTunnel::take_from_upstream(std::string_view bytes) {
    const std::string copy(bytes);  // the shard's scratch does not outlive the commit
    std::string_view rest = copy;
    std::size_t sent = 0;
    while (!rest.empty()) {
        const auto step = server_frames_.feed(rest);
        if (step.kind == Kind::bad) {
            failure_ = std::string("the upstream's WebSocket framing is broken: ") + step.error;
            co_return false;
        }
        if (step.consumed == 0) break;
        rest.remove_prefix(step.consumed);
        if (step.kind == Kind::message && step.readable && server_message(step.payload)) {
            const std::string error = reader_->error_type();
            co_await record_response(error.empty() ? End::complete : End::error, error);
            const std::size_t until = copy.size() - rest.size();
            if (!co_await session_.send(copy.substr(sent, until - sent))) co_return false;
            sent = until;
        }
    }
    if (sent < copy.size()) co_return co_await session_.send(copy.substr(sent));
    co_return true;
}

// Passes frames both ways until one side is gone. True: the client left.
asio::awaitable<bool> WebsocketTunnel::pass(int silence_ms) {
    for (;;) {
        if (!take_from_client() || !push()) co_return false;
        session_.set_deadline(silence_ms);
        upstream_.connection()->arm();
        if (!upstream_.readable()) co_await session_.signal.wait();
        if (session_.client_gone()) co_return true;
        if (session_.timed_out()) {
            failure_ = "the connection was silent for " + std::to_string(silence_ms) + " ms";
            co_return false;
        }
        if (!upstream_.readable()) continue;
        auto& scratch = session_.shard.scratch;
        const IoResult result = upstream_.read();
        if (result.state == Io::again) continue;
        if (result.state != Io::ok) co_return false;
        if (result.bytes == scratch.size()) upstream_.connection()->readable = true;
        if (!co_await take_from_upstream(std::string_view(scratch.data(), result.bytes)))
            co_return session_.client_gone();
    }
}

asio::awaitable<void> WebsocketTunnel::run(const AttemptLoop& attempts, std::string after_head) {
    attempts_ = &attempts;
    session_.end_keep_alive();
    std::string head =
        switching_head(upstream_.head, request_.trace_id, request_.snapshot->settings.headers.from_vendors);
    session_.set_deadline(0);
    session_.set_keepalive(0);
    bool good = co_await session_.send(std::move(head));
    if (good && !after_head.empty()) good = co_await take_from_upstream(after_head);
    bool client_ended = !good;
    if (good) client_ended = co_await pass(attempts.target().provider->idle_timeout_ms);
    if (response_open_) {
        const End end = !refusal_.empty() ? End::error : client_ended ? End::client_gone : End::upstream_cut;
        co_await record_response(end, failure_);
    } else if (responses_ == 0) {
        co_await record_response(failure_.empty() ? End::complete : End::error, failure_);
    }
    std::string out;
    if (!refusal_.empty() && server_frames_.between_messages())
        out = websocket::make_frame(websocket::Opcode::text, refusal_);
    if (!failure_.empty()) out += websocket::make_close(close_code_, failure_);
    if (!out.empty()) co_await session_.send(std::move(out));
}

}  // namespace lurus::gateway
