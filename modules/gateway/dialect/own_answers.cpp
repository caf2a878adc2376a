#include "modules/gateway/dialect/own_answers.hpp"

#include <algorithm>

#include "modules/gateway/dialect/dialect.hpp"

namespace lurus::gateway {

std::string with_trace(std::string_view message, const Id& trace_id) {
    return std::string(message) + " (trace " + trace_id.hex() + ")";
}

std::string error_body(Family family, int status, std::string_view message, const Id& trace_id) {
    return rules_of(family).errors->body(status, with_trace(message, trace_id), trace_id);
}

std::string stream_error(const Endpoint& endpoint, bool array, int status, std::string_view message,
                         const Id& trace_id) {
    return rules_of(endpoint.dialect).errors->in_stream(array, status, with_trace(message, trace_id), trace_id);
}

bool takes_keepalive(const Endpoint& endpoint, const http1::RequestHead& head) {
    return std::ranges::none_of(rules_of(endpoint.dialect).errors->no_keepalive, [&](std::string_view name) {
        return head.value("x-goog-api-client").find(name) != std::string_view::npos;
    });
}

std::string_view keepalive(const Endpoint& endpoint, bool array) {
    const ErrorRules& rules = *rules_of(endpoint.dialect).errors;
    return array ? rules.array_keepalive : rules.keepalive;
}

std::string models_body(Family family, const std::vector<ModelEntry>& models) {
    const EndpointRules& rules = *rules_of(family).endpoints;
    std::string list;
    for (const ModelEntry& model : models) {
        if (!list.empty()) list += ',';
        list += rules.model(model);
    }
    return rules.models(list, models);
}

std::string model_body(Family family, const ModelEntry& model) {
    return rules_of(family).endpoints->model(model);
}

}  // namespace lurus::gateway
