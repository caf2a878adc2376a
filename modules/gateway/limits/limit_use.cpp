#include "modules/gateway/limits/limit_use.hpp"

#include <optional>

namespace lurus::gateway {
namespace {

std::optional<Measure> measure_of(std::string_view limit) {
    if (limit == "rpm") return Measure::requests;
    if (limit == "tpm") return Measure::tokens;
    if (limit == "itpm") return Measure::input_tokens;
    if (limit == "otpm") return Measure::output_tokens;
    return std::nullopt;
}

}  // namespace

std::vector<LimitUse> limit_use(const LimitTable& table, Subject subject, std::string_view id, const Limits& limits,
                                std::int64_t now_us, UnixMicros now) {
    std::vector<LimitUse> out = unused_limits(limits, now);
    const StatePtr state = table.find(subject, id);
    if (!state) return out;
    for (LimitUse& use : out) {
        if (const auto measure = measure_of(use.limit)) {
            use.used = state->used(*measure, limits, now_us);
            if (use.used > 0) use.resets_at = now + state->empty_in_us(*measure, limits, now_us);
        } else if (use.limit == "concurrency") {
            use.used = state->running();
        } else {
            use.used = state->budget.used(BudgetMeter::window_of(*limits.budget, now)).nano_usd;
        }
    }
    return out;
}

}  // namespace lurus::gateway
