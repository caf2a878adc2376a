#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lurus {

/// RFC 4648, section 4: padded, on one line.
std::string base64(std::string_view bytes);

/// RFC 4648, section 5, without padding.
std::string base64url(std::string_view bytes);
/// Of base64url() only: padding, other characters and bits that are left over are refused, so bytes have one text.
std::optional<std::string> from_base64url(std::string_view text);

}  // namespace lurus
