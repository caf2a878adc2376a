#pragma once
// The text of a key: made, checked, hinted, hashed.

#include <string>
#include <string_view>

#include "core/crypto/random_text.hpp"
#include "lurus/identity.hpp"
#include "lurus/result.hpp"

namespace lurus::identity {

constexpr std::size_t min_configured_length = 8;

/// `cr_…WXYZ`: the prefix where the key has it, and its last four characters.
std::string hint_of(std::string_view key, std::string_view prefix);

Sha256 hash_of(std::string_view key);

/// 1 to 64 bytes of UTF-8 without control characters, no space at either end, and unlike an id.
Result<void> check_name(std::string_view name);
Result<void> check_note(std::string_view note);
/// At most 32, each like a name, none twice.
Result<void> check_tags(const std::vector<std::string>& tags);
Result<void> check_models(const std::vector<std::string>& models);
/// A value fixed in the configuration: visible ASCII, so that it fits in a header.
Result<void> check_configured_value(std::string_view name, const Secret& value);
/// `prefix` of new keys: up to 16 letters, digits, `_` and `-`.
Result<void> check_prefix(std::string_view prefix);

}  // namespace lurus::identity
