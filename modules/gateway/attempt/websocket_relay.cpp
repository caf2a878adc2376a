#include "modules/gateway/attempt/websocket_relay.hpp"

#include <algorithm>
#include <array>

#include "core/http/websocket_frames.hpp"
#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/limits/limit_answer.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;
using websocket::FrameReader;
using Kind = websocket::Step::Kind;

namespace {

constexpr std::size_t max_head = 64 * 1024;
constexpr std::size_t max_error_body = 256 * 1024;
// RFC 6455 and IANA's registry of close codes.
constexpr std::uint16_t policy_violation = 1008;
constexpr std::uint16_t internal_error = 1011;
constexpr std::uint16_t try_again_later = 1013;
constexpr std::size_t max_unsent = 256 * 1024;  // towards the upstream, before the client is read on

// The model in `?model=` (realtime), as a part of the target.
std::string_view query_model(std::string_view target) {
    std::size_t at = target.find('?');
    while (at != std::string_view::npos && at + 1 < target.size()) {
        const std::size_t begin = at + 1;
        const std::size_t end = std::min(target.find('&', begin), target.size());
        if (target.substr(begin, end - begin).starts_with("model=")) return target.substr(begin + 6, end - begin - 6);
        at = end < target.size() ? end : std::string_view::npos;
    }
    return {};
}

class Tunnel {
public:
    Tunnel(Session& session, Request& request) : session_(session), request_(request) {}
    ~Tunnel() {
        if (upstream_) {
            upstream_->owner = nullptr;
            upstream_->close();
        }
    }

    asio::awaitable<void> run();

private:
    asio::awaitable<bool> open(const Candidate& candidate, bool last);
    asio::awaitable<bool> read_head();
    asio::awaitable<void> pass_refusal();
    asio::awaitable<void> pump();
    bool take_from_client();
    bool may_begin(const RequestFacts& facts, std::size_t bytes);
    asio::awaitable<bool> take_from_upstream(std::string_view bytes);
    bool push_upstream();
    bool server_message(std::string_view text);
    asio::awaitable<void> record_turn(End end, const std::string& error);
    std::int64_t now() const { return session_.shard.clock.monotonic_us(); }

