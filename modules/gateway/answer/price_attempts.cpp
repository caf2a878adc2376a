#include "modules/gateway/attempt/relay.hpp"

namespace lurus::gateway {

void price_attempts(RequestRecord& record, std::span<const Candidate> asked, const GatewaySnapshot& snapshot) {
    Money total;
    bool priced = false;
    bool unpriced = false;
    for (std::size_t i = 0; i < record.attempts.size(); ++i) {
        Attempt& attempt = record.attempts[i];
        if (!attempt.usage.known()) continue;
        const PriceQuery query{asked[i].provider->kind, attempt.provider, attempt.upstream_model, record.time};
        if (const auto cost = snapshot.tariffs->price(query, attempt.usage)) {
            attempt.cost = cost->total;
            total += cost->total;
            record.tariff = std::string(cost->tariff);
            priced = true;
        } else {
            unpriced = true;
        }
    }
    if (priced && !unpriced) record.cost = total;
}

}  // namespace lurus::gateway
