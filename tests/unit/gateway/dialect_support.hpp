#pragma once

#include <string>
#include <string_view>

#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/dialect/dialect.hpp"
#include "modules/gateway/session/request_scan.hpp"

namespace lurus::gateway {

inline Endpoint endpoint_of(std::string_view target, std::string_view method = "POST", bool websocket = false) {
    return *match_endpoint(method, target, {}, websocket).endpoint;
}

/// Whether the dialect itself takes the path, whatever the others would do with it.
inline bool takes(Dialect dialect, std::string_view path, HttpMethod method = HttpMethod::post) {
    RequestPath request;
    request.method = method;
    request.path = path;
    const auto match = rules_of(dialect).endpoints->match(request);
    return match && match->endpoint && match->endpoint->dialect == dialect;
}

/// The reader of an endpoint's stream after these bytes.
inline AnswerReader read_stream(std::string_view target, std::string_view bytes) {
    AnswerReader reader(endpoint_of(target).answer, AnswerFormat::sse, 200);
    reader.feed(bytes);
    return reader;
}

}  // namespace lurus::gateway
