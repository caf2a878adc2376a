#pragma once
// The credentials that a request presents. A client may present several: one of ours, and what it had before.

#include <cstddef>
#include <string>
#include <string_view>

#include "core/http/http1.hpp"

namespace lurus::gateway {

/// One after the other: x-api-key, Authorization: Bearer, x-goog-api-key, api-key,
/// ?key= and ?api-key=, and OpenAI's WebSocket subprotocol. Views into the head, or into this.
class PresentedKeys {
public:
    explicit PresentedKeys(const http1::RequestHead& head);
    PresentedKeys(const PresentedKeys&) = delete;
    PresentedKeys& operator=(const PresentedKeys&) = delete;

    /// The next that is not empty; empty = there is none, or there were very many.
    std::string_view next();

private:
    std::string_view look();
    std::string_view of_query();
    std::string_view of_protocols();

    const http1::RequestHead& head_;
    std::size_t place_ = 0;
    std::size_t field_ = 0;
    std::size_t given_ = 0;
    std::string_view query_;
    std::string_view protocols_;
    std::string decoded_;
    bool over_ = false;
};

/// As OpenAI's clients in browsers present a key where they cannot set a header.
inline constexpr std::string_view key_protocol = "openai-insecure-api-key.";

/// A `Sec-WebSocket-Protocol` without keys; empty = nothing is left.
std::string without_keys(std::string_view protocols);
/// What a client is told that offered these subprotocols, of which the vendor took none: the first that is no key, or
/// the one that is. Empty = it offered none.
std::string_view protocol_for_client(std::string_view offered);

}  // namespace lurus::gateway
