#pragma once
// What the gateway itself says, in the shape of the dialect that the client speaks.

#include <string>
#include <string_view>
#include <vector>

#include "core/http/http1.hpp"
#include "lurus/dialect.hpp"
#include "lurus/ids.hpp"
#include "lurus/provider.hpp"
#include "modules/gateway/session/endpoint.hpp"

namespace lurus::gateway {

/// The message as all that the gateway says has it, with the trace id at its end.
std::string with_trace(std::string_view message, const Id& trace_id);

/// An error body (application/json) in the client's family, for that HTTP status. The message ends with the trace id.
std::string error_body(Family family, int status, std::string_view message, const Id& trace_id);

/// An error inside a stream that has begun, as the dialect's clients expect it: whole events, at an event boundary.
/// For the Gemini JSON array (`array`), what closes it after an element: it begins with a `,`, for which a caller who
/// has sent no element yet writes `[`.
std::string stream_error(const Endpoint& endpoint, bool array, int status, std::string_view message,
                         const Id& trace_id);

/// Bytes that keep a waiting client's connection alive without meaning anything. Empty = the dialect has none.
std::string_view keepalive(const Endpoint& endpoint, bool array);
/// Whether the client that sent this head reads a stream with one.
bool takes_keepalive(const Endpoint& endpoint, const http1::RequestHead& head);

/// `GET /v1/models` and `/v1/models/{id}` in the dialect's shape.
std::string models_body(Family family, const std::vector<ModelEntry>& models);
std::string model_body(Family family, const ModelEntry& model);

}  // namespace lurus::gateway
