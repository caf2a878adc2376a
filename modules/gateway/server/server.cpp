// The gateway's factory: shards, listeners, and the threads behind them.

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <csignal>
#include <random>
#include <thread>
#include <utility>

#include "core/io/listening_socket.hpp"
#include "core/os/platform.hpp"
#include "lurus/gateway.hpp"
#include "modules/gateway/kept/kept_table.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/server/shard.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;

namespace {

constexpr int control_threads = 4;
constexpr std::uint64_t files_beside = 500;
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr std::int64_t turned_away_pause_us = 1'000'000;  // between warnings
constexpr int accept_most = 64;                           // of a turn: those who are connected wait for it

struct Listener {
    std::string address;  // as bound
    std::unique_ptr<ListeningSocket> socket;
    std::string unix_path;
    SslContextPtr tls;
    bool open = false;
};

class Server final : public Gateway, public Services {
public:
    Server(std::shared_ptr<const GatewaySnapshot> initial, Journal& log, ApiHandler api, const Clock& clock,
           ApiOutside outside, KeptStore* kept)
        : snapshot_(std::move(initial)),
          log_(log),
          api_(std::move(api)),
          outside_(std::move(outside)),
          clock_(clock),
          started_us_(clock.monotonic_us()),
          limits_(started_us_),
          kept_store_(kept) {
        int count = snapshot_->settings.threads;
        if (count <= 0) count = platform::usable_processors();
        for (int i = 0; i < count; ++i) shards_.push_back(std::make_unique<Shard>(i, snapshot_, log_, clock_, limits_));
    }

