#pragma once
// What a request goes through before it is relayed, in order. Each step is a file of its name; what most requests pass
// without waiting is no coroutine: a frame less to make, and to keep while a stream is open.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

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
boost::asio::awaitable<void> refuse_path(Session& session, Request& request, std::size_t head_size, MatchError error);

/// Finds the key. What is wrong with it, or null.
const char* authenticate(const Session& session, Request& request);
boost::asio::awaitable<void> refuse_key(Session& session, Request& request, const char* problem);

/// Takes the body if all of it is here.
bool take_body(Session& session, Request& request, std::size_t head_size);
/// Reads the body. Afterwards the request owns its bytes, and the input is what follows. False: it was refused, or the
/// client is gone.
boost::asio::awaitable<bool> read_body(Session& session, Request& request, std::size_t head_size);

/// Whether the body is compressed, so that decode_body() has to make it readable.
bool is_coded(const Request& request);
/// Afterwards `body` is what the compressed one says, up to `server.max_body` bytes of it, and `coded_body` is what
/// came. Other clients of the shard are served in between. False: it was refused, or the client is gone.
boost::asio::awaitable<bool> decode_body(Session& session, Request& request);

/// Reads what the request asks for, starts its record and asks the key's rules and all limits. Null: it may go on.
std::unique_ptr<Rejection> admit(Session& session, Request& request);
boost::asio::awaitable<void> reject(Session& session, Request& request, std::unique_ptr<Rejection> rejection);
/// Why the key's rules forbid this request; empty = they do not.
std::string broken_rule(const Request& request);

/// What we answer for ourselves.
boost::asio::awaitable<void> serve_own(Session& session, Request& request, std::size_t head_size);
/// The models' lists, which are answered from the catalogue.
boost::asio::awaitable<void> serve_models(Session& session, Request& request);

/// As much of a client's text as a record keeps.
std::string cut_field(std::string_view text);

}  // namespace lurus::gateway
