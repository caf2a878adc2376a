#pragma once
// Encryption under a pass phrase: Argon2id makes the key of it, AES-256-GCM seals.

#include <string>
#include <string_view>

#include "core/crypto/secret_box.hpp"

namespace lurus {

inline constexpr std::size_t least_passphrase = 12;  // characters

/// The same salt gives the same box again. Takes 64 MiB and some tenths of a second. `invalid_argument` when the pass
/// phrase is short.
Result<SecretBox> passphrase_box(const Secret& passphrase, std::string_view salt);

/// 8 hex digits that tell one box's key from another's, and nothing of it.
Result<std::string> key_id_of(const SecretBox& box);

}  // namespace lurus
