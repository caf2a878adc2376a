// What the attempts of a request cost: the tariffs of the request's time, applied to each run of a model by itself.

#include "modules/gateway/attempt/relay.hpp"

namespace lurus::gateway {
namespace {

void add_once(std::string& list, std::string_view one, std::string_view between) {
    if (list.find(one) != std::string::npos) return;
    if (!list.empty()) list += between;
    list += one;
}

// The costs of the runs, summed up, and what is said of them in the record.
class Bill {
public:
    explicit Bill(const TariffSnapshot& tariffs) : tariffs_(tariffs) {}

    /// False: there is no price for it.
    bool add(const PriceQuery& query, const Usage& usage, Money& total) {
        const auto cost = tariffs_.price(query, usage);
        if (!cost) return false;
        total += cost->total;
        add_once(tariff_, cost->tariff, " + ");
        for (const std::string_view what : cost->unpriced) add_once(unpriced_, what, ", ");
        return true;
    }

    [[nodiscard]] std::string take_tariff() {
        if (!unpriced_.empty()) tariff_.append("; unpriced: ").append(unpriced_);
        return std::move(tariff_);
    }

private:
    const TariffSnapshot& tariffs_;
    std::string tariff_, unpriced_;
};

// Empty when a run of it has no price.
std::optional<Money> cost_of(Bill& bill, PriceQuery query, const Usage& usage) {
    Money total;
    if (usage.parts.empty()) return bill.add(query, usage, total) ? std::optional(total) : std::nullopt;
    const std::string_view asked = query.upstream_model;
    bool priced = true;
    for (const UsagePart& part : usage.parts) {
        if (!part.usage.known()) continue;
        query.upstream_model = part.model.empty() ? asked : std::string_view(part.model);
        priced = bill.add(query, part.usage, total) && priced;
    }
    return priced ? std::optional(total) : std::nullopt;
}

}  // namespace

void price_attempts(RequestRecord& record, std::span<const Candidate> asked, const GatewaySnapshot& snapshot) {
    Money total;
    bool priced = false;
    bool unpriced = false;
    for (std::size_t i = 0; i < record.attempts.size(); ++i) {
        Attempt& attempt = record.attempts[i];
        if (!attempt.usage.known()) continue;
        const PriceQuery query{asked[i].provider->kind, attempt.provider, attempt.upstream_model, record.time};
        Bill bill(*snapshot.tariffs);
        if (const auto cost = cost_of(bill, query, attempt.usage)) {
            attempt.cost = *cost;
            total += *cost;
            record.tariff = bill.take_tariff();
            priced = true;
        } else {
            unpriced = true;
        }
    }
    if (priced && !unpriced) record.cost = total;
}

}  // namespace lurus::gateway
