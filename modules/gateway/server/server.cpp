// The gateway's factory: shards, listeners, and the threads behind them.

#include <spdlog/spdlog.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <random>
#include <thread>
#include <utility>

#include "core/http/problem.hpp"
#include "core/os/platform.hpp"
#include "lurus/gateway.hpp"
#include "modules/gateway/answer/background_answers.hpp"
#include "modules/gateway/kept/kept_table.hpp"
#include "modules/gateway/limits/limit_use.hpp"
#include "modules/gateway/server/listener.hpp"
#include "modules/gateway/server/services.hpp"
#include "modules/gateway/server/shard.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr int control_threads = 4;
constexpr std::uint64_t files_beside = 500;
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr std::int64_t turned_away_pause_us = 1'000'000;  // between warnings
constexpr int accept_most = 64;                           // of a turn: those who are connected wait for it

// What is not said is a quarter of the memory there is: the rest is the answers', the log's and the system's.
std::int64_t body_memory(const GatewaySettings& settings) {
    if (settings.body_memory_bytes > 0) return settings.body_memory_bytes;
    return static_cast<std::int64_t>(platform::usable_memory() / 4);
}

// What a call of the control plane came to. It must not end the process, whatever it threw.
template <class Work>
auto without_end(const char* what, Work work, decltype(work()) otherwise) {
    try {
        return work();
    } catch (const std::exception& e) {
        spdlog::error("{}: {}", what, e.what());
    }
    return otherwise;
}

class Server final : public Gateway, public Services {
public:
    Server(std::shared_ptr<const GatewaySnapshot> initial, Journal& log, ApiHandler api, const Clock& clock,
           ApiOutside outside, ApiBodyRule bodies, KeptStore* kept, BackgroundBooks background)
        : snapshot_(std::move(initial)),
          log_(log),
          api_(std::move(api)),
          outside_(std::move(outside)),
          body_rule_(std::move(bodies)),
          background_(background),
          clock_(clock),
          started_us_(clock.monotonic_us()),
          limits_(started_us_),
          bodies_(body_memory(snapshot_->settings)),
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
    [[nodiscard]] std::vector<LimitUse> limit_use(Subject subject, std::string_view id,
                                                  const Limits& limits) const override {
        return gateway::limit_use(limits_, subject, id, limits, limits_.since_start(clock_.monotonic_us()),
                                  clock_.now());
    }
    std::vector<std::string> follow_certificates(bool at_once) override;
    void drain() override;
    void stop() override;

