#pragma once
// One client connection on its shard: reads requests, hands them on, writes answers with backpressure. Lives as long as
// its coroutine or a pending callback; the shard lists it while it is open.

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "core/http/http1.hpp"
#include "core/io/channel.hpp"
#include "core/io/signal.hpp"
#include "lurus/gateway.hpp"
#include "lurus/record.hpp"
#include "modules/gateway/limits/limit_admission.hpp"
#include "modules/gateway/server/shard.hpp"
#include "modules/gateway/session/endpoint.hpp"
#include "modules/gateway/session/request_scan.hpp"

namespace lurus::gateway {

class Services;

/// One request while it is served. Views point into `bytes` or `chunked_body`.
struct Request {
    std::string bytes;  // head, and the body when it was not chunked
    http1::RequestHead head;
    std::size_t target_at = 0;  // where `head.target` stood in the bytes that were parsed
    bool head_only = false;     // the method is HEAD: answers have no body
    std::string chunked_body;
    std::string_view body;
    std::shared_ptr<const GatewaySnapshot> snapshot;
    Id trace_id;
    UnixMicros time = 0;
    std::int64_t started_us = 0;  // monotonic
    Family family = Family::openai;
    Endpoint endpoint;
    const KeyInfo* key = nullptr;      // kept alive by the snapshot; null on an open listener
    std::optional<IpAddress> address;  // whom it comes from; empty on a Unix socket
    RequestFacts facts;
    RequestRecord record;

    /// Gives back what only a request that may be sent (again) needs: its bytes and every view of them.
    void let_go();
};

/// Why a request goes no further.
struct Rejection {
    int status = 400;
    std::string message;
    std::string body;  // empty: the dialect's error with the message
    std::string fields;
    bool recorded = true;
};

class Session final : public std::enable_shared_from_this<Session>, private OutboxClient {
public:
    Session(Shard& shard, AcceptedSocket socket, Services& services, SslPtr tls, bool open);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    static void start(const std::shared_ptr<Session>& session);

    // --- from the shard ---
    /// Monotonic microseconds; what changes it tells the shard.
    [[nodiscard]] std::int64_t due_us() const { return std::min(deadline_us_, heartbeat_us_); }
    void on_due(std::int64_t now_us);
    void on_committed(bool safe);
    void on_drain();
    /// Ends now; the coroutine sees the client as gone.
    void on_stop();

    // --- for whoever serves a request, on the shard's thread ---
    Shard& shard;
    Signal signal;  // notified on every change below and by whatever the request waits for

    [[nodiscard]] bool client_gone() const { return gone_; }
    [[nodiscard]] bool timed_out() const { return timed_out_; }
    [[nodiscard]] bool heartbeat_due() const { return heartbeat_due_; }
    /// Milliseconds from now; 0 = none.
    void set_deadline(int ms);
    void set_heartbeat(int ms);

    /// Takes the bytes: small ones leave when the shard's turn ends, or before as `pace` says, others now, as far as
    /// the client takes them. False when the client is gone.
    bool send_now(std::span<const boost::asio::const_buffer> buffers, Outbox::Pace pace = Outbox::Pace::turn);
    [[nodiscard]] bool flushed() const { return unsent_.empty(); }
    /// Returns when the client took what it was given so far (what waits for the turn's end counts as taken), or false
    /// when the client is gone or takes nothing for the write timeout.
    boost::asio::awaitable<bool> flush();
    boost::asio::awaitable<bool> send(std::string bytes);

    /// Counts the record and appends it to the journal. True: its answer must not end before it is safe().
    [[nodiscard]] bool append(RequestRecord& record);
    /// The appended record is safe, or the log's patience is over.
    [[nodiscard]] bool safe() const { return committed_; }
    /// Returns when it is safe().
    boost::asio::awaitable<void> until_safe();
    boost::asio::awaitable<void> commit(RequestRecord record);

    /// An answer of our own, in the request's dialect when it is an error.
    boost::asio::awaitable<void> respond(const Request& request, int status, std::string body,
                                         std::string_view content_type, std::string_view extra_fields = {});
    boost::asio::awaitable<void> respond_error(const Request& request, int status, std::string_view message,
                                               std::string_view extra_fields = {});
    /// The same with a record: for requests whose key was good.
    boost::asio::awaitable<void> refuse(Request& request, int status, std::string_view message,
                                        std::string_view extra_fields = {});
    boost::asio::awaitable<void> refuse_with(Request& request, int status, std::string_view message, std::string body,
                                             std::string_view extra_fields);

