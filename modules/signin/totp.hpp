#pragma once
// The second factor: TOTP (RFC 6238) as authenticator apps do it (SHA-1, six digits, thirty seconds), and recovery
// codes.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus::signin {

inline constexpr int totp_step_seconds = 30;
inline constexpr int recovery_code_count = 10;

/// 20 random bytes (RFC 4226 §4: the length of the hash).
Result<Secret> make_totp_secret();

/// Base32 without padding, as people type it.
Result<Secret> totp_secret_text(const Secret& secret);

/// `otpauth://totp/Lurus:alice%40example.com?secret=...&issuer=Lurus`, what the QR code holds.
Result<Secret> totp_uri(const Secret& secret, std::string_view account);

/// The step that `code` belongs to, one step early or late allowed. Empty when it is wrong. A step must not be taken
/// twice: that is the caller's to keep.
std::optional<std::int64_t> totp_step(const Secret& secret, std::string_view code, UnixMicros now);

/// The code of a moment; for tests and for scripts that sign in.
Result<std::string> totp_code(const Secret& secret, UnixMicros now);

/// `xxxxx-xxxxx`, 50 bits each.
Result<std::vector<Secret>> make_recovery_codes();
/// What is kept of a recovery code; case, spaces and dashes do not count.
std::array<std::uint8_t, 32> recovery_hash(std::string_view user, std::string_view code);

}  // namespace lurus::signin
