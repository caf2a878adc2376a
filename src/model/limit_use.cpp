#include "lurus/limit_use.hpp"

namespace lurus {

std::vector<LimitUse> unused_limits(const Limits& limits, UnixMicros now) {
    std::vector<LimitUse> out;
    const std::pair<std::string_view, std::int64_t> amounts[] = {{"rpm", limits.rpm},
                                                                 {"tpm", limits.tpm},
                                                                 {"itpm", limits.itpm},
                                                                 {"otpm", limits.otpm},
                                                                 {"concurrency", limits.concurrency}};
    for (const auto& [limit, allowed] : amounts) {
        if (allowed != 0) out.push_back({.limit = limit, .allowed = allowed, .used = 0, .resets_at = {}});
    }
    if (limits.budget) {
        out.push_back({.limit = "budget",
                       .allowed = limits.budget->amount.nano_usd,
                       .used = 0,
                       .resets_at = limits.budget->end(now)});
    }
    return out;
}

}  // namespace lurus
