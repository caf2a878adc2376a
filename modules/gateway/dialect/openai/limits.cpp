#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/limits/limit_admission.hpp"
#include "modules/gateway/limits/limit_text.hpp"

namespace lurus::gateway::openai {
namespace {

// The vendor's SDKs and their users tell a quota from a rate by its code.
std::string refusal_body(const Refusal& refusal, std::string_view message, const Id& trace_id) {
    const bool quota = refusal.what == Refusal::What::budget && !refusal.waits_for_running;
    return error_body(quota ? 402 : 429, message, trace_id);
}

// The vendor has no limits of one direction.
void add_limit_fields(std::string& out, Measure measure, const LimitStatus& status, UnixMicros /*now*/) {
    if (measure != Measure::requests && measure != Measure::tokens) return;
    const std::string_view word = measure == Measure::requests ? "requests" : "tokens";
    add_line(out, "x-ratelimit-limit-", word, std::to_string(status.limit));
    add_line(out, "x-ratelimit-remaining-", word, std::to_string(status.remaining));
    add_line(out, "x-ratelimit-reset-", word, short_duration(status.empty_in_us));
}

}  // namespace

constinit const LimitRules limits{.refusal = refusal_body, .add_fields = add_limit_fields};

}  // namespace lurus::gateway::openai
