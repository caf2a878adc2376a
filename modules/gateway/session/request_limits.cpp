#include "modules/gateway/session/request_limits.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "core/text/glob.hpp"
#include "modules/gateway/limits/estimate.hpp"
#include "modules/gateway/limits/limit_answer.hpp"

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

}  // namespace

std::optional<Refusal> RequestLimits::take(Request& request, RequestEstimate estimate, Admission& into) {
    const Subjects limited(request);
    const auto subjects = limited.all();
    if (subjects.empty()) return std::nullopt;
    if (limited.any_budget()) estimate.cost = estimated_cost(request, estimate);
    const std::int64_t since_start = now_us();
    const UnixMicros now = shard_.clock.now();
    auto admitted = gateway::admit(shard_.limits, subjects, estimate, since_start, now);
    if (!admitted) {
        into = Admission::refused(shard_.limits, subjects, since_start, now);
        shard_.metrics.count_limited(name_of(admitted.error().subject), name_of(admitted.error().what));
        return std::move(admitted.error());
    }
    into = *std::move(admitted);
    return std::nullopt;
}

std::unique_ptr<Rejection> RequestLimits::admit(Request& request) {
    const auto refusal = take(request, estimate_of(request.endpoint, request.facts, request.body.size()), admission_);
    if (!refusal) return nullptr;
    auto rejection = std::make_unique<Rejection>();
    rejection->status = 429;
    rejection->message = refusal_message(*refusal, shard_.clock.now());
    rejection->body = refusal_body(request.family, *refusal, rejection->message, request.trace_id);
    rejection->fields = refusal_fields(*refusal);
    return rejection;
}

std::optional<Refusal> RequestLimits::admit_response(Request& request, const RequestEstimate& estimate,
                                                     Admission& into) {
    if (estimate.requests > 0) admission_.uncount_request();
    return take(request, estimate, into);
}

std::string RequestLimits::fields(const Request& request) const {
    if (!admission_.limited()) return {};
    return limit_fields(request.family, admission_, now_us(), shard_.clock.now());
}

void RequestLimits::settle(const RequestRecord& record) {
    Admission& admission = response_admission_ ? *response_admission_ : admission_;
    if (admission.limited()) {
        Admission::Used used;
        if (record.usage.known() || record.end == End::error || record.attempts.empty()) {
            used = used_by(record.usage, record.cost);
        }
        admission.settle(used, now_us());
    }
    response_admission_.reset();
}

Admission RequestLimits::take_admission() {
    admission_.leave();
    return std::move(admission_);
}

void RequestLimits::settle_for(Admission held, bool same_key, const Admission::Used& used) {
    const bool here = !held.limited() && same_key;
    held.settle(used, now_us());
    admission_.settle(here ? used : Admission::Used(), now_us());
}

std::int64_t RequestLimits::now_us() const {
    return shard_.limits.table().since_start(shard_.clock.monotonic_us());
}

}  // namespace lurus::gateway
