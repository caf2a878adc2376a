#pragma once
// Who is at the door of the management API.

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "lurus/api.hpp"
#include "lurus/principal.hpp"
#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus::control {

/// Any thread. Immutable once the server listens.
struct ApiGate {
    Secret admin_token;      // empty = it opens nothing
    PrincipalSource source;  // null = there is only the admin token
    /// `Users::in_organisation`.
    std::function<Result<Principal>(Principal who, std::string_view org)> in_organisation;

    /// Counts a request of `caller`; when it is one too many, in how many microseconds there is room. Null = no limit.
    std::function<std::optional<std::int64_t>(std::string_view caller)> rate;

    /// The refusal (429) of a request that is one too many of this principal, or of who sits at its address. The admin
    /// token and this process itself are not counted.
    [[nodiscard]] std::optional<ApiResponse> over_rate(const ApiRequest& request, const Principal& who) const;

    /// `authorization` is the header's value. Anonymous when nothing was presented.
    [[nodiscard]] Result<Principal> principal_of(const ApiRequest& request, std::string_view authorization) const;
};

/// The admin token's principal; `name` is for people.
Principal admin_principal(std::string_view name);

/// True for a change that another site's page may have made a browser send.
bool is_cross_site(const ApiRequest& request);

}  // namespace lurus::control
