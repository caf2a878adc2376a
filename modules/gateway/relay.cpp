#include "modules/gateway/relay.hpp"

#include <algorithm>
#include <array>

#include "modules/gateway/dialect_text.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t max_response_head = 256 * 1024;
constexpr std::size_t max_kept_answer = 1 << 20;
constexpr int kept_answer_timeout_ms = 10'000;

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

void price_attempts(RequestRecord& record, const GatewaySnapshot& snapshot) {
    Money total;
    bool priced = false;
    bool unpriced = false;
    for (auto& attempt : record.attempts) {
        if (!attempt.usage.known()) continue;
        std::string_view kind;
        for (const auto& provider : snapshot.catalog->providers()) {
            if (provider->name == attempt.provider) kind = provider->kind;
        }
        const PriceQuery query{kind, attempt.provider, attempt.upstream_model, record.time};
        if (const auto cost = snapshot.tariffs->price(query, attempt.usage)) {
            attempt.cost = cost->total;
            total += cost->total;
            record.tariff = std::string(cost->tariff);
            priced = true;
        } else {
            unpriced = true;
        }
    }
    if (priced && !unpriced) record.cost = total;
}

Relay::Relay(Session& session, Request& request) : session_(session), request_(request) {}

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
    const Catalog& catalog = *request_.snapshot->catalog;
    auto resolution = request_.facts.model.empty() ? catalog.any(request_.family)
                                                   : catalog.resolve(request_.family, request_.facts.model);
    if (!resolution) {
        const int status = resolution.error().code == ErrorCode::not_found ? 404 : 503;
        co_await session_.refuse(request_, status, resolution.error().message);
        co_return;
    }
    request_.record.route = resolution->route;
    if (request_.facts.stream) session_.set_heartbeat(request_.snapshot->settings.heartbeat_ms);
    const std::size_t count = resolution->candidates.size();
    for (std::size_t i = 0; i < count; ++i) {
        const Verdict verdict = co_await attempt(resolution->candidates[i], i + 1 == count);
        if (verdict == Verdict::answered) co_return;
        if (session_.client_gone()) break;
    }
    co_await finish_without_answer();
}

asio::awaitable<Relay::Verdict> Relay::attempt(const Candidate& candidate, bool last) {
    provider_ = candidate.provider;
    RequestRecord& record = request_.record;
    record.provider = provider_->name;
    record.account = provider_->account;
    record.upstream_model = candidate.upstream_model.empty() ? request_.facts.model : candidate.upstream_model;
    {
        Attempt fresh;
        fresh.provider = provider_->name;
        fresh.account = provider_->account;
        fresh.upstream_model = record.upstream_model;
        fresh.chosen_because = candidate.because;
        fresh.started_us = since_start();
        record.attempts.push_back(std::move(fresh));
    }
    failure_status_ = 502;
    answer_head_.clear();
    const RequestFacts& facts = request_.facts;
    const bool splice = facts.model_end > facts.model_begin && facts.model != record.upstream_model;
    std::string model;
    if (splice) model = facts.model_is_json ? quote_json(record.upstream_model) : record.upstream_model;
    std::optional<std::uint64_t> length;
    if (!request_.body.empty() || request_.head.content_length || request_.head.chunked) {
        length = request_.body.size() + model.size() - (splice ? facts.model_end - facts.model_begin : 0);
    }
    const FamilyEndpoint& place = provider_->endpoints.at(request_.family);
    const std::string head =
        upstream_head(request_.head, request_.endpoint, *provider_, record.upstream_model, length, false);

    for (int round = 0; round < 2; ++round) {
        Connected connected =
            co_await connect_upstream(session_, provider_, place, round == 0 ? Reuse::allowed : Reuse::fresh);
        if (!connected.connection) {
            failure_ = connected.error;
            failure_status_ = connected.outcome == "connect_timeout" ? 504 : 502;
            end_attempt(connected.outcome);
            co_return Verdict::failed;
        }
        upstream_ = std::move(connected.connection);
        upstream_->readable = false;
        // A vendor may answer before it has read everything; so a failed write is judged by what can be read.
        co_await write_request(head, splice ? std::string_view(model) : std::string_view());
        const HeadState state = co_await read_response_head();
        if (state == HeadState::ok) co_return co_await answer(last);
        // A pooled connection that the vendor closed meanwhile says nothing about the vendor.
        const bool stale = state == HeadState::closed && upstream_ && upstream_->reused && round == 0;
        drop_upstream();
        if (state == HeadState::client_gone) {
            end_attempt("client_gone");
            co_return Verdict::failed;
        }
        if (!stale) {
            if (state == HeadState::closed) {
                failure_ = "the upstream closed the connection without an answer";
                end_attempt("reset");
            }
            co_return Verdict::failed;
        }
    }
    co_return Verdict::failed;
}

