#pragma once
// The answers that are under way on one WebSocket: asked for by the client, or begun by the vendor on its own. Several
// may be, and a vendor need not say which of its messages is whose: what it does not say is taken to be the oldest's.
// Sans-I/O; one tunnel's.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <optional>
#include <string>

#include "lurus/clock.hpp"
#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/attempt/websocket_events.hpp"
#include "modules/gateway/limits/limit_admission.hpp"

namespace lurus::gateway {

/// One answer.
struct Turn {
    explicit Turn(const UpstreamAnswer& answer) : reader(answer, AnswerFormat::sse, 200) {}

    std::string event_id;     // of the client's message that asked for it
    std::string stream_id;    // of the connection's streams
    std::string response_id;  // the vendor's name for it; empty: it has none, or has not begun
    bool begun = false;       // the vendor said so
    bool waits = false;       // for the client, who has tools to call: its vendor owes nothing

    /// How far it came: not to a vendor, to vendors that did not take it, or to the one that answers.
    enum class Reached : std::uint8_t { nobody, tried, vendor };
    Reached reached = Reached::vendor;
    int refused = 0;  // by us, with that status, and with these words
    std::string refusal;

    std::string operation;  // as the record has it
    std::string model, upstream_model, route, session;
    UnixMicros time = 0;
    std::int64_t started_us = 0;  // monotonic
    std::optional<std::int64_t> first_byte_us;
    std::int64_t bytes_in = 0, bytes_out = 0;
    RequestEstimate estimate;
    Admission admission;
    AnswerReader reader;
};

class TurnList {
public:
    [[nodiscard]] bool empty() const { return turns_.empty(); }
    [[nodiscard]] std::size_t size() const { return turns_.size(); }
    [[nodiscard]] Turn& oldest() { return turns_.front(); }
    Turn& add(Turn turn) { return turns_.emplace_back(std::move(turn)); }
    /// The vendor begins a response: the turn that asked for it, which has begun now. Null: nobody has.
    Turn* begin(const ServerEvent& event);
    /// Whose message that is; null where nobody's.
    Turn* of(const ServerEvent& event);
    /// Whose end that is. Null: nobody's; `known` says whether it is that of a turn which has ended already.
    struct Ended {
        Turn* turn = nullptr;
        bool known = false;
    };
    Ended ended(const ServerEvent& event);
    /// Which turn an error ends; null where it is about something else.
    Turn* failed(const ServerEvent& event);
    /// Takes it out of the list. `by_error`: its vendor may still say that it has ended.
    Turn take(Turn& turn, bool by_error);

private:
    static constexpr std::size_t remembered = 16;

    Turn* by_response(const std::string& id);
    Turn* waiting(const ServerEvent& event);
    Turn* running(const ServerEvent& event);

    std::list<Turn> turns_;  // in the order in which they were asked for
    struct Gone {
        std::string response_id;
        bool by_error;
    };
    std::deque<Gone> gone_;  // the last ones
};

}  // namespace lurus::gateway
