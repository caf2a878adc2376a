// How a relayed answer ends: whole, cut, without its client; and its record.

#include "modules/gateway/answer/background_answers.hpp"
#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/limits/estimate.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

// An answer that is an error used nothing; one that was asked for and did not come has used what the vendor read.
bool used_unsaid(const Relay& relay, End end) {
    if (relay.request.record.attempts.empty()) return false;
    if (!relay.client.reader) return end == End::client_gone && relay.sent && !relay.attempts.attempt().status;
    const int status = relay.attempts.attempt().status.value_or(0);
    const bool good = status >= 200 && status < 300;
    const bool failed = end == End::error || !relay.client.reader->error_type().empty();
    return good && (!failed || relay.client.gate.semantic());
}

// Whose usage the record has.
enum class Books : std::uint8_t { own, later, of_another };

bool reads_again(const Relay& relay) {
    return relay.request.endpoint.operation == Operation::responses_resource;
}

// Only answers that may be made behind take a look at their books.
asio::awaitable<Books> look_at_books(Relay& relay) {
    if (reads_again(relay)) {
        co_await book_if_first(relay);
        co_return Books::of_another;
    }
    const bool later = co_await keep_for_later(relay);
    co_return later ? Books::later : Books::own;
}

bool has_books(const Relay& relay) {
    return relay.request.endpoint.answer.background && !relay.request.record.attempts.empty();
}

void take_usage(Relay& relay, End end, Books books) {
    RequestRecord& record = relay.request.record;
    if (books == Books::later) return;
    if (books == Books::of_another) {
        record.usage = record.attempts.back().usage;
        if (!relay.booked_answer.empty()) record.usage_raw = relay.client.reader->usage_raw();
        return;
    }
    if (relay.client.reader && !record.attempts.empty()) {
        record.usage = relay.attempts.attempt().usage = relay.client.reader->usage();
        record.usage_raw = relay.client.reader->usage_raw();
    }
    if (used_unsaid(relay, end)) {
        Usage& usage = relay.attempts.attempt().usage;
        estimate_missing(usage, relay.request, relay.client.reader ? &*relay.client.reader : nullptr);
        record.usage = usage;
    }
}

void fill_record(Relay& relay, End end, int status, std::string_view error, Books books) {
    RequestRecord& record = relay.request.record;
    take_usage(relay, end, books);
    relay.client.remember_kept(status);
    record.end = end;
    record.status = status;
    record.error = error.substr(0, 512);
    record.duration_us = relay.since_start();
    relay.attempts.ended_with(end, record.duration_us);
    price_attempts(record, relay.attempts.asked(), *relay.request.snapshot);
    const bool errors_only = relay.request.snapshot->settings.log_bodies == GatewaySettings::Bodies::errors;
    if (errors_only && end == End::complete) {
        record.request_body.clear();
    } else {
        record.response_body = relay.client.take_logged_body();
    }
}

// The client has the dialect's own end; only that of the framing was missing.
asio::awaitable<void> end_framing(Relay& relay) {
    relay.client.gate.body_ended();
    relay.client.send_rest();
    co_await relay.session.flush();
}

}  // namespace

asio::awaitable<void> close_record(Relay& relay, End end, int status, std::string error) {
    Books books = Books::own;
    if (has_books(relay)) books = co_await look_at_books(relay);
    fill_record(relay, end, status, error, books);
    if (relay.session.append(relay.request.record)) co_await relay.session.until_safe();
    note_booked(relay);
    relay.client.gate.record_safe();
}

asio::awaitable<void> end_whole(Relay& relay) {
    Session& session = relay.session;
    ClientAnswer& client = relay.client;
    client.note_first_byte();
    const int status = relay.upstream.head.status;
    const bool good = status >= 200 && status < 300;
    const bool failed = !good || !client.reader->error_type().empty();
    std::string message = failed ? client.reader->error_type() : std::string();
    if (failed && !client.reader->error_message().empty())
        message += (message.empty() ? "" : ": ") + client.reader->error_message();
    if (failed) relay.end_attempt(good ? Outcome::error_event : Outcome::status, message);
    // The connection serves another request while this one's record is written.
    if (client.gate.is_body_ended()) relay.upstream.release();
    const bool client_gone = client.gate.discarding() && !client.gate.client_had_all();
    Books books = Books::own;
    if (has_books(relay)) books = co_await look_at_books(relay);
    fill_record(relay, client_gone ? End::client_gone : failed ? End::error : End::complete, status, message, books);
    if (session.append(relay.request.record)) {
        // Others are served meanwhile in this memory, which is warm now and would be cold then.
        release_beginning(relay);
        if (client.gate.is_body_ended()) client.reader.reset();
        while (!session.safe()) co_await session.signal.wait();
    }
    note_booked(relay);
    client.gate.record_safe();
    client.send_rest();
    if (!session.flushed()) co_await session.flush();
}

asio::awaitable<bool> end_cut(Relay& relay, Outcome outcome, std::string why) {
    Session& session = relay.session;
    ClientAnswer& client = relay.client;
    if (outcome != Outcome::error_event) client.reader->finish(false);
    relay.upstream.drop();
    if (client.gate.is_record_safe()) {
        co_await end_framing(relay);
        co_return true;
    }
    if (client.gate.untouched()) {
        if (!reads_again(relay)) {
            Usage& seen = relay.attempts.attempt().usage = client.reader->usage();
            seen.estimated = seen.known() && !client.reader->counted(seen);
        }
        relay.end_attempt(outcome, std::move(why));
        client.gate.drop();
        client.reader.reset();
        co_return false;
    }
    client.gate.release_waiting();
    if (client.send_released()) co_await session.flush();
    relay.end_attempt(outcome, std::move(why));
    const auto error = client.error_inside(relay.attempts.status(), relay.attempts.why());
    if (error) relay.request.record.bytes_out += static_cast<std::int64_t>(error->size());
    co_await close_record(relay, End::upstream_cut, relay.upstream.head.status, relay.attempts.why());
    if (error) {
        client.gate.append(*error);
        co_await end_framing(relay);
    } else {
        session.abort();
    }
    co_return true;
}

asio::awaitable<bool> end_silent(Relay& relay) {
    if (relay.client.gate.is_record_safe()) {
        relay.upstream.drop();
        co_await end_framing(relay);
        co_return true;
    }
    std::string why = "the upstream was silent for " + std::to_string(relay.provider().idle_timeout_ms) + " ms";
    co_return co_await end_cut(relay, Outcome::idle_timeout, std::move(why));
}

asio::awaitable<void> end_without_client(Relay& relay) {
    if (relay.client.gate.is_record_safe()) co_return;
    relay.upstream.drop();
    relay.end_attempt(Outcome::client_gone, "the client left before the end");
    const int status = relay.client.gate.opened() ? relay.upstream.head.status : 0;
    co_await close_record(relay, End::client_gone, status, relay.attempts.why());
}

}  // namespace lurus::gateway
