#include "modules/gateway/answer/client_answer.hpp"

#include <algorithm>
#include <array>

#include "core/os/release.hpp"
#include "core/text/ascii.hpp"
#include "modules/gateway/answer/chunk_size.hpp"
#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/session/browser.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

ClientAnswer::ClientAnswer(Session& session, Request& request)
    : session_(session),
      request_(request),
      array_(streams_array(request.endpoint, request.head.target)),
      keepalive_(takes_keepalive(request.endpoint, request.head) ? keepalive(request.endpoint, array_)
                                                                 : std::string_view()) {}

bool ClientAnswer::is_read(const http1::ResponseHead& head) const {
    return answer_format(request_.endpoint.answer, request_.head.target, head.value("content-type")) !=
           AnswerFormat::other;
}

void ClientAnswer::read_as(const http1::ResponseHead& head, bool usage_asked) {
    format_ = answer_format(request_.endpoint.answer, request_.head.target, head.value("content-type"));
    const std::string_view encoding = head.value("content-encoding");
    // One in a coding that nobody here takes off passes as it is; what it used stays unknown.
    const bool coded = !encoding.empty() && !iequals(encoding, "identity");
    if (coded || request_.head_only) format_ = AnswerFormat::other;
    reader.emplace(request_.endpoint.answer, format_, head.status);
    filter_.reset();
    if (usage_asked && format_ == AnswerFormat::sse) filter_ = std::make_unique<UsageFilter>();
    if (http1::body_kind(head, request_.head.method) == http1::BodyKind::until_close) reader->ends_with_connection();
    if (request_.endpoint.answer.dialect == Dialect::gemini) {
        const std::string_view tier = head.value("x-gemini-service-tier");
        if (!tier.empty() && !iequals(tier, "unspecified")) reader->tell_tier(tier);
    }
}

void ClientAnswer::begin(http1::ResponseHead& head, bool body_over, bool last_candidate) {
    look_for_kept(head);
    if (!gate.opened()) {
        framing_ = (head.content_length && !filter_) || body_over ? Framing::length : Framing::chunked;
        if (request_.head.minor_version == 0 && framing_ == Framing::chunked) framing_ = Framing::until_close;
        if (framing_ == Framing::until_close) session_.end_keep_alive();
        auto length = head.content_length;
        if (body_over && !length && head.status != 204 && head.status != 304 && !request_.head_only) length = 0;
        head_ = with_cors(
            downstream_head(head, framing_, length, session_.keep_alive(), request_.trace_id,
                            session_.limits.fields(request_), request_.snapshot->settings.headers.from_vendors),
            request_.cors);
        if (streamed()) ask_for_no_buffering(head_);
    }
    AnswerGate::Answer answer;
    answer.shape = streamed()                       ? AnswerGate::Shape::events
                   : format_ == AnswerFormat::other ? AnswerGate::Shape::opaque
                                                    : AnswerGate::Shape::json;
    answer.success = head.status >= 200 && head.status < 300;
    answer.last_candidate = last_candidate;
    answer.end_is_seen = format_ == AnswerFormat::sse && framing_ != Framing::length;
    gate.begin(answer);
}

void ClientAnswer::take(std::string_view payload, bool ends) {
    if (filter_) return pass(filter_->feed(payload), ends);
    pass(payload, ends);
}

void ClientAnswer::pass(const std::vector<UsageFilter::Part>& parts, bool ends) {
    for (const UsageFilter::Part& part : parts) {
        if (part.for_client) {
            pass(part.bytes, ends && &part == &parts.back());
        } else {
            reader->feed(part.bytes);
        }
    }
}

void ClientAnswer::end_body() {
    if (filter_ && !gate.is_body_ended()) pass(filter_->finish(), true);
    gate.body_ended();
}

void ClientAnswer::pass(std::string_view payload, bool ends) {
    RequestRecord& record = request_.record;
    record.bytes_out += static_cast<std::int64_t>(payload.size());
    const AnswerReader::Step step = reader->feed(payload);
    if (minted_) minted_->ids.feed(payload);
    const GatewaySettings& settings = request_.snapshot->settings;
    if (settings.log_bodies != GatewaySettings::Bodies::none && !record.request_body.empty()) {
        const auto cap = static_cast<std::size_t>(settings.log_bodies_cap);
        if (logged_body_.size() < cap) logged_body_.append(payload.substr(0, cap - logged_body_.size()));
    }
    AnswerGate::Piece piece;
    piece.bytes = payload;
    piece.semantic = step.semantic;
    piece.last_event = step.terminal;
    piece.may_be_last = streamed() && reader->may_be_last();
    piece.blank = !streamed() && !reader->started();
    piece.ends_body = ends;
    gate.take(piece);
}

