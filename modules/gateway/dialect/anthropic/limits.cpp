#include "modules/gateway/dialect/anthropic/anthropic.hpp"
#include "modules/gateway/limits/limit_admission.hpp"
#include "modules/gateway/limits/limit_text.hpp"

namespace lurus::gateway::anthropic {
namespace {

std::string refusal_body(const Refusal& /*refusal*/, std::string_view message, const Id& trace_id) {
    return errors.body(429, message, trace_id);
}

std::string_view word_for(Measure measure) {
    switch (measure) {
        case Measure::requests: return "requests";
        case Measure::tokens: return "tokens";
        case Measure::input_tokens: return "input-tokens";
        case Measure::output_tokens: return "output-tokens";
    }
    return {};
}

void add_limit_fields(std::string& out, Measure measure, const LimitStatus& status, UnixMicros now) {
    const std::string prefix = "anthropic-ratelimit-" + std::string(word_for(measure));
    add_line(out, prefix, "-limit", std::to_string(status.limit));
    add_line(out, prefix, "-remaining", std::to_string(status.remaining));
    add_line(out, prefix, "-reset", rfc3339_seconds(now + status.empty_in_us));
}

}  // namespace

constinit const LimitRules limits{.refusal = refusal_body, .add_fields = add_limit_fields};

}  // namespace lurus::gateway::anthropic
