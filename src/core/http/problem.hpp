#pragma once
// How the management API says no: RFC 9457, `application/problem+json`.

#include <optional>
#include <string_view>

#include "lurus/api.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// The HTTP status that belongs to an expected failure.
int http_status(ErrorCode code);

/// `status` is 4xx or 5xx; `detail` names what was wrong, where, and what to do; `subject`
/// is the thing that was wrong. Bytes that are not UTF-8 are replaced.
ApiResponse problem(int status, std::string_view detail, const std::optional<ErrorSubject>& subject = std::nullopt);
ApiResponse problem(const Error& error);

}  // namespace lurus
