#pragma once
// Port: the listener and the relay.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/billing.hpp"
#include "lurus/clock.hpp"
#include "lurus/headers.hpp"
#include "lurus/identity.hpp"
#include "lurus/ids.hpp"
#include "lurus/limit_use.hpp"
#include "lurus/limits.hpp"
#include "lurus/outside.hpp"
#include "lurus/provider.hpp"
#include "lurus/result.hpp"
#include "lurus/store/background.hpp"
#include "lurus/store/journal.hpp"
#include "lurus/sync.hpp"

namespace lurus {

struct ListenerSettings {
    std::string address;           // `127.0.0.1:18100`, `[::1]:18100`, `unix:/path`
    std::string certificate_file;  // PEM; set: TLS
    std::string private_key_file;
    bool open = false;  // loopback only: serve without a key
};

/// Durations are milliseconds, sizes bytes.
struct GatewaySettings {
    std::vector<ListenerSettings> listeners;
    int threads = 0;  // shards; 0 = one for each processor that the process may use
    std::int64_t max_body_bytes = 64ll << 20;
    std::int64_t max_upload_bytes = 512ll << 20;  // of a file that passes without being held
    int max_header_bytes = 64 << 10;
    int header_timeout_ms = 15'000;
    int body_timeout_ms = 60'000;    // between two reads of a body
    int idle_timeout_ms = 120'000;   // a kept-alive connection without a request
    int write_timeout_ms = 120'000;  // a client that does not take what we send
    int heartbeat_ms = 15'000;       // silence in a stream before the dialect's keepalive is sent; 0 = never
    int drain_timeout_ms = 30'000;
    int max_connections = 50'000;
    std::int64_t body_memory_bytes = 0;  // of all requests' bodies at a time; 0 = a quarter of the usable memory
    int body_wait_ms = 10'000;           // for room in it
    /// Names, lower-case and without a port, that open listeners answer to beside `localhost` and loopback addresses.
    std::vector<std::string> allowed_hosts;
    /// Web pages that may use the gateway: `*`, `null`, or `scheme://host[:port]`, lower-case, where the host may begin
    /// with `*.` and the port may be `*`.
    std::vector<std::string> cors_origins;
    /// Who may read `/metrics`; `elsewhere_key`: everybody at loopback and Unix listeners, as `key` at others.
    enum class MetricsFor : std::uint8_t { elsewhere_key, open, key, off } metrics_for = MetricsFor::elsewhere_key;
    int log_refused_per_minute = 20;  // records of refused requests that each address may cause
    bool log_enabled = true;
    enum class Bodies : std::uint8_t { none, errors, all } log_bodies = Bodies::none;
    std::vector<std::string> log_bodies_keys;  // ids, or names of the default organisation's; empty = every key
    std::int64_t log_bodies_cap = 1 << 20;
    CommonLimits limits;
    /// Peers whose `x-forwarded-for` is believed; a Unix socket's peer is one where `trust_unix` says so.
    std::vector<IpRange> trusted_proxies;
    bool trust_unix = false;
    HeaderSettings headers;
};

/// What a shard needs to answer a request. Swapped whole.
struct GatewaySnapshot {
    std::shared_ptr<const KeySnapshot> keys;
    std::shared_ptr<const Catalog> catalog;
    std::shared_ptr<const TariffSnapshot> tariffs;
    GatewaySettings settings;
    std::shared_ptr<const SpentTable> spent;  // null = nothing was spent before
    /// Called on a control-plane thread before models are listed; calls back once, on any thread, when there is no more
    /// to wait for. A newer snapshot may come before that. Null = none.
    std::function<void(std::function<void()> done)> refresh_models;
    std::vector<std::string> problems;  // what `/health` shows beside its own, such as a refused configuration file
    const Sync* sync = nullptr;         // what this node shares with others; null = nothing. Outlives the gateway
};

/// Owned by the app. Threads: one per shard plus a small pool for the management API, beside those that call outside.
class Gateway {
public:
    virtual ~Gateway() = default;
    /// Binds and serves. Fails with the address and the reason when one cannot be bound.
    virtual Result<void> start() = 0;
    /// The bound addresses, with real ports where 0 was asked for.
    [[nodiscard]] virtual std::vector<std::string> addresses() const = 0;
    /// Any thread; each shard sees it within one turn of its loop. Listeners and threads are fixed at start.
    virtual void publish(std::shared_ptr<const GatewaySnapshot> snapshot) = 0;
    /// See LimitUseSource.
    [[nodiscard]] virtual std::vector<LimitUse> limit_use(Subject subject, std::string_view id,
                                                          const Limits& limits) const = 0;
    /// Serves renewed certificates from the next connection on, when their files have settled or `at_once`. Returns a
    /// sentence for each listener whose certificate is not as it should be. By one thread, about once a second.
    virtual std::vector<std::string> follow_certificates(bool at_once) = 0;
    /// Asks all shards for a sign of life. True when they have given the one that was asked for before; until then no
    /// other one is asked for. By one thread.
    virtual bool shards_live() = 0;
    /// Stops accepting and calling outside, lets running requests end, returns when they have or after the drain
    /// timeout.
    virtual void drain() = 0;
    /// Ends everything now.
    virtual void stop() = 0;
};

/// Runs on control-plane threads; gets `/api/...` and `/console/...` requests whose token is not yet checked.
struct ApiCall {
    ApiRequest request;         // method and body; path and query are filled from `target` by the handler
    std::string target;         // path and query as sent, still percent-encoded
    std::string authorization;  // the header's value
    bool judged = false;        // an `ApiBodyRule` has let it pass, and counted it against the caller's rate
};
using ApiHandler = std::function<ApiResponse(const ApiCall&)>;

/// Whether a call's body is read, judged by its head while `request.body` is still empty.
struct ApiBodyVerdict {
    std::optional<ApiResponse> refusal;
    std::size_t max_body_bytes = 0;  // without a refusal
};
/// Control-plane threads.
using ApiBodyRule = std::function<ApiBodyVerdict(const ApiCall&)>;

/// Which API calls may wait for machines that are not ours, and whose threads run them.
struct ApiOutside {
    OutsideCalls* calls = nullptr;  // outlives the gateway; null = control-plane threads run everything
    std::function<std::optional<OutsideLane>(const ApiCall&)> lane;  // whose machines a call may wait for
};

/// Where answers that a vendor makes behind wait until they are booked, and the node whose log that comes into. Without
/// a store they are not booked.
struct BackgroundBooks {
    BackgroundStore* store = nullptr;  // outlives the gateway
    Id node;
};

class KeptStore;

/// Without a `bodies` rule, calls with a body that is large or not here yet are refused (413). Without `kept`, which
/// outlives it, what vendors keep is known until it ends.
std::unique_ptr<Gateway> make_gateway(std::shared_ptr<const GatewaySnapshot> initial, Journal& log, ApiHandler api,
                                      const Clock& clock, ApiOutside outside = {}, ApiBodyRule bodies = {},
                                      KeptStore* kept = nullptr, BackgroundBooks background = {});

}  // namespace lurus