    Session& session_;
    Request& request_;
    std::shared_ptr<const Provider> provider_;
    std::shared_ptr<UpstreamConnection> upstream_;
    http1::ResponseHead head_;
    std::string head_bytes_;
    std::string carry_;  // bytes behind the head
    FrameReader client_frames_{websocket::Sender::client};
    FrameReader server_frames_{websocket::Sender::server};
    std::optional<AnswerReader> reader_;
    std::string to_upstream_;
    std::shared_ptr<bool> write_armed_ = std::make_shared<bool>(false);
    std::int64_t turn_started_us_ = 0;
    UnixMicros turn_time_ = 0;
    std::optional<std::int64_t> first_byte_us_;
    std::int64_t turn_in_ = 0;
    std::int64_t turn_out_ = 0;
    int turns_ = 0;
    bool turn_open_ = false;
    std::string failure_;
    int failure_status_ = 502;
    std::string refusal_;  // a message for the client, before the close
    std::uint16_t close_code_ = internal_error;
};

asio::awaitable<void> Tunnel::run() {
    request_.record.stream = true;
    if (const auto model = query_model(request_.head.target); !model.empty()) {
        request_.endpoint.path_model = model;
        request_.facts.model = std::string(model);
        request_.record.model = std::string(model.substr(0, 512));
        if (const std::string rule = session_.broken_rule(request_); !rule.empty()) {
            co_await session_.refuse(request_, 403, rule);
            co_return;
        }
    }
    const auto resolution = candidates_of(request_);
    if (!resolution) {
        co_await session_.refuse(request_, status_of(resolution.error()), resolution.error().message);
        co_return;
    }
    request_.record.route = resolution->route;
    const std::size_t count = resolution->candidates.size();
    for (std::size_t i = 0; i < count; ++i) {
        const bool ready = co_await open(resolution->candidates[i], i + 1 == count);
        if (ready) {
            co_await pump();
            co_return;
        }
        if (session_.client_gone()) co_return;
        if (upstream_) {  // the last one refused with an answer of its own
            co_await pass_refusal();
            co_return;
        }
    }
    co_await session_.refuse(request_, failure_status_, "provider " + request_.record.provider + ": " + failure_);
}

asio::awaitable<bool> Tunnel::open(const Candidate& candidate, bool last) {
    provider_ = candidate.provider;
    RequestRecord& record = request_.record;
    record.provider = provider_->name;
    record.account = provider_->account;
    record.upstream_model = candidate.upstream_model.empty() ? request_.facts.model : candidate.upstream_model;
    Attempt fresh;
    fresh.provider = record.provider;
    fresh.account = record.account;
    fresh.upstream_model = record.upstream_model;
    fresh.chosen_because = candidate.because;
    fresh.started_us = now() - request_.started_us;
    record.attempts.push_back(std::move(fresh));
    Attempt& attempt = record.attempts.back();
    if (provider_->local) {
        attempt.outcome = "no_websocket";
        failure_ = "it serves no WebSocket; send the same request with POST";
        failure_status_ = 426;
        co_return false;
    }
    const FamilyEndpoint& place = provider_->endpoints.at(request_.family);
    Connected connected = co_await connect_upstream(session_, provider_, place);
    if (!connected.connection) {
        attempt.outcome = connected.outcome;
        failure_ = connected.error;
        failure_status_ = connected.outcome == "connect_timeout" ? 504 : 502;
        co_return false;
    }
    upstream_ = std::move(connected.connection);
    to_upstream_ =
        upstream_head(request_.head, request_.endpoint, *provider_, record.upstream_model, std::nullopt, true);
    head_bytes_.clear();
    session_.set_deadline(provider_->connect_timeout_ms);
    const bool answered = co_await read_head();
    if (!answered) {
        if (attempt.outcome.empty()) attempt.outcome = "bad_answer";
        upstream_->owner = nullptr;
        upstream_->close();
        upstream_.reset();
        co_return false;
    }
    attempt.status = head_.status;
    if (head_.status == 101) co_return true;
    attempt.outcome = "status_" + std::to_string(head_.status);
    // 426 tells the client to send the request with POST instead: another candidate would not tell it better.
    if (!last && head_.status >= 401 && head_.status != 426) {
        upstream_->owner = nullptr;
        upstream_->close();
        upstream_.reset();
    }
    co_return false;
}

asio::awaitable<bool> Tunnel::read_head() {
    for (;;) {
        if (!push_upstream()) {
            failure_ = "the upstream closed the connection";
            co_return false;
        }
        if (upstream_->readable) {
            upstream_->readable = false;
            auto& scratch = session_.shard.scratch;
            const IoResult result = upstream_->channel.read(scratch);
            if (result.state == Io::ok) {
                head_bytes_.append(scratch.data(), result.bytes);
                for (;;) {
                    const auto parsed = http1::parse_response_head(head_bytes_, max_head, head_);
                    if (parsed.state == http1::HeadResult::State::bad) {
                        failure_ = std::string("the upstream's answer is not valid HTTP: ") + parsed.why;
                        co_return false;
                    }
                    if (parsed.state == http1::HeadResult::State::need_more) break;
                    if (head_.status == 101 || head_.status >= 200) {
                        carry_ = head_bytes_.substr(parsed.consumed);
                        co_return true;
                    }
                    head_bytes_.erase(0, parsed.consumed);  // interim
                }
            } else if (result.state != Io::again) {
                failure_ = "the upstream closed the connection without an answer";
                co_return false;
            }
        }
        upstream_->arm();
        if (session_.client_gone()) co_return false;
        if (session_.timed_out()) {
            failure_ = "the upstream did not answer the upgrade in time";
            failure_status_ = 504;
            co_return false;
        }
        if (!upstream_->readable) co_await session_.signal.wait();
    }
}

// The vendor's own words on why there is no upgrade.
asio::awaitable<void> Tunnel::pass_refusal() {
    http1::BodyFramer framer(http1::body_kind(head_, "GET"), head_.content_length.value_or(0));
    std::string body;
    const std::string head = downstream_head(head_, Framing::until_close, std::nullopt, session_.keep_alive(),
                                             request_.trace_id, session_.limit_fields(request_));
    std::string bytes = std::move(carry_);
    bool broken = false;
    while (!framer.done() && body.size() < max_error_body) {
        std::string_view rest = bytes;
        while (!rest.empty() && !framer.done()) {
            const auto step = framer.feed(rest);
            if (step.error != nullptr) {
                broken = true;
                break;
            }
            body.append(step.payload);
            rest.remove_prefix(step.consumed);
        }
        if (framer.done() || broken) break;
        upstream_->arm();
        while (!upstream_->readable && !session_.client_gone() && !session_.timed_out())
            co_await session_.signal.wait();
        if (!upstream_->readable) break;
        upstream_->readable = false;
        auto& scratch = session_.shard.scratch;
        const IoResult result = upstream_->channel.read(scratch);
        if (result.state == Io::eof || result.state == Io::error) break;
        bytes.assign(scratch.data(), result.bytes);
    }
    RequestRecord& record = request_.record;
    record.status = head_.status;
    record.end = End::error;
    record.error = "the upstream refused the WebSocket";
    record.ttfb_us = record.duration_us = now() - request_.started_us;
    record.bytes_out = static_cast<std::int64_t>(body.size());
    std::string out =
        head.substr(0, head.size() - 2) + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    co_await session_.commit(std::move(record));
    co_await session_.send(std::move(out));
}

bool Tunnel::push_upstream() {
    while (!to_upstream_.empty()) {
        const asio::const_buffer buffer(to_upstream_.data(), to_upstream_.size());
        const IoResult result = upstream_->channel.write(std::span(&buffer, 1));
        if (result.state == Io::error || result.state == Io::eof) return false;
        to_upstream_.erase(0, result.bytes);
        if (result.bytes == 0) {
            if (!*write_armed_) {
                *write_armed_ = true;
                // The tunnel may be over when this comes; a late notify only makes the session look.
                upstream_->channel.when_writable(
                    [keep = session_.shared_from_this(), connection = upstream_, armed = write_armed_](const auto&) {
                        *armed = false;
                        keep->signal.notify();
                    });
            }
            return true;
        }
    }
    return true;
}

bool Tunnel::take_from_client() {
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
        turn_in_ += static_cast<std::int64_t>(step.size);
        if (step.readable && step.payload.find("response.create") != std::string_view::npos) {
            turn_open_ = true;
            turn_started_us_ = now();
            turn_time_ = session_.shard.clock.now();
            first_byte_us_.reset();
            turn_out_ = 0;
            Endpoint endpoint = request_.endpoint;
            endpoint.model_in_body = true;
            const RequestFacts facts = scan_request(endpoint, "application/json", step.payload);
            if (facts.error.empty() && !facts.model.empty()) {
                request_.facts.model = facts.model;
                request_.record.model = facts.model.substr(0, 512);
                request_.record.upstream_model = request_.record.model;
                if (!facts.session.empty()) request_.record.session = facts.session;
            }
            if (!may_begin(facts, step.payload.size())) return false;
            reader_.emplace(request_.endpoint, AnswerFormat::sse, 200);
        }
    }
    to_upstream_ += bytes;
    return true;
}

