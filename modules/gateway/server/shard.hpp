#pragma once
// A shard: one thread, one io_context, its own upstream connections, timers and counters. Nothing here is shared; other
// threads reach it by post. The server owns the shards; sessions live on one.

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/io/channel.hpp"
#include "core/io/signal.hpp"
#include "core/io/tls.hpp"
#include "lurus/clock.hpp"
#include "lurus/gateway.hpp"
#include "lurus/ids.hpp"
#include "modules/gateway/attempt/upgrade_memory.hpp"
#include "modules/gateway/limits/limit_table.hpp"
#include "modules/gateway/metrics/metrics.hpp"
#include "modules/gateway/server/turn_writes.hpp"

namespace lurus::gateway {

class Session;
class Shard;
struct UpstreamPool;

/// The newest TLS session of an endpoint. Its connections keep it: tickets also come when the pool is gone already.
struct TlsSession final : TlsSessionStore {
    SslSessionPtr newest;
    void keep(SslSessionPtr session) override { newest = std::move(session); }
};

/// One connection to a vendor. While idle it watches for the vendor closing it.
class UpstreamConnection : public std::enable_shared_from_this<UpstreamConnection>, private TurnWriter {
public:
    UpstreamConnection(Shard& shard, StreamSocket socket);
    ~UpstreamConnection();
    UpstreamConnection(const UpstreamConnection&) = delete;
    UpstreamConnection& operator=(const UpstreamConnection&) = delete;

    /// Asks to be told of the next readable moment; at most one such wait is pending.
    void arm();
    /// Small writes to a plain connection, at the turn's end. A failure shows as `readable`: what the vendor said
    /// before it went is there to be read.
    void send_at_turn_end(std::span<const boost::asio::const_buffer> buffers);
    /// False while bytes wait for the vendor to take them.
    [[nodiscard]] bool all_sent() const { return unsent_.empty(); }
    void close();

    Channel channel;
    Signal* owner = nullptr;  // null while pooled
    bool readable = false;    // set by the watch, cleared by whoever reads
    bool reused = false;
    std::int64_t idle_since_us = 0;
    std::weak_ptr<UpstreamPool> pool;  // where it is kept between requests; gone when nothing goes there any more
    std::shared_ptr<TlsSession> session;

private:
    void on_sent(Io state, std::string_view rest) override;
    void send_rest();
    bool still_idle();

    Shard& shard_;
    std::string unsent_;
    bool armed_ = false;
};

/// Idle connections to one destination, and the TLS session that a new one resumes. Providers that go to the same
/// address with the same TLS settings share it: the credential is a header of each request.
struct UpstreamPool {
    std::shared_ptr<const LocalVendor> local;               // of an in-process vendor, whose address is its destination
    std::vector<std::shared_ptr<UpstreamConnection>> idle;  // the newest last
    std::shared_ptr<TlsSession> session = std::make_shared<TlsSession>();
};

class Shard final : public CommitSink {
public:
    Shard(int index, std::shared_ptr<const GatewaySnapshot> snapshot, Journal& log, const Clock& clock,
          LimitTable& limits);
    ~Shard() override;

    /// The thread's body: runs until `stop`.
    void run();

    // --- any thread ---
    void committed(std::span<const std::uint64_t> tickets, bool safe) noexcept override;
    [[nodiscard]] int load() const { return load_.load(std::memory_order_relaxed); }
    boost::asio::io_context& io() { return io_; }
    [[nodiscard]] int index() const { return index_; }

    // --- the shard's thread ---
    void publish(std::shared_ptr<const GatewaySnapshot> snapshot);
    void add(const std::shared_ptr<Session>& session);
    void remove(Session* session);
    static constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();
    /// A session is to be woken then (monotonic microseconds).
    void due_at(std::int64_t us) { due_us_ = std::min(due_us_, us); }
    /// Stops keep-alive: idle sessions close now, busy ones after their request.
    void drain();
    /// Ends all sessions now.
    void stop_sessions();
    [[nodiscard]] bool draining() const { return draining_; }
    [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }

