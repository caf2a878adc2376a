#include "modules/gateway/attempt/relay.hpp"

#include <algorithm>
#include <array>

#include "core/text/ascii.hpp"
#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/dialect/own_answers.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_response_head = 256 * 1024;

bool another_may_do_better(int status) {
    switch (status) {
        case 401:
        case 402:
        case 403:
        case 404:
        case 408:
        case 409:
        case 429: return true;
        default: return status >= 500;
    }
}

bool wants_json(Operation operation) {
    return operation != Operation::audio && operation != Operation::images;
}

bool is_json_or_stream(std::string_view content_type) {
    const std::string_view type = content_type.substr(0, std::min(content_type.find(';'), content_type.size()));
    return type.empty() || type.find("json") != std::string_view::npos ||
           type.find("event-stream") != std::string_view::npos || type.find("octet-stream") != std::string_view::npos ||
           type.find("text/plain") != std::string_view::npos;
}

}  // namespace

Relay::Relay(Session& session, Request& request)
    : session_(session), request_(request), array_(streams_array(request.endpoint, request.head.target)) {}

Relay::~Relay() {
    if (upstream_) {
        upstream_->owner = nullptr;
        upstream_->close();
    }
}

std::int64_t Relay::since_start() const {
    return session_.shard.clock.monotonic_us() - request_.started_us;
}

void Relay::end_attempt(std::string outcome) {
    Attempt& attempt = current();
    attempt.outcome = std::move(outcome);
    attempt.duration_us = since_start() - attempt.started_us;
}

void Relay::note_downstream() {
    if (!request_.record.ttfb_us) request_.record.ttfb_us = since_start();
}

Event Relay::poll() const {
    if (session_.client_gone() && !discard_) return Event::client_gone;
    if (upstream_ && upstream_->readable) return Event::readable;
    if (session_.timed_out()) return Event::timeout;
    if (session_.heartbeat_due()) return Event::heartbeat;
    return Event::none;
}

asio::awaitable<Event> Relay::next() {
    if (upstream_) upstream_->arm();
    for (;;) {
        const Event event = poll();
        if (event != Event::none) co_return event;
        co_await session_.signal.wait();
    }
}

void Relay::drop_upstream() {
    if (!upstream_) return;
    upstream_->owner = nullptr;
    upstream_->close();
    upstream_.reset();
}

void Relay::release_upstream() {
    if (!upstream_) return;
    if (upstream_clean_ && head_.keep_alive && framer_.done()) {
        upstream_->owner = nullptr;
        session_.shard.give_back(upstream_);
        upstream_.reset();
    } else {
        drop_upstream();
    }
}

asio::awaitable<void> Relay::run() {
    auto resolution = candidates_of(request_);
    if (!resolution) {
        co_await session_.refuse(request_, status_of(resolution.error()), resolution.error().message);
        co_return;
    }
    request_.record.route = resolution->route;
    if (request_.facts.stream) session_.set_heartbeat(request_.snapshot->settings.heartbeat_ms);
    const std::size_t count = resolution->candidates.size();
    for (std::size_t i = 0; i < count; ++i) {
        const bool last = i + 1 == count;
        begin_attempt(resolution->candidates[i]);
        if (co_await ask()) {
            const Worth worth = judge_head(last);
            if (worth == Worth::keeping) {
                co_await keep_error_answer();
            } else if (worth == Worth::passing) {
                const Verdict verdict = co_await pass_body(last);
                if (verdict == Verdict::answered) co_return;
            }
        }
        if (session_.client_gone()) break;
    }
    co_await finish_without_answer();
}

void Relay::begin_attempt(const Candidate& candidate) {
    provider_ = candidate.provider;
    RequestRecord& record = request_.record;
    record.provider = provider_->name;
    record.account = provider_->account;
    record.upstream_model = candidate.upstream_model.empty() ? request_.facts.model : candidate.upstream_model;
    Attempt& fresh = record.attempts.emplace_back();
    fresh.provider = provider_->name;
    fresh.account = provider_->account;
    fresh.upstream_model = record.upstream_model;
    fresh.chosen_because = candidate.because;
    fresh.started_us = since_start();
    failure_status_ = 502;
    answer_head_.clear();
}