    // --- limits: admission.cpp ---
    /// Why the key's rules forbid this request; empty = they do not.
    [[nodiscard]] std::string broken_rule(const Request& request) const;
    /// Admits one turn of a WebSocket; what it holds is settled by its record.
    std::optional<Refusal> take_turn(const Request& request, const RequestFacts& facts, std::size_t bytes, bool first);
    /// The answer's fields on how the limits stand; empty where there are none.
    [[nodiscard]] std::string limit_fields(const Request& request) const;
    /// The request does not run any more. To be called before the client can know it.
    void leave_limits();

    [[nodiscard]] bool keep_alive() const { return keep_alive_; }
    void end_keep_alive() { keep_alive_ = false; }
    /// Ends the connection so that the client cannot take what it has for whole.
    void abort();

    // --- for a connection that stops being HTTP ---
    std::string take_input();
    Channel& channel() { return channel_; }
    void arm_read();

private:
    boost::asio::awaitable<void> run();
    boost::asio::awaitable<bool> handshake();
    /// The head's size in `in_`, or 0 when the connection is to end. The request begins with its first byte.
    boost::asio::awaitable<std::size_t> read_head(std::unique_ptr<Request>& begun);
    /// Takes the body if all of it is here.
    bool take_body(Request& request, std::size_t head_size);
    boost::asio::awaitable<bool> read_body(Request& request, std::size_t head_size);
    void own_bytes(Request& request, std::size_t head_size, std::size_t total);
    boost::asio::awaitable<bool> read_chunked(Request& request, std::size_t head_size);
    boost::asio::awaitable<bool> more_input();
    boost::asio::awaitable<void> linger();
    // dispatch.cpp
    boost::asio::awaitable<void> serve(Request& request, std::size_t head_size);
    boost::asio::awaitable<void> serve_own(Request& request, std::size_t head_size);
    std::optional<MatchError> find_endpoint(Request& request);
    boost::asio::awaitable<void> refuse_path(Request& request, std::size_t head_size, MatchError error);
    boost::asio::awaitable<void> serve_models(Request& request);
    /// Finds the key. What is wrong with it, or null.
    const char* key_problem(Request& request) const;
    boost::asio::awaitable<void> refuse_key(Request& request, const char* problem);
    /// Reads what the request asks for and starts its record. Null = it may go on.
    std::unique_ptr<Rejection> admit(Request& request);
    boost::asio::awaitable<void> reject(Request& request, std::unique_ptr<Rejection> rejection);
    // api.cpp
    boost::asio::awaitable<void> serve_api(Request& request);
    boost::asio::awaitable<void> respond_in_pieces(const Request& request, ApiResponse& response,
                                                   std::string_view extra_fields);
    // admission.cpp
    std::unique_ptr<Rejection> within_limits(Request& request);
    std::optional<Refusal> take_limits(const Request& request, Demand demand, Admission& into);
    void settle_limits(const RequestRecord& record);

    void on_readable(const boost::system::error_code& ec);
    void on_sent(Io state, std::string_view rest) override;
    void arm_write();
    void client_left();

    static constexpr std::int64_t never = Shard::never;

    Services& services_;
    const bool open_;
    const std::optional<IpAddress> peer_;
    Channel channel_;
    Admission place_;               // of the request that is being served
    Admission turn_;                // of a WebSocket's turn
    std::string in_;                // bytes that no request has taken yet
    std::string unsent_;            // bytes that the socket did not take yet
    std::size_t input_wanted_ = 0;  // how much `in_` shall hold at most before reading pauses
    bool armed_ = false;
    bool write_armed_ = false;
    bool written_ = false;  // some of `unsent_`, since flush() last looked
    bool gone_ = false;
    bool idle_ = true;  // between two requests
    bool keep_alive_ = true;
    bool timed_out_ = false;
    bool heartbeat_due_ = false;
    bool committed_ = false;
    std::int64_t deadline_us_ = never;
    std::int64_t heartbeat_us_ = never;
};

}  // namespace lurus::gateway
