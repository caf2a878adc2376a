#pragma once
// Relays one request: candidates are asked in order until one answers, its bytes are passed on, and the record is
// closed. What the steps of that work on is here; the steps are functions, a file each, in the order of
// docs/architecture.md. All of it is one session's and runs on its coroutine, on its shard's thread: a step that awaits
// holds up its own request only.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "modules/gateway/answer/client_answer.hpp"
#include "modules/gateway/attempt/attempt_loop.hpp"
#include "modules/gateway/attempt/exchange.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

/// What the upstream or the client did.
enum class Event : std::uint8_t { none, readable, client_gone, timeout, keepalive };

/// A vendor's own error answer, passed on when no other candidate does better.
struct KeptAnswer {
    std::string head_text;  // as it goes downstream, without framing
    std::string bytes;
    int status = 0;
    std::string error;
};

struct Relay {
    /// The request has candidates.
    Relay(Session& session, Request& request);

    Session& session;
    Request& request;
    AttemptLoop attempts;
    Exchange upstream;
    ClientAnswer client;
    std::unique_ptr<KeptAnswer> kept;
    bool usage_asked = false;   // by us, of the attempt at hand
    std::string booked_answer;  // the answer made behind that this request's record books
    bool sent = false;          // the attempt's request, whole as far as we know

    [[nodiscard]] const Provider& provider() const { return *attempts.target().provider; }
    [[nodiscard]] std::int64_t since_start() const;
    void end_attempt(Outcome outcome, std::string why) { attempts.ended(outcome, since_start(), std::move(why)); }
    /// What there is to be done; a client whose answer is discarded is not looked at any more.
    [[nodiscard]] Event poll() const;
};

/// All of it: answers the client and commits the record.
boost::asio::awaitable<void> relay_request(Session& session, Request& request);

/// Connects, sends the request and reads until an answer's head is there. False: the attempt has ended.
boost::asio::awaitable<bool> ask(Relay& relay);

enum class HeadState : std::uint8_t {
    complete,
    closed,       // without a byte
    failed,       // the attempt has ended
    client_gone,  // nobody waits for it
};
boost::asio::awaitable<HeadState> read_answer_head(Relay& relay);

/// The same as ask() for a body that passes as it comes, over a connection of its own. A vendor's error that comes
/// before the body's end ends the sending. The client's connection does not go on where the body was not read whole.
boost::asio::awaitable<bool> ask_upload(Relay& relay);
enum class EarlyHead : std::uint8_t { none, complete, closed, failed };
/// Reads once what the vendor says while the request is still sent to it. The head keeps its bytes.
EarlyHead read_early_head(Relay& relay);

/// Reads a failed attempt's answer whole, to be passed on if no other candidate does better.
boost::asio::awaitable<void> keep_error_answer(Relay& relay);
/// What an error answer to a request that asked for usage refuses.
enum class Refused : std::uint8_t {
    usage,           // that: the vendor is remembered, and another attempt has begun that does not ask
    something_else,  // it is kept, to be passed on
    unknown,         // it broke off
};
boost::asio::awaitable<Refused> refuses_usage(Relay& relay);
/// The kept answer goes to the client.
boost::asio::awaitable<void> send_kept_answer(Relay& relay);
/// No attempt had an answer for the client: it gets the kept one, or an error of ours.
boost::asio::awaitable<void> answer_without_upstream(Relay& relay);

/// Passes the answer's body on. False: the attempt failed before the client had anything of it.
boost::asio::awaitable<bool> relay_body(Relay& relay);

// --- how an answer ends: answer/end_answer.cpp ---
/// The answer is whole for the client: first its record, then its last bytes.
boost::asio::awaitable<void> end_whole(Relay& relay);
/// It broke off. False as with relay_body().
boost::asio::awaitable<bool> end_cut(Relay& relay, Outcome outcome, std::string why);
/// The vendor is silent.
boost::asio::awaitable<bool> end_silent(Relay& relay);
boost::asio::awaitable<void> end_without_client(Relay& relay);
boost::asio::awaitable<void> close_record(Relay& relay, End end, int status, std::string error);
/// An answer of which the client has bytes, or that is whole, keeps nothing of what only its beginning needed: no other
/// candidate is asked any more.
void release_beginning(Relay& relay);

/// Prices the record's attempts, which asked these candidates, and sums them up into the record.
void price_attempts(RequestRecord& record, std::span<const Candidate> asked, const GatewaySnapshot& snapshot);

}  // namespace lurus::gateway
