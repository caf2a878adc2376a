#pragma once
// What the messages of a WebSocket say, as far as the gateway must know: the events of the Responses API and of
// realtime sessions, and the messages of Gemini's Live API. Pure functions.
//
// Whoever a client's message is for may read it with another parser than ours. So what counts here must be said so that
// every parser reads the same: a member once, in its own letter case, in strict JSON. Else the message is refused.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/ids.hpp"

namespace lurus::gateway {

/// A client's message.
struct ClientEvent {
    enum class Kind : std::uint8_t {
        other,
        create,   // asks for a response
        session,  // changes the session
        setup,    // begins a session and names its model (Live)
    };
    struct Model {
        std::string name;
        std::size_t begin = 0;  // the JSON string with its quotes, in the message
        std::size_t end = 0;
        bool answers = true;        // false: it transcribes what is heard
        std::string_view prefix{};  // what stands before the name there, and stays
    };
    Kind kind = Kind::other;
    std::string problem;  // not empty: why it cannot be read; the rest is of no use then
    std::vector<Model> models;
    std::string event_id;   // the client's own name for it
    std::string stream_id;  // which of the connection's streams it is for
    std::optional<std::int64_t> max_output;
};
ClientEvent read_client_event(std::string_view message);
/// A message of Live's.
ClientEvent read_live_client(std::string_view message);

/// A vendor's message.
struct ServerEvent {
    enum class Kind : std::uint8_t {
        other,
        created,      // a response begins
        ended,        // a response has ended, well or not
        error,        // a request of the client's failed
        session,      // what the session is like
        transcribed,  // what was heard was written down, which has a price of its own
        waits,        // what was made of a response waits for the client, who has tools to call
        counted,      // usage alone
    };
    Kind kind = Kind::other;
    std::string response_id;
    std::string stream_id;
    std::string event_id;     // error: of the client's event that failed
    std::string model;        // created, ended: the response's; session: the session's
    std::string transcriber;  // session: the model that writes down what is heard
    bool usage = false;       // ended, waits: it says what was used (Live)
};
/// `other` has its ids only when `ids` is asked for, which takes a look at the whole message.
ServerEvent read_server_event(std::string_view message, bool ids);
/// A message of Live's: `created` is any part of an answer, which has no ids.
ServerEvent read_live_server(std::string_view message);

/// A message of ours in place of an answer. `asked` is what it is about; its ids come back.
std::string error_event(int status, std::string_view code, std::string_view message, const ClientEvent& asked,
                        const Id& trace_id, std::optional<std::int64_t> retry_after_s = {});

}  // namespace lurus::gateway
