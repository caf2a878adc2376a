#include "modules/gateway/session/request_limits.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <span>

#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/limits/estimate.hpp"
#include "modules/gateway/limits/limit_answer.hpp"

namespace lurus::gateway {

namespace {

/// What an attempt sends, to whom.
struct Upstream {
    const std::string& provider;
    const std::string& model;
};

Upstream upstream_of(const Request& request, const Candidate& candidate) {
    return {candidate.provider->name,
            candidate.upstream_model.empty() ? request.facts.model : candidate.upstream_model};
}

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
        if (request.address && common.ip.any()) {
            address_name_ = request.address->text();
            add(Subject::ip, id_of(*request.address), address_name_, common.ip);
        }
        add_model(request.facts.model);
        for (const std::string& model : request.facts.also) add_model(model);
    }
    /// Only of what an attempt sends.
    Subjects(const Request& request, const Upstream& upstream) : snapshot_(*request.snapshot), now_(request.time) {
        add_upstream(upstream);
    }
    Subjects(const Subjects&) = delete;
    Subjects& operator=(const Subjects&) = delete;

    /// What an attempt sends counts as much as what the client said.
    void add_upstream(const Upstream& upstream) {
        const auto covers = [&](const ModelLimits& entry) {
            return covers_candidate(entry.model, upstream.provider, upstream.model);
        };
        if (const ModelLimits* entry = first_that(covers)) add_entry(*entry, true);
    }

    [[nodiscard]] std::span<const LimitedSubject> all() const { return {subjects_.data(), subjects_.size()}; }
    /// That limit is one of what an attempt sends only.
    [[nodiscard]] bool is_upstream(const Refusal& refusal) const {
        return std::ranges::any_of(all(), [&](const LimitedSubject& subject) {
            return subject.upstream && subject.subject == refusal.subject && subject.name == refusal.name;
        });
    }
    [[nodiscard]] bool any_budget() const {
        return std::ranges::any_of(all(), [](const auto& subject) { return subject.limits.budget.has_value(); });
    }

private:
    const ModelLimits* first_that(const auto& covers) const {
        const auto& entries = snapshot_.settings.limits.models;
        const auto found = std::ranges::find_if(entries, covers);
        return found == entries.end() ? nullptr : &*found;
    }

    void add_model(const std::string& model) {
        if (model.empty()) return;
        const auto covers = [&](const ModelLimits& entry) { return covers_model(entry.model, model); };
        if (const ModelLimits* entry = first_that(covers)) add_entry(*entry, false);
    }

    void add_entry(const ModelLimits& entry, bool upstream) {
        const auto same = [&](const LimitedSubject& one) {
            return one.subject == Subject::model && one.id == std::string_view(entry.model);
        };
        if (std::ranges::any_of(all(), same)) return;
        add(Subject::model, entry.model, entry.model, entry.limits);
        if (!subjects_.empty() && same(subjects_.back())) subjects_.back().upstream = upstream;
    }

    void add(Subject kind, std::string_view id, std::string_view name, const Limits& limits) {
        if (!limits.any()) return;
        LimitedSubject& subject = subjects_.emplace_back();
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
    boost::container::small_vector<LimitedSubject, subjects + 2> subjects_;
    std::string address_name_;
};

}  // namespace

namespace {

// Whom it may be sent to, where limits go by that; null = nobody is asked for.
std::vector<Candidate>* limited_candidates(Request& request) {
    if (request.snapshot->settings.limits.models.empty() || request.facts.model.empty()) return nullptr;
    if (!candidates_of(request)) return nullptr;
    return &(*request.resolution)->candidates;
}

}  // namespace

// Candidates whose model is over a limit are skipped as long as there is another.
std::optional<Refusal> RequestLimits::take(Request& request, RequestEstimate estimate, Admission& into) {
    std::vector<Candidate>* candidates = limited_candidates(request);
    const auto skip = [&](std::size_t count) {
        if (count > 0) candidates->erase(candidates->begin(), candidates->begin() + static_cast<std::ptrdiff_t>(count));
    };
    std::optional<Refusal> first;
    for (std::size_t at = 0;; ++at) {
        Subjects limited(request);
        const Candidate* candidate = candidates != nullptr ? &(*candidates)[at] : nullptr;
        if (candidate != nullptr) limited.add_upstream(upstream_of(request, *candidate));
        if (limited.all().empty()) {
            skip(at);
            return std::nullopt;
        }
        if (limited.any_budget()) {
            estimate.cost = candidate == nullptr ? estimated_cost(request, estimate)
                                                 : estimated_cost(request, *candidate->provider,
                                                                  upstream_of(request, *candidate).model, estimate);
        }
        const std::int64_t since_start = now_us();
        const UnixMicros now = shard_.clock.now();
        auto admitted = gateway::admit(shard_.limits, limited.all(), estimate, since_start, now);
        if (admitted) {
            into = *std::move(admitted);
            skip(at);
            return std::nullopt;
        }
        if (!first) first = admitted.error();
        if (candidates != nullptr && at + 1 < candidates->size() && limited.is_upstream(admitted.error())) continue;
        into = Admission::refused(shard_.limits, limited.all(), since_start, now);
        shard_.metrics.count_limited(name_of(first->subject), name_of(first->what));
        return first;
    }
}

std::optional<Refusal> RequestLimits::admit_attempt(const Request& request, const Provider& provider,
                                                    const std::string& upstream_model) {
    const std::int64_t since_start = now_us();
    const UnixMicros now = shard_.clock.now();
    const Subjects limited(request, Upstream{provider.name, upstream_model});
    for (const LimitedSubject& subject : limited.all()) {
        if (admission_.holds(shard_.limits.get(subject.subject, subject.id, since_start, now))) return std::nullopt;
    }
    admission_.leave_upstream(since_start);
    if (limited.all().empty()) return std::nullopt;
    RequestEstimate estimate = estimate_of(request.endpoint, request.facts, request.body.size());
    if (limited.any_budget()) estimate.cost = estimated_cost(request, provider, upstream_model, estimate);
    auto admitted = gateway::admit(shard_.limits, limited.all(), estimate, since_start, now);
    if (!admitted) {
        shard_.metrics.count_limited(name_of(admitted.error().subject), name_of(admitted.error().what));
        return std::move(admitted.error());
    }
    admission_.join(*std::move(admitted));
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
