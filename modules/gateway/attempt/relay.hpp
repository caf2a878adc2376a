#pragma once
// Relays one request: tries candidates in order until one answers, passes its bytes on, and closes the record. Lives on
// the session's coroutine; one shard's thread.

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/http1.hpp"
#include "lurus/provider.hpp"
#include "modules/gateway/answer/answer_gate.hpp"
#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

/// A pooled connection to a provider's endpoint, or null.
std::shared_ptr<UpstreamConnection> pooled_upstream(Session& session, const std::shared_ptr<const Provider>& provider,
                                                    const FamilyEndpoint& place);

/// A new connection, with TLS where it is asked for. On failure null, and `outcome` and `error` say why.
struct Connected {
    std::shared_ptr<UpstreamConnection> connection;
    std::string outcome;
    std::string error;
};
boost::asio::awaitable<Connected> connect_upstream(Session& session, std::shared_ptr<const Provider> provider,
                                                   const FamilyEndpoint& place);

/// What the upstream connection or the client did.
enum class Event : std::uint8_t { none, readable, client_gone, timeout, heartbeat };

class Relay {
public:
    Relay(Session& session, Request& request);
    ~Relay();
    /// Answers the client and commits the record.
    boost::asio::awaitable<void> run();

private:
    /// How a try ended, seen from the loop over candidates.
    enum class Verdict : std::uint8_t {
        answered,  // the client has its answer, or is gone
        failed,    // nothing semantic went downstream: the next candidate may try
    };

    void begin_attempt(const Candidate& candidate);
    /// Sends the request; true when an answer's head is there.
    boost::asio::awaitable<bool> ask();
    /// The request as it goes upstream, in pieces: head, body, the model's name in its place.
    using Pieces = std::array<std::string_view, 4>;
    bool write_small(const Pieces& pieces);
    boost::asio::awaitable<bool> write_large(Pieces pieces);
    enum class HeadState : std::uint8_t { ok, closed, failed, client_gone };
    boost::asio::awaitable<HeadState> read_response_head();
    enum class Worth : std::uint8_t { passing, keeping, nothing };
    Worth judge_head(bool last);

    // relay_failure.cpp
    boost::asio::awaitable<void> keep_error_answer();
    boost::asio::awaitable<void> finish_without_answer();
    boost::asio::awaitable<void> heartbeat();

    // answer.cpp
    boost::asio::awaitable<Verdict> pass_body(bool last);
    void begin_body(bool last);
    enum class Course : std::uint8_t { on, failed, cut };
    Course look();
    void take(std::string_view bytes);
    void take_payload(std::string_view payload, bool ends);
    bool emit();
    bool read_more();
    [[nodiscard]] bool streamed() const { return format_ == AnswerFormat::sse || format_ == AnswerFormat::json_array; }
    void keep_little();
    boost::asio::awaitable<void> end_body();
    boost::asio::awaitable<void> beat();
    bool stays_without_client();
    boost::asio::awaitable<Verdict> end_without_client();
    boost::asio::awaitable<Verdict> run_out_of_time();
    /// `failure_` says why.
    boost::asio::awaitable<Verdict> cut(const char* outcome);
    void send_end();

    void fill_record(End end, int status, std::string_view error);
    boost::asio::awaitable<void> close_record(End end, int status, std::string error);
    void drop_upstream();
    void release_upstream();

    Event poll() const;
    boost::asio::awaitable<Event> next();
    Attempt& current() { return request_.record.attempts.back(); }
    std::int64_t since_start() const;
    void end_attempt(std::string outcome);
    void note_downstream();

    Session& session_;
    Request& request_;
    std::shared_ptr<const Provider> provider_;
    std::shared_ptr<UpstreamConnection> upstream_;
    http1::ResponseHead head_;
    std::string head_bytes_;  // of the response's head, when it did not come in one piece
    std::string_view carry_;  // body bytes that came with the head; good until the next await
    http1::BodyFramer framer_;
    std::optional<AnswerReader> reader_;
    AnswerFormat format_ = AnswerFormat::other;
    Framing framing_ = Framing::chunked;
    std::string answer_head_;  // not yet sent
    AnswerGate gate_;          // what of the answer's body is held, and what goes
    bool bad_framing_ = false;
    const bool array_;           // the dialect streams a JSON array here
    bool kept_little_ = false;   // keep_little() was here
    const char* cut_ = nullptr;  // look()'s reason for a cut, as an outcome
    std::string response_body_;  // kept for the log where it is asked for
    std::string failure_;        // of the last try, in words
    int failure_status_ = 502;

    /// A vendor's own error answer, passed on when no other candidate does better.
    struct KeptAnswer {
        std::string head_text;  // as it goes downstream, without framing
        std::string bytes;
        int status = 0;
        std::string error;
    };
    std::unique_ptr<KeptAnswer> kept_;
};

/// Prices the attempts and sums them up into the record.
void price_attempts(RequestRecord& record, const GatewaySnapshot& snapshot);

}  // namespace lurus::gateway
