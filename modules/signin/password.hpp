#pragma once
// Passwords: hashed with Argon2id (RFC 9106), bcrypt hashes of other systems verified, strength judged.

#include <cstdint>
#include <string>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus::signin {

inline constexpr std::size_t max_password_bytes = 1024;
inline constexpr int default_min_password_length = 12;

/// OWASP Password Storage Cheat Sheet: 19 MiB, two passes, one lane.
struct Argon2Cost {
    std::uint32_t memory_kib = 19'456;
    std::uint32_t passes = 2;
    std::uint32_t lanes = 1;
};

enum class PasswordCheck : std::uint8_t {
    wrong,
    right,
    outdated,  // right, and the hash is bcrypt or of another cost: hash again
};

/// Immutable, any thread. Each call takes `memory_kib` and some tens of milliseconds.
class PasswordHasher {
public:
    explicit PasswordHasher(Argon2Cost cost = {}) : cost_(cost) {}

    /// A PHC string with its own random salt.
    [[nodiscard]] Result<std::string> hash(std::string_view password) const;
    [[nodiscard]] PasswordCheck verify(std::string_view password, std::string_view stored) const;
    /// The work of one verification, for accounts that do not exist: time must not tell who does.
    void pretend(std::string_view password) const;

private:
    Argon2Cost cost_;
};

/// A bcrypt hash (`$2a$`, `$2b$`, `$2y$`, cost 4 to 14) or an Argon2id PHC string that verify() can read.
Result<void> check_imported_hash(std::string_view hash);

/// `min_length` counts characters. Refused as well: the best-known passwords, one character repeated, runs such as
/// `abcdefghijkl`, and what is mostly the account's own address. Never names the password.
Result<void> check_strength(std::string_view password, std::string_view email, int min_length);

}  // namespace lurus::signin
