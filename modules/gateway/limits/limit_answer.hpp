#pragma once
// What a client is told of limits: the refusal in its dialect, and how its limits stand in the dialect's own fields.

#include <string>

#include "lurus/dialect.hpp"
#include "lurus/ids.hpp"
#include "modules/gateway/limits/limit_admission.hpp"

namespace lurus::gateway {

/// `over the limit of 100 requests a minute of key ci; it passes again in 12 s`
std::string refusal_message(const Refusal& refusal, UnixMicros now);
/// The body of a 429.
std::string refusal_body(Family family, const Refusal& refusal, std::string_view message, const Id& trace_id);
/// `Retry-After` in whole seconds, and for a budget that no wait restores soon, a word to SDKs not to retry.
std::string refusal_fields(const Refusal& refusal);

/// Lines of the limits that apply, as the dialect's vendor writes them: `anthropic-ratelimit-*`, `x-ratelimit-*`, none.
std::string limit_fields(Family family, const Admission& admission, std::int64_t now_us, UnixMicros now);

}  // namespace lurus::gateway
