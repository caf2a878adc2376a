#include "modules/gateway/attempt/relay.hpp"

namespace lurus::gateway {

void price_attempts(RequestRecord& record, const GatewaySnapshot& snapshot) {
    Money total;
    bool priced = false;
    bool unpriced = false;
    for (auto& attempt : record.attempts) {
        if (!attempt.usage.known()) continue;
        std::string_view kind;
        for (const auto& provider : snapshot.catalog->providers()) {
            if (provider->name == attempt.provider) kind = provider->kind;
        }
        const PriceQuery query{kind, attempt.provider, attempt.upstream_model, record.time};
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
