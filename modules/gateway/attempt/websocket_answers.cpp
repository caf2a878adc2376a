// The gate's side towards the vendor: whose answer a message is part of, and what is recorded of it.

#include <algorithm>

#include "core/http/websocket_frames.hpp"
#include "core/json/json_scan.hpp"
#include "modules/gateway/attempt/outcome.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/attempt/websocket_gate.hpp"
#include "modules/gateway/limits/estimate.hpp"
#include "modules/gateway/limits/limit_answer.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::uint16_t try_again_later = 1013;
constexpr std::int64_t usual_answer = 1024;  // tokens

}  // namespace

int WebsocketGate::patience_ms() {
    if (turns_.empty() || !upstream_.provider() || turns_.oldest().waits) return 0;
    const Provider& provider = *upstream_.provider();
    return turns_.oldest().first_byte_us ? provider.idle_timeout_ms
                                         : std::max(provider.idle_timeout_ms, provider.first_byte_timeout_ms);
}

Turn WebsocketGate::new_turn(Begun begun) {
    Turn turn(request_.endpoint.answer);
    turn.operation = request_.endpoint.name;
    if (begun == Begun::transcription) {
        turn.operation += ".transcription";
        UpstreamAnswer answer;
        answer.dialect = request_.endpoint.dialect;
        turn.reader = AnswerReader(answer, AnswerFormat::json, 200);
    }
    turn.time = session_.shard.clock.now();
    turn.started_us = now();
    turn.bytes_in = std::exchange(bytes_in_, 0);
    turn.session = request_.record.session;
    return turn;
}