// A turn that the key's rules or a limit forbid does not reach the vendor: the client gets an error, then a close.
bool Tunnel::may_begin(const RequestFacts& facts, std::size_t bytes) {
    if (const std::string rule = session_.broken_rule(request_); !rule.empty()) {
        failure_ = rule;
        refusal_ = R"({"type":"error","status":403,"error":{"type":"invalid_request_error","code":"permission_denied",)"
                   R"("message":)" +
                   quote_json(rule) + R"(,"param":null}})";
        close_code_ = policy_violation;
        return false;
    }
    const auto refused = session_.take_turn(request_, facts, bytes, turns_ == 0);
    if (!refused) return true;
    failure_ = refusal_message(*refused, session_.shard.clock.now());
    refusal_ = refusal_event(*refused, failure_);
    close_code_ = try_again_later;
    return false;
}

// True when the message ends a response.
bool Tunnel::server_message(std::string_view text) {
    turn_out_ += static_cast<std::int64_t>(text.size());
    if (!reader_) return false;
    if (!first_byte_us_) first_byte_us_ = now() - turn_started_us_;
    const auto step = reader_->feed_event(text);
    return step.terminal != AnswerReader::none || !reader_->error_type().empty();
}

asio::awaitable<void> Tunnel::record_turn(End end, const std::string& error) {
    RequestRecord record = request_.record;
    record.status = 101;
    record.end = end;
    record.error = error.substr(0, 512);
    if (turn_time_ != 0) record.time = turn_time_;
    record.record_id = session_.shard.ids.at(record.time);
    record.ttfb_us = first_byte_us_;
    record.duration_us = now() - (turn_started_us_ != 0 ? turn_started_us_ : request_.started_us);
    record.bytes_in = turn_in_;
    record.bytes_out = turn_out_;
    Attempt& attempt = record.attempts.back();
    attempt.upstream_model = record.upstream_model;
    attempt.outcome = end == End::complete ? "ok" : std::string(name_of(end));
    attempt.duration_us = record.duration_us;
    if (reader_) {
        reader_->finish(end == End::complete);
        attempt.usage = record.usage = reader_->usage();
        record.usage_raw = reader_->usage_raw();
    }
    price_attempts(record, *request_.snapshot);
    reader_.reset();
    turn_open_ = false;
    turn_in_ = 0;
    ++turns_;
    co_await session_.commit(std::move(record));
}

