#pragma once
// Secrets that are made here: keys, session tokens, one-time codes in links.

#include <cstddef>
#include <string_view>

#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus {

constexpr std::size_t random_characters = 43;  // 43 × log2(62) = 256 bits
constexpr std::string_view base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The prefix and `random_characters` of base62. `unavailable` when the system has no entropy. Any thread.
Result<Secret> make_key(std::string_view prefix);

}  // namespace lurus
