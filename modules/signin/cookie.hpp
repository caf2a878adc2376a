#pragma once
// The browser's cookies: its session, and the sign-in at a provider that it is in the middle of.

#include <string>
#include <string_view>

#include "lurus/api.hpp"

namespace lurus::signin {

enum class Cookie : std::uint8_t { session, oidc };

/// Over TLS: `__Host-lurus_session`, which browsers take over TLS only, and from this very host only: no other host of
/// the domain can set one. That name is for the path `/`, so the relay takes it out of what it passes on. On a
/// machine's own loopback without TLS there is no such cookie, so that one is `lurus_session` without Secure, for the
/// paths of the management API alone; it never leaves the machine.
enum class CookieKind : std::uint8_t { secure, loopback };

/// Loopback only where the other side is this machine, it came without TLS, and nothing says that TLS ends before us.
CookieKind cookie_kind(const ApiRequest& request, std::string_view public_url);

/// The cookie's value, or empty. The secure one counts wherever it comes, since only a browser over TLS has it, also
/// under `__Secure-`, the name that it once had; the other one where `cookie_kind` says loopback.
std::string cookie_value(const ApiRequest& request, Cookie cookie, std::string_view public_url);

/// A `set-cookie` header's value. An empty value with 0 seconds removes it.
std::string set_cookie(Cookie cookie, CookieKind kind, std::string_view value, std::int64_t seconds);

}  // namespace lurus::signin
