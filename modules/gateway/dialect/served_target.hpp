#pragma once
// From the target that a client wrote to the one that the dialects know: the prefixes and doubled versions that base
// URLs leave in it are taken off, and what no vendor may get is found. Pure functions.

#include <optional>
#include <string>
#include <string_view>

#include "lurus/dialect.hpp"

namespace lurus::gateway {

struct ServedTarget {
    std::string_view target;         // the given bytes where nothing had to change, else in `storage`
    std::optional<Dialect> dialect;  // whose the path says that it is (`/anthropic/v1/models`)
    std::string_view deployment;     // Azure's, which is the model; still percent-encoded, in `storage`
    const char* refused = nullptr;   // why no vendor gets it: a constant text; no target then
};

/// `/openai/deployments/M/chat/completions?api-version=V`, `/openai/v1/...`, `/v1/v1/...`, `//v1/...`,
/// `/anthropic/v1/...`,
/// `/v1beta/openai/...`, `/gemini/v1beta/...`, and without a version `/chat/completions`, `/messages`, `/files` ...:
/// each becomes `/v1/...` or `/v1beta/...`. Of a target that needs no change nothing is copied.
ServedTarget served_target(std::string_view target, std::string& storage);

/// Why a path must not reach a vendor with a credential, as a constant text, or null: a dot segment in any spelling
/// (encoded once or more often, with a backslash, with parameters), a backslash, a control character, a fragment, an
/// escape that is broken, bytes that are no UTF-8.
const char* unsafe_path(std::string_view path);

}  // namespace lurus::gateway
