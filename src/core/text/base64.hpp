#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lurus {

/// RFC 4648, section 4: padded, on one line.
std::string base64(std::string_view bytes);
/// What that encodes; padding may be left out. Empty when it is none.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace lurus
