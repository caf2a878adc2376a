#pragma once
// Decides what passes through a WebSocket. Each answer is a turn: asked for by the client or begun by the vendor, it is
// held against the rules, routes and limits that are in force when it begins, and has a record of its own, which is
// safe before the client sees its end. One tunnel's; its shard's thread.

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "lurus/record.hpp"
#include "modules/gateway/attempt/websocket_events.hpp"
#include "modules/gateway/attempt/websocket_turns.hpp"
#include "modules/gateway/attempt/websocket_upstream.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

/// What becomes of a message.
struct Verdict {
    enum class What : std::uint8_t {
        pass,
        refuse,  // the client gets `text` instead
        last,    // the same, and nothing more is taken from it: the connection ends with the answers under way
        end,     // the same, and the connection ends now
        mute,    // the vendor's message passes, then the same; what it says after that is read, but does not pass
    };
    Verdict() = default;
    Verdict(What own_what, std::string own_text) : what(own_what), text(std::move(own_text)) {}

    What what = What::pass;
    std::string text;              // pass: what goes on in the message's place, unless it is empty
    std::uint16_t close_code = 0;  // last, end, mute
    std::string reason;            // as well
};

class WebsocketGate {
public:
    WebsocketGate(Session& session, Request& request, WebsocketUpstream& upstream);

    /// The upstream is open for the request as it came.
    void opened();
    /// Whether a client's message may go to the vendor. Opens the vendor's connection where there is none, and another
    /// one for a message to another vendor where `replaceable`. The text is empty when it is too long to be read.
    boost::asio::awaitable<Verdict> client_message(std::string_view text, std::uint64_t size, bool replaceable);
    /// True: the vendor's message passes, and that is all. False: ask server_message().
    bool passes(std::string_view text, std::uint64_t size);
    /// Before that vendor's message passes, which it does; then what the verdict says happens.
    boost::asio::awaitable<Verdict> server_message(std::string_view text, std::uint64_t size);
    /// The connection is over: records what is under way, or that there was nothing.
    boost::asio::awaitable<void> end(End how, std::string error);

    /// No answer is under way.
    [[nodiscard]] bool idle() const { return turns_.empty(); }
    /// How long the vendor may be silent with an answer under way, in ms; 0 = there is none.
    [[nodiscard]] int patience_ms();
    /// Bytes of a message of the client's.
    [[nodiscard]] std::size_t max_message() const;

private:
    enum class Begun : std::uint8_t { by_client, by_vendor, transcription, late_usage };
    /// Why something does not pass.
    struct Stop {
        Stop(int own_status, std::string_view own_code, std::string own_message, std::uint16_t own_close_code = 0)
            : status(own_status), code(own_code), message(std::move(own_message)), close_code(own_close_code) {}
        int status;
        std::string_view code;
        std::string message;
        std::uint16_t close_code;  // 0: the connection goes on
        std::optional<std::int64_t> retry_after_s;
    };
    using Stopped = std::optional<Stop>;

    // --- client's ---
    Stopped refresh();
    static Stop denied(std::string why);
    Stopped forbidden(const std::string& model);
    Stopped choose_model(const ClientEvent& event, std::string& model) const;
    Stopped find_place(Turn& turn, bool replaceable, bool& here);
    bool stays_here(Turn& turn);
    Stopped change_session(const ClientEvent& event);
    Stopped out_of_order(const ClientEvent& event) const;
    boost::asio::awaitable<Verdict> set_up(const ClientEvent& event, std::string_view text);
    boost::asio::awaitable<Verdict> create(const ClientEvent& event, std::string_view text, bool replaceable);
    boost::asio::awaitable<Stopped> open_upstream(Turn& turn);
    boost::asio::awaitable<Verdict> refuse(const ClientEvent& event, Stop stop, Turn turn);

    // --- vendor's ---
    Stopped begin_by_vendor(const ServerEvent& event, Turn& turn, Begun begun);
    boost::asio::awaitable<Verdict> begun(ServerEvent event, std::string_view text, std::uint64_t size);
    boost::asio::awaitable<Verdict> ended(ServerEvent event, std::string_view text, std::uint64_t size);
    boost::asio::awaitable<Verdict> transcribed(ServerEvent event, std::string_view text);
    boost::asio::awaitable<Verdict> live_message(ServerEvent event, std::string_view text, std::uint64_t size);
    boost::asio::awaitable<Verdict> late_usage(ServerEvent event, std::string_view text, std::uint64_t size);
    bool passes_live(std::string_view text, std::uint64_t size);
    Stopped learn_session(const ServerEvent& event);
    void feed(Turn& turn, std::string_view text, std::uint64_t size) const;
    Verdict mute_with(const Stop& stop, Turn* turn);

    // --- turns ---
    Turn new_turn(Begun begun);
    Stopped admit_turn(Turn& turn, Begun begun, std::optional<std::int64_t> max_output);
    boost::asio::awaitable<void> record(Turn turn, End how, std::string error);

    /// One model answers for the whole connection: OpenAI's realtime sessions and Gemini's Live API.
    [[nodiscard]] bool is_session() const { return is_live() || request_.endpoint.operation == Operation::realtime; }
    /// It has no events for errors: whatever is refused ends the connection, and its close says why. Its answers have
    /// no ids, and there is one at a time.
    [[nodiscard]] bool is_live() const { return request_.endpoint.operation == Operation::gemini_live; }
    static std::uint16_t close_code_of(const Stop& stop);
    [[nodiscard]] std::int64_t now() const { return session_.shard.clock.monotonic_us(); }

    Session& session_;
    Request& request_;
    WebsocketUpstream& upstream_;
    TurnList turns_;
    // What the next answer is by, where nobody names another: a realtime session's model, or the last one's.
    std::string model_, upstream_model_, route_;
    std::string transcriber_;                 // writes down what is heard
    std::optional<std::int64_t> max_output_;  // of each answer of the session
    std::int64_t bytes_in_ = 0;               // since the last turn began
    std::int64_t last_input_ = 0;             // tokens that the last answer's request had
    int refused_ = 0;
    bool recorded_ = false;  // there is a record of this connection
};

}  // namespace lurus::gateway
