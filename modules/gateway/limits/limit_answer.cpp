#include "modules/gateway/limits/limit_answer.hpp"

#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/dialect.hpp"
#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/limits/limit_text.hpp"

namespace lurus::gateway {
namespace {

std::string amount_text(const Refusal& refusal) {
    const std::string number = std::to_string(refusal.limit);
    switch (refusal.what) {
        case Refusal::What::requests: return number + " requests a minute";
        case Refusal::What::tokens: return number + " tokens a minute";
        case Refusal::What::input_tokens: return number + " input tokens a minute";
        case Refusal::What::output_tokens: return number + " output tokens a minute";
        case Refusal::What::concurrency: return number + " requests at once";
        case Refusal::What::budget: return refusal.budget->text();
    }
    return number;
}

std::string subject_text(const Refusal& refusal) {
    const std::string kind = refusal.subject == Subject::ip ? "address" : std::string(name_of(refusal.subject));
    return kind + " " + refusal.name;
}

}  // namespace

std::string refusal_message(const Refusal& refusal, UnixMicros now) {
    if (refusal.what == Refusal::What::budget) {
        std::string out = "the budget of " + amount_text(refusal) + " of " + subject_text(refusal);
        if (refusal.waits_for_running)
            return out + " is held by requests that are running; try again when one has ended";
        out += " is used up";
        const auto end = refusal.budget->end(now);
        return end ? out + " until " + rfc3339_seconds(*end) : out;
    }
    const std::string out = "over the limit of " + amount_text(refusal) + " of " + subject_text(refusal);
    if (refusal.waits_for_running || !refusal.wait_us) return out + "; try again when one has ended";
    return out + "; try again in " + std::to_string(whole_seconds(*refusal.wait_us)) + " s";
}

std::string refusal_body(Family family, const Refusal& refusal, std::string_view message, const Id& trace_id) {
    return rules_of(family).limits->refusal(refusal, with_trace(message, trace_id), trace_id);
}

std::string refusal_fields(const Refusal& refusal) {
    std::string out;
    if (refusal.wait_us) add_line(out, "", "Retry-After", std::to_string(whole_seconds(*refusal.wait_us)));
    if (refusal.what == Refusal::What::budget && !refusal.waits_for_running)
        add_line(out, "", "x-should-retry", "false");
    return out;
}

std::string limit_fields(Family family, const Admission& admission, std::int64_t now_us, UnixMicros now) {
    std::string out;
    if (!admission.limited()) return out;
    if (const auto status = admission.budget_status(now)) {
        add_line(out, "x-lurus-budget-", "limit", status->budget.text());
        add_line(out, "x-lurus-budget-", "remaining", usd_text(status->remaining));
        if (const auto end = status->budget.end(now)) add_line(out, "x-lurus-budget-", "reset", rfc3339_seconds(*end));
    }
    const LimitRules& rules = *rules_of(family).limits;
    if (rules.add_fields == nullptr) return out;
    for (const Measure measure : measures) {
        if (const auto status = admission.status(measure, now_us)) rules.add_fields(out, measure, *status, now);
    }
    return out;
}

}  // namespace lurus::gateway