asio::awaitable<bool> Relay::ask() {
    const RequestFacts& facts = request_.facts;
    const std::string& upstream_model = request_.record.upstream_model;
    const bool splice = facts.model_end > facts.model_begin && facts.model != upstream_model;
    std::string model;
    if (splice) model = facts.model_is_json ? quote_json(upstream_model) : upstream_model;
    std::optional<std::uint64_t> length;
    if (!request_.body.empty() || request_.head.content_length || request_.head.chunked) {
        length = request_.body.size() + model.size() - (splice ? facts.model_end - facts.model_begin : 0);
    }
    const std::string head = upstream_head(request_.head, request_.endpoint, *provider_, upstream_model, length, false);
    const Pieces pieces = {head, request_.body.substr(0, splice ? facts.model_begin : request_.body.size()), model,
                           request_.body.substr(splice ? facts.model_end : request_.body.size())};
    const FamilyEndpoint& place = provider_->endpoints.at(request_.family);

    for (int round = 0; round < 2; ++round) {
        if (round == 0) upstream_ = pooled_upstream(session_, provider_, place);
        if (!upstream_) {
            Connected connected = co_await connect_upstream(session_, provider_, place);
            if (!connected.connection) {
                failure_ = connected.error;
                failure_status_ = connected.outcome == "connect_timeout" ? 504 : 502;
                end_attempt(connected.outcome);
                co_return false;
            }
            upstream_ = std::move(connected.connection);
        }
        upstream_->readable = false;
        // A vendor may answer before it has read everything; so a failed write is judged by what can be read.
        if (!write_small(pieces)) co_await write_large(pieces);
        const HeadState state = co_await read_response_head();
        if (state == HeadState::ok) co_return true;
        // A pooled connection that the vendor closed meanwhile says nothing about the vendor.
        const bool stale = state == HeadState::closed && upstream_ && upstream_->reused && round == 0;
        drop_upstream();
        if (state == HeadState::client_gone) {
            end_attempt("client_gone");
            co_return false;
        }
        if (!stale) {
            if (state == HeadState::closed) {
                failure_ = "the upstream closed the connection without an answer";
                end_attempt("reset");
            }
            co_return false;
        }
    }
    co_return false;
}

bool Relay::write_small(const Pieces& pieces) {
    std::array<asio::const_buffer, 4> buffers;
    std::size_t count = 0, total = 0;
    for (const std::string_view piece : pieces) {
        if (!piece.empty()) buffers[count++] = asio::const_buffer(piece.data(), piece.size());
        total += piece.size();
    }
    if (total > Outbox::largest || upstream_->channel.is_tls()) return false;
    upstream_->send_at_turn_end(std::span(buffers).first(count));
    return true;
}

// Returns false when the upstream takes no more; what it said may still be there to read.
asio::awaitable<bool> Relay::write_large(Pieces parts) {
    std::size_t at = 0;
    session_.set_deadline(provider_->idle_timeout_ms);
    for (;;) {
        std::array<asio::const_buffer, 4> buffers;
        std::size_t count = 0;
        for (std::size_t i = at; i < parts.size(); ++i) {
            if (!parts[i].empty()) buffers[count++] = asio::const_buffer(parts[i].data(), parts[i].size());
        }
        if (count == 0) co_return true;
        const std::span<const asio::const_buffer> gathered(buffers.data(), count);
        const IoResult result = upstream_->channel.write(gathered);
        if (result.state == Io::error || result.state == Io::eof) co_return false;
        std::size_t written = result.bytes;
        while (at < parts.size() && written >= parts[at].size()) written -= parts[at++].size();
        if (at < parts.size()) parts[at].remove_prefix(written);
        if (at == parts.size()) co_return true;
        if (result.bytes > 0) {
            session_.set_deadline(provider_->idle_timeout_ms);
            continue;
        }
        auto writable = std::make_shared<bool>(false);
        upstream_->channel.when_writable(
            [writable, keep = session_.shared_from_this()](const boost::system::error_code&) {
                *writable = true;
                keep->signal.notify();
            });
        upstream_->arm();
        while (!*writable) {
            if (session_.heartbeat_due()) {
                co_await heartbeat();
                continue;
            }
            // Under TLS readable may mean a session ticket, so only a plain connection's early answer ends the writing.
            const bool early = upstream_->readable && !upstream_->channel.is_tls();
            if (early || session_.timed_out() || (session_.client_gone() && !discard_)) co_return false;
            co_await session_.signal.wait();
        }
    }
}

