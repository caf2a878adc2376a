#pragma once
// One request of the control plane's own to a provider. Blocking.

#include <string>
#include <string_view>

#include "core/http/http_client.hpp"
#include "lurus/outside.hpp"
#include "lurus/provider.hpp"

namespace lurus::provider {

struct Ask {
    Family family = Family::openai;
    std::string method = "GET";
    std::string target;  // as a client of the relay would write it
    std::string model;
    std::string body;
};

/// Errors do not show the credential.
Result<HttpAnswer> exchange(const Provider& provider, const Ask& ask, const OutsideLimit& limit);

/// At most 300 characters without control characters.
std::string short_text(std::string_view text);
std::string without_secret(std::string text, const Secret& secret);
/// The status and the vendor's own words from an error body.
std::string words_of(const Provider& provider, const HttpAnswer& answer);

}  // namespace lurus::provider
