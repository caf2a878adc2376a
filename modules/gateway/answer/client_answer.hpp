#pragma once
// A vendor's answer on its way to the client: read along, held by the gate where it must be, framed anew, and sent.
// Also the keepalives before it. It lives through all attempts of a request, because what the client has of an answer
// stays true for the next one. Owned by the relay; its shard's thread; only whoever awaits send_keepalive() waits.

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/http/http1.hpp"
#include "modules/gateway/answer/answer_gate.hpp"
#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/answer/usage_filter.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/kept/named_things.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

class ClientAnswer {
public:
    ClientAnswer(Session& session, Request& request);

    /// The next attempt: an earlier one's answer that was not sent is forgotten.
    void forget_head() {
        head_.clear();
        reader.reset();
    }
    /// Whether an answer with this head, were it not compressed, is one that is read along.
    [[nodiscard]] bool is_read(const http1::ResponseHead& head) const;
    /// An answer's head came: what its body is, and a reader for it.
    /// `usage_asked`: the vendor tells it only because we asked, so the client does not get it.
    void read_as(const http1::ResponseHead& head, bool usage_asked);
    [[nodiscard]] bool streamed() const { return format_ == AnswerFormat::sse || format_ == AnswerFormat::json_array; }
    /// The answer is passed on: its head as the client gets it, and the gate. `body_over`: there is none.
    void begin(http1::ResponseHead& head, bool body_over, bool last_candidate);
    /// A piece of the body. `ends`: the body ends with it.
    void take(std::string_view payload, bool ends);
    /// There is no more of it.
    void end_body();
    /// Sends what the gate releases. False when the client is gone, which is no matter once its answer is discarded.
    bool send_released();
    /// Whether something went to the client since this was last asked.
    [[nodiscard]] bool take_sent() { return std::exchange(sent_, false); }
    /// Sends what was held for the record, and the body's end where it has come.
    void send_rest();
    /// A stream stands between two events, for the client as for the vendor, and its framing has room for more.
    [[nodiscard]] bool may_keep_alive() const;
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
    /// The answer was passed on with this status: what it said that the vendor keeps is remembered.
    void remember_kept(int status);
    [[nodiscard]] std::string take_logged_body() { return std::move(logged_body_); }

    AnswerGate gate;
    std::optional<AnswerReader> reader;  // from read_as() until the answer is over

private:
    void pass(std::string_view payload, bool ends);
    void pass(const std::vector<UsageFilter::Part>& parts, bool ends);
    /// What an answer says of things that the vendor keeps, for requests that may make one.
    struct Minted {
        Minted(Family family, bool made) : ids(family, made) {}
        MintedIds ids;
        std::string upload_id;
        std::string url, location;  // what fields of the head became
    };
    void look_for_kept(http1::ResponseHead& head);

    Session& session_;
    Request& request_;
    const bool array_;                  // the dialect streams a JSON array here
    const std::string_view keepalive_;  // empty: this client takes none
    bool sent_ = false;
    AnswerFormat format_ = AnswerFormat::other;
    Framing framing_ = Framing::chunked;
    std::string head_;  // not yet sent
    std::unique_ptr<UsageFilter> filter_;
    std::string logged_body_;  // for the record, where that is asked for
    std::unique_ptr<Minted> minted_;
};

}  // namespace lurus::gateway
