#pragma once
// What sessions ask of the server that is not their shard's. Implemented by the server; outlives all shards.

#include <functional>
#include <string>

#include "lurus/gateway.hpp"
#include "lurus/store/kept.hpp"
#include "modules/gateway/metrics/metrics.hpp"
#include "modules/gateway/server/body_budget.hpp"
#include "modules/gateway/server/refused_records.hpp"

namespace lurus::gateway {

class BackgroundAnswers;
class KeptTable;
class Shard;

class Services {
public:
    virtual ~Services() = default;
    /// Runs the call on a control-plane thread; `done` comes back on `shard`.
    virtual void call_api(Shard& shard, ApiCall call, std::function<void(ApiResponse)> done) = 0;
    /// Runs `work` on a control-plane thread, which it may block for a moment; `done` comes back on `shard`.
    virtual void run_blocking(Shard& shard, std::function<void()> work, std::function<void()> done) = 0;
    /// Calls the snapshot's `refresh_models` on a control-plane thread; `done` comes back on `shard`.
    virtual void refresh_models(Shard& shard, const GatewaySnapshot& snapshot, std::function<void()> done) = 0;
    /// The merged counters of all shards; `done` comes back on `shard`.
    virtual void collect_metrics(Shard& shard, std::function<void(Metrics)> done) = 0;
    /// What vendors keep for clients, of all shards.
    [[nodiscard]] virtual const KeptTable& kept() const = 0;
    /// Puts it there, and soon into the store.
    virtual void remember(KeptThing thing) = 0;
    /// Whether the body of this call, which has none yet, is to be read, asked on a control-plane thread; `done` comes
    /// back on `shard`.
    virtual void judge_api(Shard& shard, ApiCall call, std::function<void(ApiBodyVerdict)> done) = 0;
    [[nodiscard]] virtual BodyBudget& bodies() = 0;
    [[nodiscard]] virtual RefusedRecords& refused() = 0;
    [[nodiscard]] virtual BackgroundAnswers& background() = 0;
    [[nodiscard]] virtual double uptime_seconds() const = 0;
    [[nodiscard]] virtual int shard_count() const = 0;
};

}  // namespace lurus::gateway
