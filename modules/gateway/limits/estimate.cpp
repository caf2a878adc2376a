#include "modules/gateway/limits/estimate.hpp"

#include <algorithm>

#include "modules/gateway/attempt/candidates.hpp"

namespace lurus::gateway {
namespace {

constexpr std::int64_t bytes_a_token = 4;
constexpr std::int64_t usual_output = 1024;

bool generates(Operation operation) {
    switch (operation) {
        case Operation::messages:
        case Operation::chat:
        case Operation::completions:
        case Operation::responses:
        case Operation::responses_compact:
        case Operation::generate:
        case Operation::stream_generate: return true;
        default: return false;
    }
}

bool reads(Operation operation) {
    return generates(operation) || operation == Operation::embeddings || operation == Operation::embed ||
           operation == Operation::batch_embed;
}

}  // namespace

RequestEstimate estimate_of(const Endpoint& endpoint, const RequestFacts& facts, std::size_t body_bytes) {
    RequestEstimate estimate;
    if (reads(endpoint.operation)) estimate.input_tokens = static_cast<std::int64_t>(body_bytes) / bytes_a_token;
    if (generates(endpoint.operation) && body_bytes > 0)
        estimate.output_tokens = std::clamp<std::int64_t>(facts.max_output.value_or(usual_output), 0, max_limit);
    return estimate;
}

Money estimated_cost(Request& request, const RequestEstimate& estimate) {
    if (request.facts.model.empty() || !request.snapshot->tariffs) return {};
    const auto& resolution = candidates_of(request);
    if (!resolution) return {};
    const Candidate& first = resolution->candidates.front();
    const std::string& model = first.upstream_model.empty() ? request.facts.model : first.upstream_model;
    return estimated_cost(request, *first.provider, model, estimate);
}

Money estimated_cost(const Request& request, const Provider& provider, const std::string& model,
                     const RequestEstimate& estimate) {
    if (!request.snapshot->tariffs) return {};
    Usage usage;
    usage.input = estimate.input_tokens;
    usage.output = estimate.output_tokens;
    const PriceQuery query{provider.kind, provider.name, model, request.time};
    const auto cost = request.snapshot->tariffs->price(query, usage);
    return cost ? cost->total : Money{};
}

}  // namespace lurus::gateway
