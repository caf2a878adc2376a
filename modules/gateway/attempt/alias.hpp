#pragma once

#include <string_view>

namespace lurus::gateway {

/// `/api/v1/messages` and what counts its tokens are also where QuotaLane has them: the target without `/api`. Any
/// other target is returned as it is.
constexpr std::string_view without_alias(std::string_view target) {
    constexpr std::string_view prefix = "/api";
    const std::string_view path = target.substr(0, target.find('?'));
    if (path != "/api/v1/messages" && path != "/api/v1/messages/count_tokens") return target;
    return target.substr(prefix.size());
}

}  // namespace lurus::gateway