    void call_api(Shard& shard, ApiCall call, std::function<void(ApiResponse)> done) override;
    void judge_api(Shard& shard, ApiCall call, std::function<void(ApiBodyVerdict)> done) override;
    BodyBudget& bodies() override { return bodies_; }
    RefusedRecords& refused() override { return refused_; }
    void run_blocking(Shard& shard, std::function<void()> work, std::function<void()> done) override;
    void refresh_models(Shard& shard, const GatewaySnapshot& snapshot, std::function<void()> done) override;
    void collect_metrics(Shard& shard, std::function<void(Metrics)> done) override;
    [[nodiscard]] const KeptTable& kept() const override { return kept_; }
    void remember(KeptThing thing) override;
    [[nodiscard]] BackgroundAnswers& background() override { return background_; }
    [[nodiscard]] double uptime_seconds() const override {
        return static_cast<double>(clock_.monotonic_us() - started_us_) / 1e6;
    }
    [[nodiscard]] int shard_count() const override { return static_cast<int>(shards_.size()); }

private:
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
    const ApiBodyRule body_rule_;
    BackgroundAnswers background_;
    const Clock& clock_;
    const std::int64_t started_us_;
    LimitTable limits_;
    BodyBudget bodies_;
    RefusedRecords refused_;
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

Result<void> Server::start() {
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
        auto listener = open_listener(shards_.front()->io(), wanted, clock_);
        if (!listener) return std::unexpected(listener.error());
        listeners_.push_back(*std::move(listener));
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
    const auto start = [this, context = listener.tls, open = listener.open, local = listener.local,
                        &shard](AcceptedSocket&& socket) {
        SslPtr tls;
        if (context) {
            tls.reset(SSL_new(context.get()));
            SSL_set_accept_state(tls.get());
        }
        Session::start(std::make_shared<Session>(shard, std::move(socket), *this, std::move(tls), open, local));
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
    bodies_.set_capacity(body_memory(snapshot->settings));
    for (auto& shard : shards_) {
        asio::post(shard->io(), [&shard = *shard, snapshot] { shard.publish(snapshot); });
    }
}

std::vector<std::string> Server::follow_certificates(bool at_once) {
    std::vector<std::string> problems;
    for (const auto& listener : listeners_) {
        if (!listener->certificate) continue;
        if (SslContextPtr renewed = listener->certificate->look(at_once)) {
            asio::post(shards_.front()->io(), [&listener = *listener, context = std::move(renewed)]() mutable {
                listener.tls = std::move(context);
            });
        }
        if (std::string problem = listener->certificate->problem(); !problem.empty())
            problems.push_back(std::move(problem));
    }
    return problems;
}

void Server::call_api(Shard& shard, ApiCall call, std::function<void(ApiResponse)> done) {
    asio::post(control_, [this, &shard, call = std::move(call), done = std::move(done)]() mutable {
        std::optional<OutsideLane> lane;
        if (outside_.calls != nullptr && outside_.lane)
            lane = without_end("the management API", [&] { return outside_.lane(call); }, lane);
        auto answer = [this, &shard, call = std::move(call), done = std::move(done)]() mutable {
            ApiResponse refused = problem(503, "there is no memory left for this request; try again shortly");
            ApiResponse response = without_end("the management API", [&] { return api_(call); }, std::move(refused));
            asio::post(shard.io(), [done = std::move(done), response = std::move(response)]() mutable {
                done(std::move(response));
            });
        };
        if (!lane) return answer();
        outside_.calls->post(*lane, std::move(answer));
    });
}

void Server::judge_api(Shard& shard, ApiCall call, std::function<void(ApiBodyVerdict)> done) {
    asio::post(control_, [this, &shard, call = std::move(call), done = std::move(done)]() mutable {
        ApiBodyVerdict failed;
        failed.refusal = problem(503, "this request cannot be judged now; try again shortly");
        ApiBodyVerdict verdict = body_rule_
                                     ? without_end(
                                           "the management API", [&] { return body_rule_(call); }, std::move(failed))
                                     : ApiBodyVerdict();
        asio::post(shard.io(),
                   [done = std::move(done), verdict = std::move(verdict)]() mutable { done(std::move(verdict)); });
    });
}

void Server::run_blocking(Shard& shard, std::function<void()> work, std::function<void()> done) {
    asio::post(control_, [&shard, work = std::move(work), done = std::move(done)]() mutable {
        without_end("work of the control plane", [&] { return work(), true; }, false);
        work = nullptr;
        asio::post(shard.io(), std::move(done));
    });
}

void Server::refresh_models(Shard& shard, const GatewaySnapshot& snapshot, std::function<void()> done) {
    asio::post(control_, [&shard, refresh = snapshot.refresh_models, done = std::move(done)]() mutable {
        // Whoever calls back keeps nothing of the session, which ends on its shard only.
        const auto once = std::make_shared<std::function<void()>>(std::move(done));
        const auto tell = [&shard, once] { asio::post(shard.io(), std::exchange(*once, nullptr)); };
        without_end("the models' lists", [&] { return refresh(tell), true; }, false);
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
    bodies_.close();
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
                                      const Clock& clock, ApiOutside outside, ApiBodyRule bodies, KeptStore* kept,
                                      BackgroundBooks background) {
    return std::make_unique<gateway::Server>(std::move(initial), log, std::move(api), clock, std::move(outside),
                                             std::move(bodies), kept, background);
}

}  // namespace lurus