asio::awaitable<Relay::HeadState> Relay::read_response_head() {
    head_bytes_.clear();
    carry_ = {};
    session_.set_deadline(provider_->first_byte_timeout_ms);
    auto& scratch = session_.shard.scratch;
    for (;;) {
        upstream_->arm();
        Event event = poll();
        while (event == Event::none) {
            co_await session_.signal.wait();
            event = poll();
        }
        if (event == Event::client_gone) {
            if (provider_->on_client_gone == OnClientGone::drain) {
                discard_ = true;
                continue;
            }
            co_return HeadState::client_gone;
        }
        if (event == Event::heartbeat) {
            co_await heartbeat();
            continue;
        }
        if (event == Event::timeout) {
            failure_ = "the upstream did not answer within " + std::to_string(provider_->first_byte_timeout_ms) + " ms";
            failure_status_ = 504;
            end_attempt("first_byte_timeout");
            co_return HeadState::failed;
        }
        upstream_->readable = false;
        const IoResult result = upstream_->channel.read(scratch);
        if (result.state == Io::again) continue;
        if (result.state != Io::ok) {
            if (head_bytes_.empty()) co_return HeadState::closed;
            failure_ = "the upstream closed the connection inside its answer's head";
            end_attempt("reset");
            co_return HeadState::failed;
        }
        std::string_view bytes(scratch.data(), result.bytes);
        if (!head_bytes_.empty()) {
            head_bytes_.append(bytes);
            bytes = head_bytes_;
        }
        for (;;) {
            const auto parsed = http1::parse_response_head(bytes, max_response_head, head_);
            if (parsed.state == http1::HeadResult::State::bad) {
                failure_ = std::string("the upstream's answer is not valid HTTP: ") + parsed.why;
                end_attempt("bad_answer");
                co_return HeadState::failed;
            }
            if (parsed.state == http1::HeadResult::State::need_more) {
                if (head_bytes_.empty() || bytes.data() != head_bytes_.data()) head_bytes_ = std::string(bytes);
                break;
            }
            bytes.remove_prefix(parsed.consumed);
            if (head_.status >= 200) {
                carry_ = bytes;
                co_return HeadState::ok;
            }
            // 100 and 103 say nothing to a client that did not ask the vendor; 101 cannot come.
            if (head_.status == 101) {
                failure_ = "the upstream switched protocols unasked";
                end_attempt("bad_answer");
                co_return HeadState::failed;
            }
            if (bytes.empty()) {
                head_bytes_.clear();
                break;
            }
        }
    }
}

Relay::Worth Relay::judge_head(bool last) {
    const int status = head_.status;
    current().status = status;
    framer_ = http1::BodyFramer(http1::body_kind(head_, request_.head.method), head_.content_length.value_or(0));
    format_ = answer_format(request_.endpoint.answer, request_.head.target, head_.value("content-type"));
    const std::string_view encoding = head_.value("content-encoding");
    // A compressed answer passes as it is; what it used stays unknown.
    if (!encoding.empty() && !iequals(encoding, "identity")) format_ = AnswerFormat::other;
    reader_.emplace(request_.endpoint.answer, format_, status);
    upstream_ended_ = upstream_clean_ = bad_framing_ = semantic_ = terminal_ = maybe_last_ = false;
    gate_open_ = false;
    held_.clear();
    held_until_commit_ = std::string::npos;
    maybe_last_piece_ = std::string::npos;
    pieces_.clear();
    pieces_bytes_ = 0;

    const bool good = status >= 200 && status < 300;
    if (status >= 300 && status < 400 && status != 304) {
        failure_ = "the upstream redirects to " + std::string(head_.value("location").substr(0, 200)) +
                   "; set the provider's base_url to where it really is";
        end_attempt("redirect");
        drop_upstream();
        return Worth::nothing;
    }
    if (!good && ((!last && another_may_do_better(status)) || opened_)) return Worth::keeping;
    if (good && opened_ && format_ != AnswerFormat::sse && format_ != AnswerFormat::json_array) {
        failure_ = "the upstream did not stream its answer";
        end_attempt("content_type");
        drop_upstream();
        return Worth::nothing;
    }
    if (good && wants_json(request_.endpoint.operation) && !is_json_or_stream(head_.value("content-type"))) {
        failure_ = "the upstream answered with " + std::string(head_.value("content-type").substr(0, 100)) +
                   " where JSON was expected; is the provider's base_url right?";
        end_attempt("content_type");
        drop_upstream();
        return Worth::nothing;
    }
    return Worth::passing;
}

}  // namespace lurus::gateway
