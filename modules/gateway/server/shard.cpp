#include "modules/gateway/server/shard.hpp"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <new>
#include <utility>

#include <spdlog/spdlog.h>

#include "core/os/platform.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {
constexpr std::int64_t tick_us = 100'000;
constexpr int resting_ticks = 20;                      // two seconds
constexpr std::int64_t upstream_idle_us = 55'000'000;  // vendors' balancers close after 60 s and up
constexpr std::int64_t addresses_us = 30'000'000;
constexpr std::size_t max_idle = 512;

thread_local Shard* appending = nullptr;  // the shard that is in the log's append_all

// How vendors are told from others: two that agree in it share what is made for TLS.
std::string tls_name(const Provider& provider) {
    return (provider.tls_verify ? "verified " : "unverified ") + provider.roots_digest;
}

// Where a connection goes and how it is secured: all that decides whether an idle one will do.
std::string destination(const Provider& provider, const FamilyEndpoint& endpoint) {
    if (provider.local) return "local " + std::to_string(reinterpret_cast<std::uintptr_t>(provider.local.get()));
    const Url& to = endpoint.base;
    std::string out = (to.tls ? "https " : "http ") + to.host + " " + std::to_string(to.port);
    if (to.tls) out += " " + tls_name(provider);
    return out;
}
}  // namespace

UpstreamConnection::UpstreamConnection(Shard& shard, StreamSocket socket)
    : channel(shard.io(), std::move(socket)), shard_(shard) {
    ++shard_.metrics.upstream_open;
    ++shard_.metrics.upstream_connects_total;
}

UpstreamConnection::~UpstreamConnection() {
    --shard_.metrics.upstream_open;
    if (channel.tls() != nullptr) set_session_store(channel.tls(), nullptr);
}

void UpstreamConnection::arm() {
    if (armed_ || !channel.is_open()) return;
    armed_ = true;
    channel.when_readable([self = shared_from_this()](const boost::system::error_code& ec) {
        self->armed_ = false;
        if (ec == asio::error::operation_aborted) return;
        if (self->owner != nullptr) {
            self->readable = true;
            self->owner->notify();
        } else if (self->still_idle()) {
            self->arm();
        } else {
            self->shard_.forget(self.get());
        }
    });
}

// TLS has messages of its own, such as session tickets. Anything else that comes unasked ends the connection.
bool UpstreamConnection::still_idle() {
    char unasked = 0;
    return channel.read(std::span(&unasked, 1)).state == Io::again;
}

void UpstreamConnection::send_at_turn_end(std::span<const asio::const_buffer> buffers) {
    shard_.send_at_turn_end(shared_from_this(), *this, channel, buffers);
}

void UpstreamConnection::on_sent(Io state, std::string_view rest) {
    if (state == Io::error) {
        readable = true;
        asio::post(shard_.io(), [self = shared_from_this()] {
            if (self->owner != nullptr) self->owner->notify();
        });
        return;
    }
    channel.filled();
    unsent_ = rest;
    send_rest();
}

void UpstreamConnection::send_rest() {
    channel.when_writable([self = shared_from_this()](const boost::system::error_code& ec) {
        if (ec || !self->channel.is_open()) return;
        const asio::const_buffer buffer(self->unsent_.data(), self->unsent_.size());
        const IoResult result = self->channel.write(std::span(&buffer, 1));
        if (result.state == Io::error || result.state == Io::eof) return self->on_sent(Io::error, {});
        self->unsent_.erase(0, result.bytes);
        if (!self->unsent_.empty()) self->send_rest();
    });
}

void UpstreamConnection::close() {
    shard_.writes.drop(*this);
    channel.close();
}

Shard::Shard(int index, std::shared_ptr<const GatewaySnapshot> initial, Journal& request_log,
             const Clock& machine_clock, LimitTable& limit_table)
    : snapshot(std::move(initial)),
      log(request_log),
      clock(machine_clock),
      limits(limit_table),
      index_(index),
      ready_(Readiness::of(io_)) {
    find_destinations();
    ready_.at_turn_end([this] { end_turn(); });
}

Shard::~Shard() = default;

