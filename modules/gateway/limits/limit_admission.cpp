#include "modules/gateway/limits/limit_admission.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace lurus::gateway {
namespace {

constexpr std::int64_t ask_again_us = 1'000'000;

std::int64_t amount_of(const RequestEstimate& estimate, Measure measure) {
    switch (measure) {
        case Measure::requests: return estimate.requests;
        case Measure::tokens: return estimate.input_tokens + estimate.output_tokens;
        case Measure::input_tokens: return estimate.input_tokens;
        case Measure::output_tokens: return estimate.output_tokens;
    }
    return 0;
}

Refusal::What what_of(Measure measure) {
    return static_cast<Refusal::What>(measure);
}

Refusal refusal_of(const LimitedSubject& subject, Refusal::What what, std::int64_t limit) {
    Refusal out;
    out.subject = subject.subject;
    out.name = std::string(subject.name);
    out.what = what;
    out.limit = limit;
    return out;
}

// The longest wait for any of the amounts; empty = all would fit.
std::optional<Refusal> longest_wait(SubjectState& state, const LimitedSubject& subject, const RequestEstimate& estimate,
                                    std::int64_t now_us) {
    std::optional<Refusal> worst;
    for (const Measure measure : measures) {
        const std::int64_t limit = limit_of(subject.limits, measure);
        if (limit == 0) continue;
        const std::int64_t wait =
            state.wait_us(measure, subject.limits, now_us, std::min(amount_of(estimate, measure), limit));
        if (wait == 0 || (worst && *worst->wait_us >= wait)) continue;
        worst = refusal_of(subject, what_of(measure), limit);
        worst->wait_us = wait;
    }
    return worst;
}

bool waits_longer(const Refusal& a, const Refusal& b) {
    if (!a.wait_us || !b.wait_us) return !a.wait_us && b.wait_us;
    return *a.wait_us > *b.wait_us;
}

}  // namespace

std::string_view name_of(Refusal::What what) {
    switch (what) {
        case Refusal::What::requests: return "requests";
        case Refusal::What::tokens: return "tokens";
        case Refusal::What::input_tokens: return "input_tokens";
        case Refusal::What::output_tokens: return "output_tokens";
        case Refusal::What::concurrency: return "concurrency";
        case Refusal::What::budget: return "budget";
    }
    return "requests";
}

Admission::Admission(Admission&& other) noexcept
    : charges_(std::exchange(other.charges_, {})), settled_(other.settled_) {}

Admission& Admission::operator=(Admission&& other) noexcept {
    const Admission before(std::move(*this));
    charges_ = std::exchange(other.charges_, {});
    settled_ = other.settled_;
    return *this;
}

// A request that ended without a record leaves its estimate counted; only money is not held for it any longer.
Admission::~Admission() {
    leave();
    if (settled_) return;
    for (Charge& charge : charges_) {
        if (charge.holds_money) charge.state->budget.settle(charge.window, charge.held, Money{});
    }
}

void Admission::leave() {
    for (Charge& charge : charges_) {
        if (std::exchange(charge.entered, false)) charge.state->leave();
    }
}

void Admission::uncount_request() {
    constexpr auto at = static_cast<std::size_t>(Measure::requests);
    for (Charge& charge : charges_) {
        if ((charge.taken >> at & 1) == 0) continue;
        charge.state->give_back(Measure::requests, charge.limits, charge.slots[at], charge.amounts[at]);
        charge.taken &= static_cast<std::uint8_t>(~(1u << at));
    }
}

void Admission::undo() {
    for (Charge& charge : charges_) {
        for (const Measure measure : measures) {
            const auto at = static_cast<std::size_t>(measure);
            if ((charge.taken >> at & 1) == 0) continue;
            charge.state->give_back(measure, charge.limits, charge.slots[at], charge.amounts[at]);
        }
    }
}

std::optional<Refusal> Admission::take(const LimitedSubject& subject, const RequestEstimate& estimate, StatePtr state,
                                       std::int64_t now_us, UnixMicros now) {
    Charge& charge = charges_.emplace_back();
    charge.state = std::move(state);
    charge.limits = subject.limits;
    charge.upstream = subject.upstream;
    charge.spent_before = subject.spent_before;
    const Limits& limits = charge.limits;
    SubjectState& counters = *charge.state;
    if (estimate.slot || (estimate.model_slot && subject.subject == Subject::model)) {
        charge.entered = counters.enter(limits.concurrency);
        if (!charge.entered) {
            Refusal refusal = refusal_of(subject, Refusal::What::concurrency, limits.concurrency);
            refusal.wait_us = ask_again_us;
            refusal.waits_for_running = true;
            return refusal;
        }
    }
    for (const Measure measure : measures) {
        const auto at = static_cast<std::size_t>(measure);
        const std::int64_t limit = limit_of(limits, measure);
        if (limit == 0) continue;
        charge.amounts[at] = std::min(amount_of(estimate, measure), limit);
        const auto slot = counters.take(measure, limits, now_us, charge.amounts[at]);
        if (!slot) {
            Refusal refusal = refusal_of(subject, what_of(measure), limit);
            refusal.wait_us = 1;  // the caller finds out
            return refusal;
        }
        charge.slots[at] = *slot;
        charge.taken |= static_cast<std::uint8_t>(1u << at);
    }
    if (limits.budget) {
        const Budget& budget = *limits.budget;
        charge.window = BudgetMeter::window_of(budget, now);
        const auto held = counters.budget.hold(budget, charge.window, estimate.cost, subject.spent_before);
        if (!held.taken) {
            Refusal refusal = refusal_of(subject, Refusal::What::budget, budget.amount.nano_usd);
            refusal.budget = budget;
            refusal.waits_for_running = held.waits_for_running;
            const auto end = budget.end(now);
            if (held.waits_for_running) {
                refusal.wait_us = ask_again_us;
            } else if (end) {
                refusal.wait_us = *end - now;
            }
            return refusal;
        }
        charge.holds_money = true;
        charge.held = estimate.cost;
    }
    return std::nullopt;
}

