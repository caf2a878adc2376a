#pragma once
// The part of a stored provider that is kept encrypted: its credential, and its headers, which may hold one too.

#include <string>

#include "core/crypto/secret_box.hpp"
#include "lurus/provider.hpp"

namespace lurus::provider {

/// Takes api_key and headers out of `spec`; empty when there are none. `box` may be an error, which is told then.
Result<std::string> seal_secrets(const Result<SecretBox>& box, ProviderSpec& spec);

/// Puts them back.
Result<void> open_secrets(const Result<SecretBox>& box, std::string_view sealed, ProviderSpec& spec);

}  // namespace lurus::provider