bool ClientAnswer::send_released() {
    const AnswerGate::Release now = gate.release();
    bool good = !session_.client_gone();
    bool finish = false;
    if (!gate.discarding() && now.bytes > 0) {
        note_first_byte();
        const ChunkSize size(now.bytes);
        auto& out = session_.shard.gathered;
        out.clear();
        const auto add = [&](std::string_view text) { out.emplace_back(text.data(), text.size()); };
        if (!gate.opened()) add(head_);
        if (framing_ == Framing::chunked) add(size.text());
        if (!now.held.empty()) add(now.held);
        for (const std::string_view piece : now.pieces) add(piece);
        if (framing_ == Framing::chunked) add("\r\n");
        gate.open();
        sent_ = true;
        good = session_.send_now(out, streamed() ? TurnWrites::Pace::event : TurnWrites::Pace::turn);
        finish = streamed() && now.all && reader->complete();
    }
    gate.released(finish);
    if (filter_) filter_->released();
    return good || gate.discarding();
}

void ClientAnswer::send_rest() {
    std::array<asio::const_buffer, 5> out;
    std::size_t count = 0;
    const std::string_view rest = gate.rest();
    const ChunkSize size(rest.size());
    const auto add = [&](std::string_view text) { out[count++] = asio::const_buffer(text.data(), text.size()); };
    if (!gate.discarding()) {
        const bool chunked = framing_ == Framing::chunked;
        if (!gate.opened()) add(head_);
        gate.open();
        if (!rest.empty()) {
            if (chunked) add(size.text());
            add(rest);
            if (chunked) add("\r\n");
        }
        if (gate.is_body_ended() && chunked) add("0\r\n\r\n");
    }
    if (gate.is_body_ended()) session_.limits.leave();
    if (count > 0) session_.send_now(std::span(out).first(count));
    gate.rest_released();
}

bool ClientAnswer::may_keep_alive() const {
    return streamed() && framing_ != Framing::length && gate.holds_nothing() && !gate.is_record_safe() &&
           reader->at_event_boundary();
}

asio::awaitable<void> ClientAnswer::send_keepalive() {
    session_.set_keepalive(request_.snapshot->settings.heartbeat_ms);
    const bool streams = request_.facts.stream || (gate.opened() && streamed());
    const std::string_view text = keepalive_;
    if (!streams || gate.discarding() || text.empty()) co_return;
    std::string out;
    if (!gate.opened() && !head_.empty()) {
        gate.open();
        out = head_;
    } else if (!gate.opened()) {
        gate.open();
        framing_ = request_.head.minor_version == 0 ? Framing::until_close : Framing::chunked;
        if (framing_ == Framing::until_close) session_.end_keep_alive();
        http1::ResponseHead head;
        head.status = 200;
        head.reason = "OK";
        head.fields.push_back(http1::Field{"Content-Type", array_ ? "application/json" : "text/event-stream"});
        head.fields.push_back(http1::Field{"Cache-Control", "no-cache"});
        out = with_cors(
            downstream_head(head, framing_, std::nullopt, session_.keep_alive(), request_.trace_id,
                            session_.limits.fields(request_), request_.snapshot->settings.headers.from_vendors),
            request_.cors);
        ask_for_no_buffering(out);
    }
    if (framing_ == Framing::chunked) {
        out.append(ChunkSize(text.size()).text()).append(text).append("\r\n");
    } else {
        out.append(text);
    }
    co_await session_.send(std::move(out));
}

// Between two events, and where the framing has room for more than the vendor announced.
std::optional<std::string> ClientAnswer::error_inside(int status, std::string_view message) const {
    if (!streamed() || !reader->at_event_boundary() || framing_ == Framing::length) return std::nullopt;
    return stream_error(request_.endpoint, format_ == AnswerFormat::json_array, status, message, request_.trace_id);
}

std::string ClientAnswer::error_instead(int status, std::string_view message) const {
    std::string error = stream_error(request_.endpoint, array_, status, message, request_.trace_id);
    if (array_ && !error.empty()) error.front() = '[';  // no element went before it
    return error;
}

void ClientAnswer::note_first_byte() {
    RequestRecord& record = request_.record;
    if (!record.ttfb_us) record.ttfb_us = session_.shard.clock.monotonic_us() - request_.started_us;
}

void ClientAnswer::release_head() {
    if (gate.opened()) release(head_);
}

}  // namespace lurus::gateway