// The request is for the turn's model.
WebsocketGate::Stopped WebsocketGate::admit_turn(Turn& turn, Begun begun, std::optional<std::int64_t> max_output) {
    RequestFacts facts;
    facts.max_output = max_output;
    RequestEstimate& estimate = turn.estimate;
    estimate = estimate_of(request_.endpoint, facts, static_cast<std::size_t>(turn.bytes_in));
    if (is_session()) {
        // What a session's answer reads was said before: about what the last one read.
        estimate.input_tokens = last_input_;
        estimate.output_tokens =
            std::clamp<std::int64_t>(max_output.value_or(max_output_.value_or(usual_answer)), 0, max_limit);
    }
    const bool beside = begun == Begun::transcription || begun == Begun::late_usage;
    if (beside) {
        estimate.requests = 0;
        estimate.input_tokens = estimate.output_tokens = 0;
    }
    // The connection has a place for one answer, but may not have known its model.
    estimate.slot = !turns_.empty() && !beside;
    estimate.model_slot = request_.endpoint.operation != Operation::realtime;
    const auto refusal = session_.limits.admit_response(request_, estimate, turn.admission);
    if (!refusal) return std::nullopt;
    const bool used_up = refusal->what == Refusal::What::budget && !refusal->waits_for_running;
    Stop stop(429, used_up ? "insufficient_quota" : "rate_limit_exceeded",
              refusal_message(*refusal, session_.shard.clock.now()), try_again_later);
    if (refusal->wait_us) stop.retry_after_s = std::max<std::int64_t>(1, (*refusal->wait_us + 999'999) / 1'000'000);
    return stop;
}

void WebsocketGate::feed(Turn& turn, std::string_view text, std::uint64_t size) const {
    turn.bytes_out += static_cast<std::int64_t>(size);
    if (!turn.first_byte_us) turn.first_byte_us = now() - turn.started_us;
    if (!text.empty()) turn.reader.feed_event(text);
}

// The answer that the vendor began is not for the client: it is told to stop, and what it cost until then is recorded.
Verdict WebsocketGate::mute_with(const Stop& stop, Turn* turn) {
    std::string text;
    if (!is_live())
        text = error_event(stop.status, stop.code, stop.message, ClientEvent(), request_.trace_id, stop.retry_after_s);
    Verdict verdict(Verdict::What::mute, std::move(text));
    verdict.close_code = close_code_of(stop);
    verdict.reason = stop.message;
    if (turn == nullptr) return verdict;
    turn->refused = stop.status;
    turn->refusal = stop.message;
    if (turn->response_id.empty()) return verdict;
    const std::string cancel = R"({"type":"response.cancel","response_id":)" + json::quote(turn->response_id) + "}";
    upstream_.write(websocket::make_frame(websocket::Opcode::text, cancel, websocket::random_mask()));
    return verdict;
}

bool WebsocketGate::passes_live(std::string_view text, std::uint64_t size) {
    const ServerEvent event = read_live_server(text);
    const bool begun = !turns_.empty() && turns_.oldest().begun;
    const bool goes_on = event.kind == ServerEvent::Kind::created && begun && !turns_.oldest().waits;
    if (event.kind != ServerEvent::Kind::other && !goes_on) return false;
    if (begun) feed(turns_.oldest(), text, size);
    return true;
}

bool WebsocketGate::passes(std::string_view text, std::uint64_t size) {
    if (is_live()) return passes_live(text, size);
    const ServerEvent event = read_server_event(text, turns_.size() > 1);
    if (event.kind != ServerEvent::Kind::other) return false;
    if (Turn* turn = turns_.of(event)) feed(*turn, text, size);
    return true;
}

asio::awaitable<Verdict> WebsocketGate::server_message(std::string_view text, std::uint64_t size) {
    Verdict verdict;
    if (is_live()) {
        ServerEvent said = read_live_server(text);
        verdict = co_await live_message(std::move(said), text, size);
        co_return verdict;
    }
    ServerEvent event = read_server_event(text, true);
    switch (event.kind) {
        case ServerEvent::Kind::created: verdict = co_await begun(std::move(event), text, size); break;
        case ServerEvent::Kind::ended: verdict = co_await ended(std::move(event), text, size); break;
        case ServerEvent::Kind::transcribed: verdict = co_await transcribed(std::move(event), text); break;
        case ServerEvent::Kind::session:
            if (const auto stop = learn_session(event)) verdict = mute_with(*stop, nullptr);
            break;
        case ServerEvent::Kind::error:
            if (Turn* turn = turns_.failed(event)) {
                feed(*turn, text, size);
                Turn failed = turns_.take(*turn, true);
                std::string error = failed.reader.error_type();
                co_await record(std::move(failed), End::error, std::move(error));
            }
            break;
        default: break;
    }
    co_return verdict;
}

WebsocketGate::Stopped WebsocketGate::begin_by_vendor(const ServerEvent& event, Turn& turn, Begun begun) {
    turn.stream_id = event.stream_id;
    turn.response_id = event.response_id;
    turn.begun = true;
    if (begun == Begun::transcription) {
        turn.model = turn.upstream_model = transcriber_;
    } else if (!model_.empty()) {
        turn.model = model_;
        turn.upstream_model = upstream_model_;
        turn.route = route_;
    } else {
        turn.model = turn.upstream_model = event.model;
    }
    Stopped stop = refresh();
    if (!stop) stop = forbidden(turn.model);
    if (!stop) stop = admit_turn(turn, begun, std::nullopt);
    return stop;
}

asio::awaitable<Verdict> WebsocketGate::begun(ServerEvent event, std::string_view text, std::uint64_t size) {
    Verdict verdict;
    Turn* turn = turns_.begin(event);
    if (turn == nullptr) {
        Turn fresh = new_turn(Begun::by_vendor);
        if (const auto stop = begin_by_vendor(event, fresh, Begun::by_vendor)) verdict = mute_with(*stop, &fresh);
        turn = &turns_.add(std::move(fresh));
    }
    feed(*turn, text, size);
    co_return verdict;
}

asio::awaitable<Verdict> WebsocketGate::ended(ServerEvent event, std::string_view text, std::uint64_t size) {
    Verdict verdict;
    const TurnList::Ended found = turns_.ended(event);
    if (found.turn == nullptr && found.known) co_return verdict;
    Turn* turn = found.turn;
    if (turn == nullptr) {
        Turn fresh = new_turn(Begun::by_vendor);
        if (const auto stop = begin_by_vendor(event, fresh, Begun::by_vendor)) verdict = mute_with(*stop, nullptr);
        turn = &turns_.add(std::move(fresh));
    }
    if (turn->response_id.empty()) turn->response_id = event.response_id;
    feed(*turn, text, size);
    Turn done = turns_.take(*turn, false);
    std::string error = done.reader.error_type();
    const End how = error.empty() ? End::complete : End::error;
    co_await record(std::move(done), how, std::move(error));
    co_return verdict;
}

// A part of an answer, its end, or what it used. Live's answers have no names, and there is one at a time.
asio::awaitable<Verdict> WebsocketGate::live_message(ServerEvent event, std::string_view text, std::uint64_t size) {
    using enum ServerEvent::Kind;
    Verdict verdict;
    const bool running = !turns_.empty() && turns_.oldest().begun;
    if (event.kind == counted && !running) {
        verdict = co_await late_usage(std::move(event), text, size);
        co_return verdict;
    }
    if (turns_.empty()) {
        if (event.kind == ended && !event.usage) co_return verdict;
        Turn fresh = new_turn(Begun::by_vendor);
        if (const auto stop = begin_by_vendor(event, fresh, Begun::by_vendor)) verdict = mute_with(*stop, &fresh);
        turns_.add(std::move(fresh));
    }
    Turn& turn = turns_.oldest();
    const bool over =
        event.kind == ended || (event.kind == waits && event.usage) || (event.kind == counted && turn.waits);
    turn.begun = true;
    turn.waits = event.kind == waits;
    feed(turn, text, size);
    if (!over) co_return verdict;
    Turn done = turns_.take(turn, false);
    co_await record(std::move(done), End::complete, std::string());
    co_return verdict;
}

// Of an answer whose end has passed: it is no further request, but has its price.
asio::awaitable<Verdict> WebsocketGate::late_usage(ServerEvent event, std::string_view text, std::uint64_t size) {
    Verdict verdict;
    Turn turn = new_turn(Begun::late_usage);
    if (const auto stop = begin_by_vendor(event, turn, Begun::late_usage)) verdict = mute_with(*stop, nullptr);
    feed(turn, text, size);
    co_await record(std::move(turn), End::complete, std::string());
    co_return verdict;
}

asio::awaitable<Verdict> WebsocketGate::transcribed(ServerEvent event, std::string_view text) {
    Verdict verdict;
    Turn turn = new_turn(Begun::transcription);
    (void)turn.reader.feed(text);
    if (turn.reader.usage_raw().empty()) co_return verdict;
    if (const auto stop = begin_by_vendor(event, turn, Begun::transcription)) verdict = mute_with(*stop, nullptr);
    turn.bytes_out = static_cast<std::int64_t>(text.size());
    co_await record(std::move(turn), End::complete, std::string());
    co_return verdict;
}

// A session that was opened without a model has the one that its vendor says.
WebsocketGate::Stopped WebsocketGate::learn_session(const ServerEvent& event) {
    if (!event.transcriber.empty()) transcriber_ = event.transcriber;
    if (!model_.empty() || event.model.empty()) return std::nullopt;
    model_ = upstream_model_ = event.model;
    Stopped stop = refresh();
    return stop ? stop : forbidden(model_);
}

asio::awaitable<void> WebsocketGate::record(Turn turn, End how, std::string error) {
    RequestRecord out = request_.record;
    out.time = turn.time;
    out.record_id = session_.shard.ids.at(out.time);
    out.operation = std::move(turn.operation);
    out.status = turn.refused != 0 ? turn.refused : 101;
    if (turn.refused != 0) how = End::error;
    out.end = how;
    out.error = (turn.refused != 0 ? turn.refusal : error).substr(0, 512);
    out.model = turn.model.substr(0, 512);
    out.upstream_model = turn.upstream_model.substr(0, 512);
    out.route = turn.route;
    out.session = turn.session;
    out.ttfb_us = turn.first_byte_us;
    out.duration_us = now() - turn.started_us;
    out.bytes_in = turn.bytes_in;
    out.bytes_out = turn.bytes_out;
    if (turn.reached == Turn::Reached::nobody) {
        out.attempts.clear();
        out.provider.clear();
        out.account.clear();
    }
    turn.reader.finish(how == End::complete);
    const bool answered = turn.reached == Turn::Reached::vendor;
    Usage usage = turn.reader.usage();
    const bool cut = how == End::client_gone || how == End::upstream_cut || turn.refused != 0;
    if (cut && answered && turn.begun && !usage.known()) {
        usage.input = turn.estimate.input_tokens;
        usage.output = turn.estimate.output_tokens;
        usage.estimated = true;
    }
    if (answered && !out.attempts.empty()) {
        Attempt& attempt = out.attempts.back();
        attempt.upstream_model = out.upstream_model;
        attempt.outcome = name_of(outcome_of(how));
        attempt.duration_us = out.duration_us;
        attempt.usage = usage;
    }
    out.usage = usage;
    out.usage_raw = turn.reader.usage_raw();
    if (usage.input || usage.cache_read) last_input_ = usage.input.value_or(0) + usage.cache_read.value_or(0);
    // Only the last attempt has usage: the vendor that answers on this connection.
    Candidate answering;
    answering.provider = upstream_.last_provider();
    const std::vector<Candidate> asked(out.attempts.size(), answering);
    price_attempts(out, asked, *request_.snapshot);
    session_.limits.settles(std::move(turn.admission));
    recorded_ = true;
    // The attempts that led to this vendor were the first answer's.
    auto& attempts = request_.record.attempts;
    if (answered && attempts.size() > 1) attempts.erase(attempts.begin(), attempts.end() - 1);
    co_await session_.commit(std::move(out));
}

asio::awaitable<void> WebsocketGate::end(End how, std::string error) {
    while (!turns_.empty()) {
        Turn turn = turns_.take(turns_.oldest(), false);
        co_await record(std::move(turn), how, error);
    }
    if (recorded_) co_return;
    Turn nothing = new_turn(Begun::by_client);
    nothing.time = request_.record.time;
    nothing.started_us = request_.started_us;
    nothing.model = model_;
    nothing.upstream_model = upstream_model_;
    nothing.route = route_;
    co_await record(std::move(nothing), error.empty() ? End::complete : End::error, error);
}

}  // namespace lurus::gateway