// Returns false when the upstream takes no more; what it said may still be there to read.
asio::awaitable<bool> Relay::write_request(const std::string& head, std::string_view model) {
    const RequestFacts& facts = request_.facts;
    const std::string_view body = request_.body;
    std::array<std::string_view, 4> parts;
    parts[0] = head;
    if (model.empty()) {
        parts[1] = body;
    } else {
        parts[1] = body.substr(0, facts.model_begin);
        parts[2] = model;
        parts[3] = body.substr(facts.model_end);
    }
    std::size_t at = 0;
    session_.set_deadline(provider_->idle_timeout_ms);
    for (;;) {
        std::array<asio::const_buffer, 4> buffers;
        std::size_t count = 0, total = 0;
        for (std::size_t i = at; i < parts.size(); ++i) {
            if (!parts[i].empty()) buffers[count++] = asio::const_buffer(parts[i].data(), parts[i].size());
            total += parts[i].size();
        }
        if (count == 0) co_return true;
        const std::span<const asio::const_buffer> gathered(buffers.data(), count);
        if (at == 0 && total <= Outbox::largest && !upstream_->channel.is_tls()) {
            upstream_->send_at_turn_end(gathered);
            co_return true;
        }
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
        const Event event = co_await next();
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

asio::awaitable<Relay::Verdict> Relay::answer(bool last) {
    const int status = head_.status;
    current().status = status;
    framer_ = http1::BodyFramer(http1::body_kind(head_, request_.head.method), head_.content_length.value_or(0));
    format_ = answer_format(request_.endpoint, request_.head.target, head_.value("content-type"));
    const std::string_view encoding = head_.value("content-encoding");
    // A compressed answer passes as it is; what it used stays unknown.
    if (!encoding.empty() && !iequals(encoding, "identity")) format_ = AnswerFormat::other;
    reader_.emplace(request_.endpoint, format_, status);
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
        co_return Verdict::failed;
    }
    if (!good && ((!last && another_may_do_better(status)) || opened_)) {
        co_await keep_error_answer();
        end_attempt("status_" + std::to_string(status));
        co_return Verdict::failed;
    }
    if (good && opened_ && format_ != AnswerFormat::sse && format_ != AnswerFormat::json_array) {
        failure_ = "the upstream did not stream its answer";
        end_attempt("content_type");
        drop_upstream();
        co_return Verdict::failed;
    }
    if (good && wants_json(request_.endpoint.operation) && !is_json_or_stream(head_.value("content-type"))) {
        failure_ = "the upstream answered with " + std::string(head_.value("content-type").substr(0, 100)) +
                   " where JSON was expected; is the provider's base_url right?";
        end_attempt("content_type");
        drop_upstream();
        co_return Verdict::failed;
    }
    co_return co_await pass_body(last);
}

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
    if (!framer_.done()) kept.reset();
    if (kept) kept_ = std::move(kept);
}

asio::awaitable<void> Relay::heartbeat() {
    session_.set_heartbeat(request_.snapshot->settings.heartbeat_ms);
    if (!request_.facts.stream || discard_) co_return;
    const bool array =
        answer_format(request_.endpoint, request_.head.target, "application/json") == AnswerFormat::json_array;
    const std::string_view beat = keepalive(request_.endpoint, array);
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
        head.fields.push_back(http1::Field{"Content-Type", array ? "application/json" : "text/event-stream"});
        head.fields.push_back(http1::Field{"Cache-Control", "no-cache"});
        out = downstream_head(head, framing_, std::nullopt, session_.keep_alive(), request_.trace_id,
                              session_.limit_fields(request_));
    }
    if (framing_ == Framing::chunked) {
        char size[24];
        const int n = std::snprintf(size, sizeof size, "%zx\r\n", beat.size());
        out.append(size, static_cast<std::size_t>(n)).append(beat).append("\r\n");
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
        const bool array =
            answer_format(request_.endpoint, request_.head.target, "application/json") == AnswerFormat::json_array;
        held_ = stream_error(request_.endpoint, array, failure_status_, message, request_.trace_id);
        if (array && !held_.empty()) held_.front() = '[';  // no element went before it
        record.bytes_out += static_cast<std::int64_t>(held_.size());
        co_await close_record(End::error, 200, message);
        upstream_ended_ = true;
        co_await send_end();
        co_return;
    }
    std::string body = error_body(request_.family, failure_status_, message, request_.trace_id);
    record.bytes_out = static_cast<std::int64_t>(body.size());
    co_await close_record(End::error, failure_status_, message);
    co_await session_.respond(request_, failure_status_, std::move(body), "application/json");
}

}  // namespace lurus::gateway
