#pragma once
// What browsers make of a gateway: pages of other sites send it requests that nobody on the machine asked for, and
// pages that may use it want to be told so (CORS; Fetch, fetch.spec.whatwg.org).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/http1.hpp"
#include "lurus/gateway.hpp"

namespace lurus::gateway {

/// A page of this origin may use the gateway.
bool is_listed_origin(const std::vector<std::string>& patterns, std::string_view origin);
/// `Host` names this machine: localhost and what is below it, a loopback address, or one of `allowed`. A browser whose
/// page got the machine's address by a name of its own (DNS rebinding) sends that name.
bool is_own_host(std::string_view host, const std::vector<std::string>& allowed);

/// A page's question of whether it may send a request (`OPTIONS`).
bool is_preflight(const http1::RequestHead& head);
/// The answer to a page that may.
std::string preflight_fields(const http1::RequestHead& head, std::string_view origin);
/// What every answer to such a page says.
std::string cors_fields(std::string_view origin);
/// A head with these fields, in the place of the vendor's own of that kind. Without any it is left as it is.
std::string with_cors(std::string head, std::string_view cors);

/// Why a listener that asks for no key does not serve this request.
struct ForeignPage {
    std::string_view reason;  // for the metrics
    std::string message;
};
std::optional<ForeignPage> foreign_host(const http1::RequestHead& head, const GatewaySettings& settings);
std::optional<ForeignPage> foreign_page(const http1::RequestHead& head, const GatewaySettings& settings);

}  // namespace lurus::gateway