void Shard::run() {
    auto guard = asio::make_work_guard(io_);
    for (;;) {
        try {
            io_.run();
            break;
        } catch (const std::bad_alloc&) {
            // Of a callback; sessions meet their own in their requests.
            spdlog::error("a shard had no memory for a callback");
        }
    }
    log.append_all(entries_);  // of a turn that the stop cut short
}

void Shard::committed(std::span<const std::uint64_t> tickets, bool safe) noexcept {
    if (appending == this) {
        for (const std::uint64_t ticket : tickets) committed_now_.emplace_back(ticket, safe);
        return;
    }
    asio::post(io_, [batch = std::vector<std::uint64_t>(tickets.begin(), tickets.end()), safe] {
        // A session with a pending ticket keeps itself alive until it is told.
        for (const std::uint64_t ticket : batch) reinterpret_cast<Session*>(ticket)->on_committed(safe);
    });
}

void Shard::append_at_turn_end(RequestRecord&& record, Session& session) {
    entries_.emplace_back(std::move(record), reinterpret_cast<std::uint64_t>(&session), this);
    end_turn_later();
}

// A turn of ready sockets ends by itself; what happens outside of one needs an end of its own.
void Shard::end_turn_later() {
    if (turn_ends_ || ready_.in_turn()) return;
    turn_ends_ = true;
    asio::post(io_, [this] { end_turn(); });
}

// Records first: those that are safe at once release last bytes, which leave with all others.
void Shard::end_turn() {
    turn_ends_ = worked_ = true;
    if (!entries_.empty()) {
        appending = this;
        log.append_all(entries_);
        appending = nullptr;
        announced_.swap(committed_now_);
        for (const auto& [ticket, safe] : announced_) reinterpret_cast<Session*>(ticket)->on_committed(safe);
        announced_.clear();
    }
    writes.send();
    turn_ends_ = false;
    if (!entries_.empty()) end_turn_later();
}

void Shard::publish(std::shared_ptr<const GatewaySnapshot> next) {
    snapshot = std::move(next);
    refuse_usage.clear();
    found_pools_.clear();
    find_destinations();
    std::erase_if(pools_, [&](const auto& entry) {
        if (destinations_.contains(entry.first)) return false;
        for (const auto& connection : entry.second->idle) connection->close();
        return true;
    });
}

void Shard::find_destinations() {
    destinations_.clear();
    std::unordered_set<std::string> tls_names;
    for (const auto& provider : snapshot->catalog->providers()) {
        tls_names.insert(tls_name(*provider));
        for (const auto& [family, endpoint] : provider->endpoints)
            destinations_.insert(destination(*provider, endpoint));
    }
    std::erase_if(tls_clients_, [&](const auto& entry) { return !tls_names.contains(entry.first); });
}

void Shard::add(const std::shared_ptr<Session>& session) {
    sessions_.emplace(session.get(), session);
    load_.store(static_cast<int>(sessions_.size()), std::memory_order_relaxed);
    metrics.connections = static_cast<std::int64_t>(sessions_.size());
    ++metrics.connections_total;
    arm_tick();
}

void Shard::remove(Session* session) {
    sessions_.erase(session);
    load_.store(static_cast<int>(sessions_.size()), std::memory_order_relaxed);
    metrics.connections = static_cast<std::int64_t>(sessions_.size());
}

void Shard::drain() {
    draining_ = true;
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [raw, session] : sessions_) all.push_back(session);
    for (const auto& session : all) session->on_drain();
}

void Shard::stop_sessions() {
    draining_ = true;
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [raw, session] : sessions_) all.push_back(session);
    for (const auto& session : all) session->on_stop();
    for (auto& [destination, pool] : pools_) {
        for (auto& connection : pool->idle) connection->close();
        pool->idle.clear();
    }
}

void Shard::send_at_turn_end(std::shared_ptr<void> keep, TurnWriter& client, Channel& channel,
                             std::span<const asio::const_buffer> buffers, TurnWrites::Pace pace) {
    writes.add(std::move(keep), client, channel.descriptor(), buffers, pace);
    end_turn_later();
}

void Shard::arm_tick() {
    if (ticking_) return;
    ticking_ = true;
    timer_.expires_after(std::chrono::microseconds(tick_us));
    timer_.async_wait([this](const boost::system::error_code& ec) {
        ticking_ = false;
        if (!ec) tick();
    });
}