void Admission::settle(Charge& charge, const Used& used, std::int64_t now_us) {
    if (charge.holds_money) charge.state->budget.settle(charge.window, charge.held, used.cost);
    const auto correct = [&](Measure measure, std::int64_t real) {
        const auto at = static_cast<std::size_t>(measure);
        if ((charge.taken >> at & 1) == 0) return;
        real = std::clamp<std::int64_t>(real, 0, max_limit);
        const std::int64_t more = real - charge.amounts[at];
        if (more > 0) charge.state->add(measure, charge.limits, now_us, more);
        if (more < 0) charge.state->give_back(measure, charge.limits, charge.slots[at], -more);
    };
    if (used.input_tokens) correct(Measure::input_tokens, *used.input_tokens);
    if (used.output_tokens) correct(Measure::output_tokens, *used.output_tokens);
    if (used.input_tokens && used.output_tokens) correct(Measure::tokens, *used.input_tokens + *used.output_tokens);
}

void Admission::settle(const Used& used, std::int64_t now_us) {
    if (settled_) return;
    settled_ = true;
    for (Charge& charge : charges_) settle(charge, used, now_us);
}

void Admission::leave_upstream(std::int64_t now_us) {
    if (settled_) return;
    const Used nothing{.input_tokens = 0, .output_tokens = 0, .cost = {}};
    std::erase_if(charges_, [&](Charge& charge) {
        if (!charge.upstream) return false;
        settle(charge, nothing, now_us);
        if (charge.entered) charge.state->leave();
        return true;
    });
}

bool Admission::holds(const StatePtr& state) const {
    return std::ranges::any_of(charges_, [&](const Charge& charge) { return charge.state == state; });
}

void Admission::join(Admission&& other) {
    std::ranges::move(other.charges_, std::back_inserter(charges_));
    other.charges_.clear();
}

Admission Admission::refused(LimitCache& cache, std::span<const LimitedSubject> subjects, std::int64_t now_us,
                             UnixMicros now) {
    Admission out;
    out.settled_ = true;
    out.charges_.reserve(subjects.size());
    for (const auto& subject : subjects) {
        Charge& charge = out.charges_.emplace_back();
        charge.state = cache.get(subject.subject, subject.id, now_us, now);
        charge.limits = subject.limits;
        charge.spent_before = subject.spent_before;
    }
    return out;
}

std::optional<LimitStatus> Admission::status(Measure measure, std::int64_t now_us) const {
    std::optional<LimitStatus> tightest;
    for (const Charge& charge : charges_) {
        const std::int64_t limit = limit_of(charge.limits, measure);
        if (limit == 0) continue;
        LimitStatus status;
        status.limit = limit;
        status.remaining = std::max<std::int64_t>(limit - charge.state->used(measure, charge.limits, now_us), 0);
        if (tightest && tightest->remaining <= status.remaining) continue;
        status.empty_in_us = charge.state->empty_in_us(measure, charge.limits, now_us);
        tightest = status;
    }
    return tightest;
}

std::optional<BudgetStatus> Admission::budget_status(UnixMicros now) const {
    std::optional<BudgetStatus> tightest;
    for (const Charge& charge : charges_) {
        if (!charge.limits.budget) continue;
        const Budget& budget = *charge.limits.budget;
        const Money used =
            std::max(charge.state->budget.used(BudgetMeter::window_of(budget, now)), charge.spent_before);
        const Money remaining{std::max<std::int64_t>(budget.amount.nano_usd - used.nano_usd, 0)};
        if (!tightest || remaining.nano_usd < tightest->remaining.nano_usd) tightest = BudgetStatus{budget, remaining};
    }
    return tightest;
}

std::expected<Admission, Refusal> admit(LimitCache& cache, std::span<const LimitedSubject> subjects,
                                        const RequestEstimate& estimate, std::int64_t now_us, UnixMicros now) {
    Admission admission;
    admission.charges_.reserve(subjects.size());
    std::optional<Refusal> refusal;
    for (const auto& subject : subjects) {
        refusal = admission.take(subject, estimate, cache.get(subject.subject, subject.id, now_us, now), now_us, now);
        if (refusal) break;
    }
    if (!refusal) return admission;
    admission.undo();
    admission = Admission();
    // What stands in the way longest is what the client is told, so that its wait is long enough for all of them.
    for (const auto& subject : subjects) {
        auto other = longest_wait(*cache.get(subject.subject, subject.id, now_us, now), subject, estimate, now_us);
        if (other && waits_longer(*other, *refusal)) refusal = std::move(other);
    }
    return std::unexpected(*std::move(refusal));
}

Admission::Used used_by(const Usage& usage, const std::optional<Money>& cost) {
    Admission::Used used;
    const auto sum = [](std::initializer_list<std::optional<std::int64_t>> parts) {
        std::int64_t out = 0;
        for (const auto& part : parts) out += std::clamp<std::int64_t>(part.value_or(0), 0, max_limit);
        return out;
    };
    used.input_tokens = sum({usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h});
    used.output_tokens = sum({usage.output});
    used.cost = cost.value_or(Money{});
    return used;
}

}  // namespace lurus::gateway
