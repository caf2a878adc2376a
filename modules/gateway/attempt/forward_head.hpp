#pragma once
// Heads as they go on: what a request's head becomes upstream and a response's head downstream. Pure functions.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/http1.hpp"
#include "lurus/headers.hpp"
#include "lurus/ids.hpp"
#include "lurus/provider.hpp"
#include "modules/gateway/attempt/target.hpp"
#include "modules/gateway/session/endpoint.hpp"

namespace lurus::gateway {

/// What goes upstream of a request's body that came compressed.
enum class BodyCoding : std::uint8_t { as_sent, taken_off };

/// The head for one candidate. Every field passes in its order and case, but for: what `rules` drop, Host, hop-by-hop
/// fields, the caller's credentials (the provider's own takes the place of the first), Content-Length, Expect,
/// Content-Encoding where it is taken off, and Accept-Encoding, which becomes `identity` so that usage can be read.
/// Keys among the WebSocket subprotocols are taken out. `websocket` keeps the upgrade and drops the extensions.
std::string upstream_head(const http1::RequestHead& head, const Endpoint& endpoint, const Target& target,
                          const std::string& upstream_model, std::optional<std::uint64_t> content_length,
                          bool websocket, const HeaderRules& rules, BodyCoding coding = BodyCoding::as_sent);

/// How the answer's body is framed for the client.
enum class Framing : std::uint8_t { length, chunked, until_close };

/// The status line and fields as the vendor sent them without its hop-by-hop fields and what `rules` drop, plus the
/// trace id and the framing. `limits` are the fields of our own rate limits: where there are any, they take the place
/// of the vendor's.
std::string downstream_head(const http1::ResponseHead& head, Framing framing,
                            std::optional<std::uint64_t> content_length, bool keep_alive, const Id& trace_id,
                            std::string_view limits, const HeaderRules& rules);

/// The same of an answer that switches protocols, which keeps its upgrade.
std::string switching_head(const http1::ResponseHead& head, const Id& trace_id, const HeaderRules& rules);

/// Tells a proxy in front of us not to hold a stream back, unless the head says something of that.
void ask_for_no_buffering(std::string& head);

/// A head of our own. Without a length `extra_fields` say how the body ends, or the end of the connection does.
std::string local_head(int status, std::string_view content_type, std::optional<std::uint64_t> content_length,
                       bool keep_alive, const Id* trace_id, std::string_view extra_fields = {});

/// The trace id of a W3C `traceparent`, if it is valid.
std::optional<Id> trace_parent(std::string_view value);

std::string_view reason_phrase(int status);

}  // namespace lurus::gateway