// One sweep for all deadlines of the shard; a woken session may end, so the due ones are collected first.
void Shard::wake_due(std::int64_t now) {
    if (now < due_us_) return;
    due_us_ = never;
    std::vector<std::shared_ptr<Session>> due;
    for (const auto& [raw, session] : sessions_) {
        if (session->due_us() <= now) {
            due.push_back(session);
        } else {
            due_at(session->due_us());
        }
    }
    for (const auto& session : due) {
        session->on_due(now);
        due_at(session->due_us());
    }
}

void Shard::tick() {
    const std::int64_t now = clock.monotonic_us();
    wake_due(now);
    bool pooled = false;
    for (auto& [destination, pool] : pools_) {
        std::erase_if(pool->idle, [&](const auto& c) {
            if (now - c->idle_since_us < upstream_idle_us) return false;
            c->close();
            return true;
        });
        pooled = pooled || !pool->idle.empty();
    }
    limits.table().sweep(limits.table().since_start(now), clock.now());
    const bool resting = rest();
    if (!sessions_.empty() || pooled || resting) arm_tick();
}

bool Shard::rest() {
    if (std::exchange(worked_, false)) quiet_ticks_ = 0;
    if (quiet_ticks_ < 0) return false;
    if (++quiet_ticks_ < resting_ticks) return true;
    platform::release_thread_memory();
    quiet_ticks_ = -1;
    return false;
}

std::shared_ptr<UpstreamPool> Shard::pool(const std::shared_ptr<const Provider>& provider,
                                          const FamilyEndpoint& endpoint) {
    if (const auto found = found_pools_.find(&endpoint); found != found_pools_.end()) return found->second.pool;
    std::string to = destination(*provider, endpoint);
    if (!destinations_.contains(to)) return std::make_shared<UpstreamPool>();
    auto& kept = pools_[std::move(to)];
    if (!kept) kept = std::make_shared<UpstreamPool>(provider->local);
    found_pools_.emplace(&endpoint, FoundPool{provider, kept});
    return kept;
}

std::shared_ptr<UpstreamConnection> Shard::take(UpstreamPool& pool) {
    while (!pool.idle.empty()) {
        auto connection = std::move(pool.idle.back());
        pool.idle.pop_back();
        if (!connection->channel.is_open() || connection->readable) continue;
        connection->reused = true;
        return connection;
    }
    return nullptr;
}

void Shard::give_back(const std::shared_ptr<UpstreamConnection>& connection) {
    connection->owner = nullptr;
    const auto pool = connection->pool.lock();
    if (!pool || draining_ || connection->readable || !connection->all_sent() || pool->idle.size() >= max_idle) {
        connection->close();
        return;
    }
    connection->idle_since_us = clock.monotonic_us();
    pool->idle.push_back(connection);
    connection->arm();
}

void Shard::forget(UpstreamConnection* connection) {
    connection->close();
    if (const auto pool = connection->pool.lock())
        std::erase_if(pool->idle, [&](const auto& c) { return c.get() == connection; });
}

void Shard::resolve(const std::string& host, std::uint16_t port,
                    std::function<void(const std::string&, const Addresses&)> done) {
    boost::system::error_code ec;
    const auto numeric = asio::ip::make_address(host, ec);
    if (!ec) return done({}, Addresses{{numeric, port}});
    const std::string key = host + ":" + std::to_string(port);
    if (auto found = addresses_.find(key); found != addresses_.end() && found->second.until_us > clock.monotonic_us()) {
        return done({}, found->second.addresses);
    }
    resolver_.async_resolve(
        host, std::to_string(port), asio::ip::resolver_base::numeric_service,
        [this, key, done = std::move(done)](const boost::system::error_code& error, const auto& results) {
            if (error) return done(error.message(), {});
            Addresses found;
            for (const auto& entry : results) found.push_back(entry.endpoint());
            addresses_[key] = CachedAddresses{found, clock.monotonic_us() + addresses_us};
            done({}, found);
        });
}

Result<SslContextPtr> Shard::tls_client(const Provider& provider) {
    auto& slot = tls_clients_[tls_name(provider)];
    if (!slot) {
        auto made = make_tls_client(provider.tls_verify, provider.roots);
        if (!made) return std::unexpected(made.error());
        slot = std::move(*made);
    }
    return slot;
}

}  // namespace lurus::gateway
