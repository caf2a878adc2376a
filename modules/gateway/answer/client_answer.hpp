#pragma once
// A vendor's answer on its way to the client: read along, held by the gate where it must be, framed anew, and sent.
// Also the keepalives before it. It lives through all attempts of a request, because what the client has of an answer
// stays true for the next one. Owned by the relay; its shard's thread; only whoever awaits send_keepalive() waits.

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/http1.hpp"
#include "modules/gateway/answer/answer_gate.hpp"
#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

class ClientAnswer {
public:
    ClientAnswer(Session& session, Request& request);

    /// The next attempt: the head of an earlier one's answer that was not sent is forgotten.
    void forget_head() { head_.clear(); }
    /// Whether an answer with this head, were it not compressed, is one that is read along.
    [[nodiscard]] bool is_read(const http1::ResponseHead& head) const;
    /// An answer's head came: what its body is, and a reader for it.
    void read_as(const http1::ResponseHead& head);
    [[nodiscard]] bool streamed() const { return format_ == AnswerFormat::sse || format_ == AnswerFormat::json_array; }
    /// The answer is passed on: its head as the client gets it, and the gate. `body_over`: there is none.
    void begin(http1::ResponseHead& head, bool body_over, bool last_candidate);
    /// A piece of the body. `ends`: the body ends with it.
    void take(std::string_view payload, bool ends);
    /// Sends what the gate releases. False when the client is gone, which is no matter once its answer is discarded.
    bool send_released();
    /// Sends what was held for the record, and the body's end where it has come.
    void send_rest();
    /// The dialect's keepalive, with a head of our own where the client has none yet.
    boost::asio::awaitable<void> send_keepalive();
    /// An error of ours, which ends the stream. Nothing where the client would not understand it here.
    [[nodiscard]] std::optional<std::string> error_inside(int status, std::string_view message) const;
    /// The same before any event of an answer.
    [[nodiscard]] std::string error_instead(int status, std::string_view message) const;
    /// The client has its first byte now.
    void note_first_byte();
    /// The status line is sent and not needed any more.
    void release_head();
    [[nodiscard]] std::string take_logged_body() { return std::move(logged_body_); }

    AnswerGate gate;
    std::optional<AnswerReader> reader;  // from read_as() until the answer is over

private:
    Session& session_;
    Request& request_;
    const bool array_;  // the dialect streams a JSON array here
    AnswerFormat format_ = AnswerFormat::other;
    Framing framing_ = Framing::chunked;
    std::string head_;         // not yet sent
    std::string logged_body_;  // for the record, where that is asked for
};

}  // namespace lurus::gateway
