#pragma once
// The browser's session cookie.

#include <string>
#include <string_view>

#include "lurus/api.hpp"

namespace lurus::signin {

/// Over TLS: `__Host-lurus_session`, which browsers take from this very host over TLS only. On a machine's own loopback
/// without TLS there is no such cookie, so that one is `lurus_session` without Secure; it never leaves the machine.
enum class CookieKind : std::uint8_t { secure, loopback };

/// Loopback only where the other side is this machine and nothing says that TLS ends before us.
CookieKind cookie_kind(const ApiRequest& request, std::string_view public_url);

/// The cookie's value, or empty.
std::string cookie_value(const ApiRequest& request, CookieKind kind);

/// A `set-cookie` header's value. An empty value with 0 seconds removes it.
std::string set_cookie(CookieKind kind, std::string_view value, std::int64_t seconds);

}  // namespace lurus::signin