    /// The pool of where that endpoint of the provider is. A destination that no provider of the snapshot has any more
    /// (a request from before the change asks for it) gets one that nobody keeps.
    std::shared_ptr<UpstreamPool> pool(const std::shared_ptr<const Provider>& provider, const FamilyEndpoint& endpoint);
    /// Takes the newest idle connection, or null.
    std::shared_ptr<UpstreamConnection> take(UpstreamPool& pool);
    void give_back(const std::shared_ptr<UpstreamConnection>& connection);
    void forget(UpstreamConnection* connection);

    /// Addresses of a host, cached for 30 s; `done` may be called at once.
    using Addresses = std::vector<boost::asio::ip::tcp::endpoint>;
    void resolve(const std::string& host, std::uint16_t port,
                 std::function<void(const std::string& error, const Addresses&)> done);
    Result<SslContextPtr> tls_client(const Provider& provider);

    std::shared_ptr<const GatewaySnapshot> snapshot;
    Journal& log;
    const Clock& clock;
    IdGenerator ids;
    Metrics metrics;
    TurnWrites writes;
    void send_at_turn_end(std::shared_ptr<void> keep, TurnWriter& client, Channel& channel,
                          std::span<const boost::asio::const_buffer> buffers,
                          TurnWrites::Pace pace = TurnWrites::Pace::turn);
    /// `session.on_committed` follows.
    void append_at_turn_end(RequestRecord&& record, Session& session);
    LimitCache limits;
    UpgradeMemory no_websocket;
    /// Names of providers whose vendors refused to be asked for usage, since the last snapshot.
    std::unordered_set<std::string> refuse_usage;
    /// Where upstream bytes land. Whoever reads into it is done with it before it awaits.
    std::array<char, 64 * 1024> scratch;
    /// What is about to be sent; the same holds.
    std::vector<boost::asio::const_buffer> gathered;

private:
    void end_turn_later();
    void end_turn();
    void tick();
    void wake_due(std::int64_t now);
    void arm_tick();
    /// Gives back memory when there was nothing to do for a while. True while that is still to come.
    bool rest();

    const int index_;
    boost::asio::io_context io_{1};
    boost::asio::ip::tcp::resolver resolver_{io_};
    boost::asio::steady_timer timer_{io_};
    Readiness& ready_;
    std::vector<LogEntry> entries_;                              // of this turn, for the log
    std::vector<std::pair<std::uint64_t, bool>> committed_now_;  // tickets that were committed in append_all
    std::vector<std::pair<std::uint64_t, bool>> announced_;      // and whose sessions go on now
    bool turn_ends_ = false;                                     // it is being ended, or its end is posted
    std::int64_t due_us_ = never;                                // no session is due before
    bool ticking_ = false;
    bool worked_ = false;  // since the last tick
    int quiet_ticks_ = 0;  // without work; negative once memory was given back
    bool draining_ = false;
    std::atomic<int> load_ = 0;
    std::unordered_map<Session*, std::shared_ptr<Session>> sessions_;
    void find_destinations();

    std::unordered_map<std::string, std::shared_ptr<UpstreamPool>> pools_;  // by destination
    std::unordered_set<std::string> destinations_;                          // of the snapshot's providers
    // What `pool` found since the last snapshot, so that a request looks up an address and builds no text. The provider
    // is kept so that no other endpoint can get its address meanwhile.
    struct FoundPool {
        std::shared_ptr<const Provider> provider;
        std::shared_ptr<UpstreamPool> pool;
    };
    std::unordered_map<const FamilyEndpoint*, FoundPool> found_pools_;
    struct CachedAddresses {
        Addresses addresses;
        std::int64_t until_us = 0;
    };
    std::unordered_map<std::string, CachedAddresses> addresses_;
    std::unordered_map<std::string, SslContextPtr> tls_clients_;
};

}  // namespace lurus::gateway
