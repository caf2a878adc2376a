#pragma once
// Times and header lines, as answers of limits write them.

#include <cstdint>
#include <string>
#include <string_view>

#include "lurus/clock.hpp"

namespace lurus::gateway {

/// Rounded up, one at least.
std::int64_t whole_seconds(std::int64_t us);
/// Rounded up: at that time it is so.
std::string rfc3339_seconds(UnixMicros time);
/// A time as OpenAI writes one: `12ms`, `1.5s`, `6m0s`, `1h0m0s`.
std::string short_duration(std::int64_t us);
/// `prefix` and `name` together are the field's name.
void add_line(std::string& out, std::string_view prefix, std::string_view name, std::string_view value);

}  // namespace lurus::gateway
