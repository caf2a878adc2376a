#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/gemini/gemini.hpp"
#include "modules/gateway/limits/limit_admission.hpp"
#include "modules/gateway/limits/limit_text.hpp"

namespace lurus::gateway::gemini {
namespace {

std::string refusal_body(const Refusal& refusal, std::string_view message, const Id& /*trace_id*/) {
    const std::string metric = std::string(name_of(refusal.subject)) + "/" + std::string(name_of(refusal.what));
    std::string out = R"({"error":{"code":429,"message":)" + json::quote(message) +
                      R"(,"status":"RESOURCE_EXHAUSTED","details":[)"
                      R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":)" +
                      json::quote("lurus/" + metric) + R"(,"quotaId":)" + json::quote(metric);
    if (!refusal.budget) out += R"(,"quotaValue":")" + std::to_string(refusal.limit) + "\"";
    out += "}]}";
    if (refusal.wait_us) {
        out += R"(,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" +
               std::to_string(whole_seconds(*refusal.wait_us)) + "s\"}";
    }
    return out + "]}}";
}

}  // namespace

// The vendor writes no fields of limits.
constinit const LimitRules limits{.refusal = refusal_body, .add_fields = nullptr};

}  // namespace lurus::gateway::gemini
