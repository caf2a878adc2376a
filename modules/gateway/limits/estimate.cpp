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

void estimate_missing(Usage& usage, const Request& request, const AnswerReader* reader) {
    if (!request.endpoint.answer.metered || (reader != nullptr && reader->counted(usage))) return;
    const std::size_t files = request.body.empty() ? request.files_bytes : files_bytes_of(request.body);
    const auto body = static_cast<std::size_t>(request.record.bytes_in);
    const RequestEstimate whole = estimate_of(request.endpoint, request.facts, body - std::min(body, files));
    if (whole.input_tokens == 0 && whole.output_tokens == 0) return;
    if (!usage.input && !usage.cache_read && !usage.cache_write_5m && !usage.cache_write_1h) {
        usage.input = whole.input_tokens;
        usage.estimated = true;
    }
    // What a body that is no stream of events said of its output is nearer than its bytes are.
    if (usage.output && reader != nullptr && reader->is_body()) return;
    if (!generates(request.endpoint.operation)) return;
    // Of a stream that has not begun nothing is made yet, as far as anybody knows; an answer that comes whole may have
    // been made when nobody waited for it any more.
    std::int64_t output = request.facts.stream ? 0 : std::min(whole.output_tokens, usual_output);
    if (reader != nullptr)
        output = request.facts.stream || reader->complete() ? reader->output_seen()
                                                            : std::max(output, reader->output_seen());
    if (request.facts.max_output) output = std::min(output, whole.output_tokens);
    usage.output = std::max(usage.output.value_or(0), output);
    usage.estimated = true;
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
