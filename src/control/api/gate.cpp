#include "control/api/gate.hpp"

#include <openssl/crypto.h>

#include "core/crypto/sha256.hpp"
#include "core/http/problem.hpp"
#include "core/text/ascii.hpp"

namespace lurus::control {
namespace {

std::string_view bearer(std::string_view authorization) {
    constexpr std::string_view scheme = "bearer ";
    if (!iequals(authorization.substr(0, scheme.size()), scheme)) return {};
    authorization.remove_prefix(scheme.size());
    while (authorization.starts_with(' ')) authorization.remove_prefix(1);
    return authorization;
}

// Of hashes, so that neither content nor length shows in the time it takes.
bool same_secret(std::string_view a, std::string_view b) {
    const auto left = sha256(a), right = sha256(b);
    return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

bool is_change(const ApiRequest& request) {
    return request.method != "GET" && request.method != "HEAD";
}

}  // namespace

Principal admin_principal(std::string_view name) {
    Principal principal;
    principal.kind = Principal::Kind::admin_token;
    principal.role = Role::owner;
    principal.name = name;
    return principal;
}

bool is_cross_site(const ApiRequest& request) {
    if (!is_change(request)) return false;
    const std::string_view site = request.header("sec-fetch-site");
    std::string_view origin = request.header("origin");
    if (!site.empty() && site != "same-origin" && site != "none") return true;
    if (origin.empty()) return site.empty() && request.principal.by_cookie;
    const auto scheme = origin.find("://");
    return scheme == std::string_view::npos || origin.substr(scheme + 3) != request.header("host");
}

std::optional<ApiResponse> ApiGate::over_rate(const ApiRequest& request, const Principal& who) const {
    if (!rate || who.kind == Principal::Kind::admin_token || request.remote_address.empty()) return std::nullopt;
    const bool known = who.kind != Principal::Kind::anonymous;
    const auto wait = rate(known ? std::string(name_of(who.kind)) + '/' + who.user + '/' + who.member
                                 : "address/" + request.remote_address);
    if (!wait) return std::nullopt;
    ApiResponse refused = problem(429, std::string("too many requests to the management API ") +
                                           (known ? "of this account" : "from this address") + ": wait, then go on");
    refused.headers.emplace_back("retry-after", std::to_string((*wait + 999'999) / 1'000'000));
    return refused;
}

Result<Principal> ApiGate::principal_of(const ApiRequest& request, std::string_view authorization) const {
    const std::string_view token = bearer(authorization);
    const auto org = request.query.find("org");
    const std::string_view wanted = org == request.query.end() ? std::string_view() : std::string_view(org->second);
    Principal who;
    if (!token.empty() && !admin_token.empty() && same_secret(token, admin_token.reveal())) {
        who = admin_principal("admin token");
    } else if (source) {
        auto found = source(request, token);
        if (!found) return found;
        who = *std::move(found);
    } else if (!token.empty()) {
        return fail(ErrorCode::unauthenticated,
                    "this is not the admin token; it is in the file admin.token in the data folder");
    }
    if (who.kind == Principal::Kind::anonymous || !in_organisation) return who;
    return in_organisation(std::move(who), wanted);
}

}  // namespace lurus::control