asio::awaitable<bool> Tunnel::take_from_upstream(std::string_view bytes) {
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
            co_await record_turn(error.empty() ? End::complete : End::error, error);
            const std::size_t until = copy.size() - rest.size();
            if (!co_await session_.send(copy.substr(sent, until - sent))) co_return false;
            sent = until;
        }
    }
    if (sent < copy.size()) co_return co_await session_.send(copy.substr(sent));
    co_return true;
}

asio::awaitable<void> Tunnel::pump() {
    session_.end_keep_alive();
    std::string head = "HTTP/1.1 101 Switching Protocols\r\n";
    for (const auto& field : head_.fields) head.append(field.name).append(": ").append(field.value).append("\r\n");
    head += "x-lurus-trace-id: " + request_.trace_id.hex() + "\r\n\r\n";
    session_.set_deadline(0);
    session_.set_heartbeat(0);
    bool good = co_await session_.send(std::move(head));
    if (good && !carry_.empty()) {
        const std::string carried = std::move(carry_);
        good = co_await take_from_upstream(carried);
    }
    bool client_ended = !good;
    while (good) {
        if (!take_from_client() || !push_upstream()) break;
        session_.set_deadline(provider_->idle_timeout_ms);
        upstream_->arm();
        if (!upstream_->readable) co_await session_.signal.wait();
        if (session_.client_gone()) {
            client_ended = true;
            break;
        }
        if (session_.timed_out()) {
            failure_ = "the connection was silent for " + std::to_string(provider_->idle_timeout_ms) + " ms";
            break;
        }
        if (!upstream_->readable) continue;
        upstream_->readable = false;
        auto& scratch = session_.shard.scratch;
        const IoResult result = upstream_->channel.read(scratch);
        if (result.state == Io::again) continue;
        if (result.state != Io::ok) break;
        if (result.bytes == scratch.size()) upstream_->readable = true;
        if (!co_await take_from_upstream(std::string_view(scratch.data(), result.bytes))) {
            client_ended = session_.client_gone();
            break;
        }
    }
    if (turn_open_) {
        const End end = !refusal_.empty() ? End::error : client_ended ? End::client_gone : End::upstream_cut;
        co_await record_turn(end, failure_);
    } else if (turns_ == 0) {
        co_await record_turn(failure_.empty() ? End::complete : End::error, failure_);
    }
    std::string out;
    if (!refusal_.empty() && server_frames_.between_messages())
        out = websocket::make_frame(websocket::Opcode::text, refusal_);
    if (!failure_.empty()) out += websocket::make_close(close_code_, failure_);
    if (!out.empty()) co_await session_.send(std::move(out));
}

}  // namespace

asio::awaitable<void> relay_websocket(Session& session, Request& request) {
    Tunnel tunnel(session, request);
    co_await tunnel.run();
}

}  // namespace lurus::gateway