    ~Server() override {
        stop();
        // The log may still owe these shards an answer about records.
        (void)log_.flush(10'000);
    }

    Result<void> start() override;
    [[nodiscard]] std::vector<std::string> addresses() const override {
        std::vector<std::string> out;
        for (const auto& listener : listeners_) out.push_back(listener->address);
        return out;
    }
    void publish(std::shared_ptr<const GatewaySnapshot> snapshot) override;
    void drain() override;
    void stop() override;

    void call_api(Shard& shard, ApiCall call, std::function<void(ApiResponse)> done) override;
    void run_blocking(Shard& shard, std::function<void()> work, std::function<void()> done) override;
    void refresh_models(Shard& shard, const GatewaySnapshot& snapshot, std::function<void()> done) override;
    void collect_metrics(Shard& shard, std::function<void(Metrics)> done) override;
    [[nodiscard]] const KeptTable& kept() const override { return kept_; }
    void remember(KeptThing thing) override;
    [[nodiscard]] double uptime_seconds() const override {
        return static_cast<double>(clock_.monotonic_us() - started_us_) / 1e6;
    }
    [[nodiscard]] int shard_count() const override { return static_cast<int>(shards_.size()); }

private:
    Result<void> bind(const ListenerSettings& wanted);
    Result<void> bind_tcp(const ListenerSettings& wanted, Listener& listener);
    Result<void> bind_unix(const ListenerSettings& wanted, Listener& listener);
    void wait_for_clients(Listener& listener);
    void accept(Listener& listener);
    void accept_later(Listener& listener, const boost::system::error_code& why);
    void welcome(const Listener& listener, AcceptedSocket client);
    Shard& less_busy();
    [[nodiscard]] std::size_t sessions_left();
    void save_kept();

    std::shared_ptr<const GatewaySnapshot> snapshot_;
    Journal& log_;
    ApiHandler api_;
    const ApiOutside outside_;
    const Clock& clock_;
    const std::int64_t started_us_;
    LimitTable limits_;
    KeptTable kept_;
    KeptStore* const kept_store_;  // may be null
    std::atomic<bool> saving_kept_ = false;
    std::vector<std::unique_ptr<Shard>> shards_;
    std::vector<std::thread> threads_;
    asio::thread_pool control_{control_threads};
    std::vector<std::unique_ptr<Listener>> listeners_;  // their sockets are the first shard's
    std::minstd_rand random_{std::random_device{}()};
    std::int64_t turned_away_us_ = -turned_away_pause_us;  // when that was said last
    std::atomic<bool> accepting_ = true;
    bool stopped_ = false;
};

Result<void> Server::bind_unix(const ListenerSettings& wanted, Listener& listener) {
    listener.unix_path = wanted.address.substr(5);
    boost::system::error_code ec;
    stream_protocol::socket probe(shards_.front()->io());
    probe.connect(stream_protocol::endpoint(listener.unix_path), ec);
    if (!ec) return fail(ErrorCode::conflict, "cannot listen on " + wanted.address + ": another process serves there");
    // A socket file that nobody serves is what a killed process left.
    if (std::filesystem::is_socket(listener.unix_path)) std::filesystem::remove(listener.unix_path);
    stream_protocol::acceptor acceptor(shards_.front()->io());
    acceptor.open();
    acceptor.bind(stream_protocol::endpoint(listener.unix_path), ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return fail(ErrorCode::unavailable, "cannot listen on " + wanted.address + ": " + ec.message());
    std::filesystem::permissions(listener.unix_path,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    listener.address = wanted.address;
    listener.socket = std::make_unique<ListeningSocket>(shards_.front()->io(), acceptor.release());
    return {};
}

Result<void> Server::bind_tcp(const ListenerSettings& wanted, Listener& listener) {
    const std::string_view text = wanted.address;
    const std::size_t colon = text.rfind(':');
    std::string host(text.substr(0, colon == std::string_view::npos ? 0 : colon));
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    unsigned long port = 0;
    const std::string port_text(colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1));
    const bool digits = !port_text.empty() && port_text.size() <= 5 &&
                        std::ranges::all_of(port_text, [](char c) { return c >= '0' && c <= '9'; });
    if (digits) port = std::stoul(port_text);
    if (!digits || port > 65535) {
        return fail(ErrorCode::invalid_argument,
                    "\"" + wanted.address + "\" is not an address: write HOST:PORT, [IPV6]:PORT or unix:/PATH");
    }
    boost::system::error_code ec;
    if (host == "localhost") host = "127.0.0.1";
    if (host == "*") host = "0.0.0.0";
    const auto address = asio::ip::make_address(host, ec);
    if (ec)
        return fail(ErrorCode::invalid_argument,
                    "\"" + host + "\" in \"" + wanted.address + "\" is not a numeric address");
    if (wanted.open && !address.is_loopback()) {
        return fail(ErrorCode::invalid_argument,
                    wanted.address + " is not a loopback address: open = true would serve anybody");
    }
    const tcp::endpoint endpoint(address, static_cast<std::uint16_t>(port));
    tcp::acceptor acceptor(shards_.front()->io());
    acceptor.open(endpoint.protocol(), ec);
    if (!ec) acceptor.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) acceptor.set_option(tcp::no_delay(true), ec);  // clients' sockets inherit it
    if (!ec && address.is_v6()) acceptor.set_option(asio::ip::v6_only(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
    if (!ec) acceptor.listen(asio::socket_base::max_listen_connections, ec);
    if (ec == asio::error::address_in_use) {
        return fail(ErrorCode::conflict, "cannot listen on " + wanted.address +
                                             ": the port is in use (is lurus running already? `lurus doctor` tells; or "
                                             "choose another with --listen)");
    }
    if (ec) return fail(ErrorCode::unavailable, "cannot listen on " + wanted.address + ": " + ec.message());
    const auto bound = acceptor.local_endpoint();
    const std::string shown =
        bound.address().is_v6() ? "[" + bound.address().to_string() + "]" : bound.address().to_string();
    listener.address = shown + ":" + std::to_string(bound.port());
    listener.socket = std::make_unique<ListeningSocket>(shards_.front()->io(), acceptor.release());
    return {};
}

Result<void> Server::bind(const ListenerSettings& wanted) {
    auto listener = std::make_unique<Listener>();
    listener->open = wanted.open;
    if (!wanted.certificate_file.empty()) {
        auto tls = make_tls_server(wanted.certificate_file, wanted.private_key_file);
        if (!tls) return std::unexpected(tls.error());
        listener->tls = std::move(*tls);
    }
    auto done = wanted.address.starts_with("unix:") ? bind_unix(wanted, *listener) : bind_tcp(wanted, *listener);
    if (!done) return done;
    listeners_.push_back(std::move(listener));
    return {};
}

Result<void> Server::start() {
#ifdef SIGPIPE
    std::signal(SIGPIPE, SIG_IGN);  // TLS writes to a closed socket
#endif
    if (kept_store_ != nullptr) {
        auto things = kept_store_->newest(KeptTable::most);
        if (things) {
            kept_.load(*std::move(things));
        } else {
            spdlog::warn("{}: files, batches and responses of before go to the first provider", things.error().message);
        }
    }
    // A client's connection and the vendor's; the rest is the log's and the control plane's.
    const auto files = static_cast<std::uint64_t>(snapshot_->settings.max_connections) * 2 + files_beside;
    if (const std::uint64_t got = platform::raise_open_files(files); got < files) {
        spdlog::info("the system allows {} open files: about {} connections at a time", got, got / 2);
    }
    for (const auto& wanted : snapshot_->settings.listeners) {
        if (auto done = bind(wanted); !done) return done;
    }
    for (auto& listener : listeners_) wait_for_clients(*listener);
    for (auto& shard : shards_) threads_.emplace_back([&shard] { shard->run(); });
    return {};
}

// Of two random shards the one with fewer sessions.
Shard& Server::less_busy() {
    const std::size_t count = shards_.size();
    if (count == 1) return *shards_.front();
    Shard& a = *shards_[random_() % count];
    Shard& b = *shards_[random_() % count];
    return a.load() <= b.load() ? a : b;
}

void Server::wait_for_clients(Listener& listener) {
    listener.socket->when_readable([this, &listener](const boost::system::error_code& ec) {
        if (ec == asio::error::operation_aborted || !accepting_) return;
        if (ec) return accept_later(listener, ec);
        accept(listener);
    });
}

// Those who wait are taken together, so that what they ask for is done in one turn.
void Server::accept(Listener& listener) {
    boost::system::error_code ec;
    for (int i = 0; i < accept_most && accepting_; ++i) {
        AcceptedSocket client = listener.socket->accept(ec);
        if (ec) break;
        welcome(listener, std::move(client));
    }
    if (ec && ec != asio::error::would_block) return accept_later(listener, ec);
    wait_for_clients(listener);
}

// Out of descriptors, mostly: a pause keeps this from spinning.
void Server::accept_later(Listener& listener, const boost::system::error_code& why) {
    spdlog::warn("accept on {}: {}", listener.address, why.message());
    auto timer = std::make_shared<asio::steady_timer>(shards_.front()->io(), accept_pause);
    timer->async_wait([this, &listener, timer](const boost::system::error_code&) {
        if (accepting_) accept(listener);
    });
}

void Server::welcome(const Listener& listener, AcceptedSocket client) {
    int open = 0;
    for (const auto& s : shards_) open += s->load();
    if (open >= shards_.front()->snapshot->settings.max_connections) {
        const std::int64_t now = clock_.monotonic_us();
        if (now < turned_away_us_ + turned_away_pause_us) return;
        turned_away_us_ = now;
        spdlog::warn("{}: a client is turned away, {} connections are open (server.max_connections)", listener.address,
                     open);
        return;
    }
    Shard& shard = less_busy();
    const auto start = [this, &listener, &shard](AcceptedSocket&& socket) {
        SslPtr tls;
        if (listener.tls) {
            tls.reset(SSL_new(listener.tls.get()));
            SSL_set_accept_state(tls.get());
        }
        Session::start(std::make_shared<Session>(shard, std::move(socket), *this, std::move(tls), listener.open));
    };
    if (&shard == shards_.front().get()) return start(std::move(client));
    asio::post(shard.io(), [start, socket = std::move(client)]() mutable { start(std::move(socket)); });
}

void Server::remember(KeptThing thing) {
    if (!kept_.remember(std::move(thing)) || kept_store_ == nullptr || saving_kept_.exchange(true)) return;
    asio::post(control_, [this] { save_kept(); });
}

void Server::save_kept() {
    saving_kept_ = false;  // what comes from here on is for the next time
    const std::vector<KeptThing> things = kept_.take_unsaved();
    if (things.empty() || kept_store_ == nullptr) return;
    if (auto done = kept_store_->add(things, KeptTable::most); !done)
        spdlog::warn("{}; after a restart it is not known which account has {} of them", done.error().message,
                     things.size());
}

void Server::publish(std::shared_ptr<const GatewaySnapshot> snapshot) {
    for (auto& shard : shards_) {
        asio::post(shard->io(), [&shard = *shard, snapshot] { shard.publish(snapshot); });
    }
}

void Server::call_api(Shard& shard, ApiCall call, std::function<void(ApiResponse)> done) {
    asio::post(control_, [this, &shard, call = std::move(call), done = std::move(done)]() mutable {
        const bool waits = outside_.calls != nullptr && outside_.wanted && outside_.wanted(call);
        auto answer = [this, &shard, call = std::move(call), done = std::move(done)]() mutable {
            ApiResponse response = api_(call);
            asio::post(shard.io(), [done = std::move(done), response = std::move(response)]() mutable {
                done(std::move(response));
            });
        };
        if (!waits) return answer();
        outside_.calls->post(std::move(answer));
    });
}

void Server::run_blocking(Shard& shard, std::function<void()> work, std::function<void()> done) {
    asio::post(control_, [&shard, work = std::move(work), done = std::move(done)]() mutable {
        work();
        asio::post(shard.io(), std::move(done));
    });
}

void Server::refresh_models(Shard& shard, const GatewaySnapshot& snapshot, std::function<void()> done) {
    asio::post(control_, [&shard, refresh = snapshot.refresh_models, done = std::move(done)]() mutable {
        // Whoever calls back keeps nothing of the session, which ends on its shard only.
        const auto once = std::make_shared<std::function<void()>>(std::move(done));
        refresh([&shard, once] { asio::post(shard.io(), std::exchange(*once, nullptr)); });
    });
}

void Server::collect_metrics(Shard& shard, std::function<void(Metrics)> done) {
    struct Gathering {
        Metrics sum;
        std::size_t left = 0;
        std::function<void(Metrics)> done;
    };
    auto gathering = std::make_shared<Gathering>();
    gathering->left = shards_.size();
    gathering->done = std::move(done);
    for (auto& each : shards_) {
        asio::post(each->io(), [&each = *each, &shard, gathering] {
            asio::post(shard.io(), [gathering, copy = each.metrics] {
                gathering->sum.merge(copy);
                if (--gathering->left == 0) gathering->done(std::move(gathering->sum));
            });
        });
    }
}

std::size_t Server::sessions_left() {
    std::size_t left = 0;
    for (const auto& shard : shards_) left += static_cast<std::size_t>(shard->load());
    return left;
}

void Server::drain() {
    if (threads_.empty()) return;
    if (outside_.calls != nullptr) outside_.calls->stop();  // what waits for others is answered without them
    const std::int64_t until = clock_.monotonic_us() + snapshot_->settings.drain_timeout_ms * 1000ll;
    asio::post(shards_.front()->io(), [this] {
        accepting_ = false;
        for (auto& listener : listeners_) listener->socket->close();
    });
    for (auto& shard : shards_) asio::post(shard->io(), [&shard = *shard] { shard.drain(); });
    // A session that was accepted just now may not be listed yet: two looks in a row have to find none.
    int empty = 0;
    while (empty < 2 && clock_.monotonic_us() < until) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        empty = sessions_left() == 0 ? empty + 1 : 0;
    }
}

void Server::stop() {
    if (stopped_) return;
    stopped_ = true;
    accepting_ = false;
    if (outside_.calls != nullptr) outside_.calls->stop();
    for (auto& shard : shards_) asio::post(shard->io(), [&shard = *shard] { shard.stop_sessions(); });
    if (!threads_.empty()) {
        const std::int64_t until = clock_.monotonic_us() + 2'000'000;
        while (sessions_left() > 0 && clock_.monotonic_us() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    control_.join();
    if (outside_.calls != nullptr) outside_.calls->settle();  // they answer to shards
    for (auto& shard : shards_) shard->io().stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
    save_kept();
    std::error_code ignored;
    for (const auto& listener : listeners_) {
        if (!listener->unix_path.empty()) std::filesystem::remove(listener->unix_path, ignored);
    }
}

}  // namespace

}  // namespace lurus::gateway

namespace lurus {

std::unique_ptr<Gateway> make_gateway(std::shared_ptr<const GatewaySnapshot> initial, Journal& log, ApiHandler api,
                                      const Clock& clock, ApiOutside outside, KeptStore* kept) {
    return std::make_unique<gateway::Server>(std::move(initial), log, std::move(api), clock, std::move(outside), kept);
}

}  // namespace lurus
