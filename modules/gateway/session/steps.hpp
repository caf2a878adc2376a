#pragma once
// What a request goes through before it is relayed, in order. Each step is a file of its name; what most requests pass
// without waiting is no coroutine: a frame less to make, and to keep while a stream is open.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

/// Reads until a head is whole, which is parsed from the session's input; that stays where it is until the body is
/// read. Returns the head's size, or 0 when the connection is to end. The request begins with its first byte.
boost::asio::awaitable<std::size_t> read_head(Session& session, std::unique_ptr<Request>& begun);

std::string_view path_of(std::string_view target);
/// The path is one that we answer for ourselves.
bool is_own(std::string_view path);
bool asks_for_websocket(const http1::RequestHead& head);
/// Finds the endpoint. The family is set also when there is none: its error shape is used.
std::optional<MatchError> route(Request& request);

/// Why a request is refused before anything of it is with a vendor. `reason` is a constant, for the metrics.
struct EarlyRefusal {
    EarlyRefusal(int code, std::string_view because, std::string text, std::string_view more = {})
        : status(code), reason(because), message(std::move(text)), fields(more) {}
    int status;
    std::string_view reason;
    std::string message;
    std::string fields;  // of the answer
};
/// Answers, counts, and keeps a record while its address has not caused too many. A body that was not read ends the
/// connection after the answer.
boost::asio::awaitable<void> refuse_early(Session& session, Request& request, EarlyRefusal why);
EarlyRefusal bad_path(const Request& request, MatchError error);
/// What is not read of a request that gets no further: its head is dropped, its body ends the connection.
void drop_unread(Session& session, Request& request);

/// Finds the key. What is wrong with it, or nothing.
std::optional<EarlyRefusal> authenticate(const Session& session, Request& request);
/// Why nothing is served while what this node knows is older than it may be.
std::optional<EarlyRefusal> from_old_mirror(const Request& request);
/// On a listener that asks for no key: why a request without one is not served.
std::optional<EarlyRefusal> from_foreign_page(const Session& session, const Request& request);
/// Notes whether a page of the request's origin may read the answer. True: the request was a page's question, and is
/// to be answered by `answer_preflight`.
bool note_origin(Request& request);
boost::asio::awaitable<void> answer_preflight(Session& session, Request& request);

/// The longest body that is read of a request for a vendor.
std::uint64_t body_cap(const Session& session, const Request& request);
/// The same of one that has no use for a body.
inline constexpr std::uint64_t no_use_body_cap = 64 << 10;
/// Takes the body if all of it is here.
bool take_body(Session& session, Request& request, std::uint64_t cap);
/// Reads the body, which may wait for room in the process's memory for bodies. Afterwards the request owns its bytes,
/// and the input is what follows. False: it was refused, or the client is gone.
boost::asio::awaitable<bool> read_body(Session& session, Request& request, std::uint64_t cap);

/// The body need not be held: the relay passes it as it comes.
bool passes_body(const Request& request);
/// Takes the head off the input, which is the body's from then on. What is wrong with the body's length, or nothing.
std::optional<EarlyRefusal> begin_upload(Session& session, Request& request);
std::string too_large_upload(std::uint64_t most);

/// Takes room for that many more bytes in the process's memory for bodies, waiting if need be. False: it was refused,
/// or the client is gone.
boost::asio::awaitable<bool> take_room(Session& session, Request& request, std::size_t bytes);

/// Whether the body is compressed, so that decode_body() has to make it readable.
bool is_coded(const Request& request);
/// Afterwards `body` is what the compressed one says, up to `server.max_body` bytes of it, and `coded_body` is what
/// came. Other clients of the shard are served in between. False: it was refused, or the client is gone.
boost::asio::awaitable<bool> decode_body(Session& session, Request& request);

/// Begins the record: who asks for what. Before the head's bytes are dropped.
void start_record(Session& session, Request& request);
/// Reads what the request asks for, starts its record and asks the key's rules and all limits. Null: it may go on.
std::unique_ptr<Rejection> admit(Session& session, Request& request);
/// What the request says of models, where rules, limits or a budget go by them: it is refused where others might read
/// another model, and all that it names are in its facts. `body` was scanned without an error.
std::unique_ptr<Rejection> judge_models(Request& request, std::string_view content_type, std::string_view body);
/// The same of a WebSocket's message: what is doubtful, or empty.
std::string judge_message(Request& request, std::string_view message);
/// Refused where the rules of its key leave none of those who answer for its model.
std::unique_ptr<Rejection> judge_candidates(Request& request);
/// Finds the account that has what the request names, for candidates_of(). A rejection where that is another
/// organisation's.
std::unique_ptr<Rejection> pin(const Session& session, Request& request);
std::string_view org_of(const Request& request);
boost::asio::awaitable<void> reject(Session& session, Request& request, std::unique_ptr<Rejection> rejection);
/// Why the key's rules forbid this request; empty = they do not.
std::string broken_rule(const Request& request);

/// What we answer for ourselves.
boost::asio::awaitable<void> serve_own(Session& session, Request& request);
/// The models' lists, which are answered from the catalogue.
boost::asio::awaitable<void> serve_models(Session& session, Request& request);

/// As much of a client's text as a record keeps.
std::string cut_field(std::string_view text);

}  // namespace lurus::gateway
