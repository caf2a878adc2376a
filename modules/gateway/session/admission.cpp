// What a session asks before a request may go on: the key's rules, then every limit that applies to it.

#include <algorithm>
#include <array>
#include <span>

#include "core/text/glob.hpp"
#include "modules/gateway/limits/demand.hpp"
#include "modules/gateway/limits/limit_answer.hpp"
#include "modules/gateway/session/client_address.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

namespace {

/// The subjects of one request; views into the request, its snapshot and this.
class Subjects {
public:
    Subjects(const Request& request) : snapshot_(*request.snapshot), now_(request.time) {
        const CommonLimits& common = snapshot_.settings.limits;
        if (const KeyInfo* key = request.key) {
            add(Subject::key, key->id, key->name, key->rules.limits.over(common.key));
            if (!key->user.empty()) add(Subject::user, key->user, key->user, over(key->user_limits, common.user));
            if (!key->team.empty()) add(Subject::team, key->team, key->team, over(key->team_limits, common.team));
            add(Subject::org, key->org, key->org, over(key->org_limits, common.org));
        }
        for (const auto& model : common.models) {
            if (request.facts.model.empty() || !glob_match(model.model, request.facts.model)) continue;
            add(Subject::model, model.model, model.model, model.limits);
            break;
        }
        if (request.address && common.ip.any()) {
            address_name_ = request.address->text();
            add(Subject::ip, id_of(*request.address), address_name_, common.ip);
        }
    }
    Subjects(const Subjects&) = delete;
    Subjects& operator=(const Subjects&) = delete;

    [[nodiscard]] std::span<const LimitedSubject> all() const { return std::span(subjects_.data(), count_); }
    [[nodiscard]] bool any_budget() const {
        return std::ranges::any_of(all(), [](const auto& subject) { return subject.limits.budget.has_value(); });
    }

private:
    void add(Subject kind, std::string_view id, std::string_view name, const Limits& limits) {
        if (!limits.any()) return;
        LimitedSubject& subject = subjects_[count_++];
        subject.subject = kind;
        subject.id = id;
        subject.name = name;
        subject.limits = limits;
        if (!limits.budget || !snapshot_.spent) return;
        const auto found = snapshot_.spent->find({kind, std::string(id)});
        if (found == snapshot_.spent->end()) return;
        const Spent& spent = found->second;
        if (spent.period == limits.budget->period && spent.since == limits.budget->begin(now_))
            subject.spent_before = spent.amount;
    }

    // A household has a /64 of IPv6, so one address of it means nothing.
    static std::string_view id_of(const IpAddress& address) {
        return {reinterpret_cast<const char*>(address.bytes.data()),
                address.is_v4() ? std::size_t{16} : std::size_t{8}};
    }

    const GatewaySnapshot& snapshot_;
    const UnixMicros now_;
    std::array<LimitedSubject, subjects> subjects_;
    std::size_t count_ = 0;
    std::string address_name_;
};

std::string cut(std::string_view text) {
    return std::string(text.substr(0, 512));
}

}  // namespace

std::string Session::broken_rule(const Request& request) const {
    if (request.key == nullptr) return {};
    const KeyInfo& key = *request.key;
    if (!key.rules.allows_address(request.address)) {
        return "this key may not be used from " +
               (request.address ? "the address " + request.address->text() : "a connection without an address");
    }
    if (!key.rules.allows_user_agent(request.head.value("user-agent"))) {
        return "this key may not be used by the client " + cut(request.head.value("user-agent"));
    }
    if (!key.allows(request.family)) {
        return "this key may not be used for the " + std::string(name_of(request.family)) + " dialect";
    }
    const std::string& model = request.facts.model;
    if (!model.empty() && !key.allows_model(model)) return "this key may not use the model " + cut(model);
    return {};
}

std::optional<Refusal> Session::take_limits(Request& request, Demand demand, Admission& into) {
    const Subjects limited(request);
    const auto subjects = limited.all();
    if (subjects.empty()) return std::nullopt;
    if (limited.any_budget()) demand.cost = estimated_cost(request, demand);
    const std::int64_t now_us = shard.limits.table().since_start(shard.clock.monotonic_us());
    const UnixMicros now = shard.clock.now();
    auto admitted = gateway::admit(shard.limits, subjects, demand, now_us, now);
    if (!admitted) {
        into = Admission::refused(shard.limits, subjects, now_us, now);
        shard.metrics.count_limited(name_of(admitted.error().subject), name_of(admitted.error().what));
        return std::move(admitted.error());
    }
    into = *std::move(admitted);
    return std::nullopt;
}

std::unique_ptr<Rejection> Session::within_limits(Request& request) {
    const auto refusal = take_limits(request, demand_of(request.endpoint, request.facts, request.body.size()), place_);
    if (!refusal) return nullptr;
    auto rejection = std::make_unique<Rejection>();
    rejection->status = 429;
    rejection->message = refusal_message(*refusal, shard.clock.now());
    rejection->body = refusal_body(request.family, *refusal, rejection->message, request.trace_id);
    rejection->fields = refusal_fields(*refusal);
    return rejection;
}

std::optional<Refusal> Session::take_turn(Request& request, const RequestFacts& facts, std::size_t bytes,
                                          bool first) {
    Demand demand = demand_of(request.endpoint, facts, bytes);
    demand.requests = first ? 0 : 1;  // the upgrade was a request already
    demand.slot = false;              // the connection holds one
    return take_limits(request, demand, turn_);
}

std::string Session::limit_fields(const Request& request) const {
    if (!place_.limited()) return {};
    return gateway::limit_fields(request.family, place_, shard.limits.table().since_start(shard.clock.monotonic_us()),
                                 shard.clock.now());
}

// What ended in an error used nothing; of what broke off without a word on usage, the estimate is the best guess.
void Session::settle_limits(const RequestRecord& record) {
    Admission& admission = turn_.limited() ? turn_ : place_;
    if (!admission.limited()) return;
    Admission::Used used;
    if (record.usage.known() || record.end == End::error || record.attempts.empty()) {
        used = used_by(record.usage, record.cost);
    }
    admission.settle(used, shard.limits.table().since_start(shard.clock.monotonic_us()));
    turn_ = Admission();
}

void Session::leave_limits() {
    place_.leave();
}

}  // namespace lurus::gateway
