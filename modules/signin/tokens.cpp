// Access tokens of people and of services, and the keys that others check them with.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/http/problem.hpp"
#include "modules/signin/service.hpp"

namespace lurus::signin {
namespace {

constexpr std::int64_t longest_service_token = 3600;  // seconds

}  // namespace

Result<std::string> SignInService::access_token(const SignInSession& session, UnixMicros now) {
    std::string id;
    {
        const std::scoped_lock lock(mutex_);
        id = ids_.next(now).hex();
    }
    const AuthSettings set = settings();
    const nlohmann::ordered_json claims = {{"iss", set.public_url.empty() ? "lurus" : set.public_url},
                                           {"aud", "lurus"},
                                           {"sub", session.user},
                                           {"sid", session.id},
                                           {"iat", now / 1'000'000},
                                           {"exp", now / 1'000'000 + set.access_token_ms / 1000},
                                           {"jti", id}};
    return keys_.sign("at+jwt", claims.dump());
}

Result<nlohmann::ordered_json> SignInService::token_body(const SignInSession& session, const User& user,
                                                         const Secret& refresh) {
    const UnixMicros now = clock_.now();
    const auto access = access_token(session, now);
    if (!access) return std::unexpected(access.error());
    return nlohmann::ordered_json{{"access_token", *access},
                                  {"token_type", "Bearer"},
                                  {"expires_in", settings().access_token_ms / 1000},
                                  {"refresh_token", std::string(refresh.reveal())},
                                  {"refresh_expires_in", (session.expires - now) / 1'000'000},
                                  {"method", session.method},
                                  {"user", {{"id", user.id}, {"email", user.email}, {"name", user.name}}}};
}

ApiResponse SignInService::jwks(const ApiRequest&) {
    auto keys = keys_.jwks();
    if (!keys) return problem(keys.error());
    ApiResponse response;
    response.body = *std::move(keys);
    response.content_type = "application/jwk-set+json";
    return response;
}

ApiResponse SignInService::rotate_keys(const ApiRequest& request) {
    if (auto done = keys_.rotate(); !done) return problem(done.error());
    tell("signing key rotated", request, User());
    return no_content();
}

ApiResponse SignInService::service_token(const ApiRequest& request) {
    const auto body = body_of(request, {"!service_account", "!scope[]", "expires_in#"});
    if (!body) return problem(body.error());
    const auto account = users_.member(text_in(*body, "service_account"));
    if (!account && account.error().code != ErrorCode::not_found) return problem(account.error());
    const bool whole = request.principal.kind == Principal::Kind::admin_token && request.principal.org.empty();
    if (!account || !account->user.empty() || (!whole && account->org != request.principal.org))
        return problem(404, "there is no such service account here");
    if (account->disabled) return problem(409, "the service account is disabled");
    if (account->role > request.principal.role)
        return problem(403, "the service account may do more than you; ask somebody with its role");
    std::uint32_t bits = 0;
    for (const auto& name : body->at("scope")) {
        const auto permission = permission_from(name.get<std::string>());
        if (!permission)
            return problem(400, "`scope` names a permission that does not exist; a route's 403 names them");
        if (!request.principal.may(*permission))
            return problem(403, "nobody gives a token more than they may do themselves, and you may not `" +
                                    std::string(name_of(*permission)) + "`");
        bits |= bit_of(*permission);
    }
    if (bits == 0) return problem(400, "`scope` names no permission");
    std::int64_t seconds = body->value("expires_in", std::int64_t{900});
    if (seconds < 1 || seconds > longest_service_token)
        return problem(400, "`expires_in` must be 1 to " + std::to_string(longest_service_token) + " seconds");
    const UnixMicros now = clock_.now();
    // It ends no later than what it was made with.
    const std::int64_t begun = now / 1'000'000;
    if (request.principal.until) seconds = std::min(seconds, *request.principal.until / 1'000'000 - begun);
    if (seconds < 1) return problem(401, "the token that this is asked with is over");
    std::string id;
    {
        const std::scoped_lock lock(mutex_);
        id = ids_.next(now).hex();
    }
    const AuthSettings set = settings();
    std::string scope;
    for (const auto& name : body->at("scope")) scope += (scope.empty() ? "" : " ") + name.get<std::string>();
    const nlohmann::ordered_json claims = {{"iss", set.public_url.empty() ? "lurus" : set.public_url},
                                           {"aud", "lurus"},
                                           {"kind", "service"},
                                           {"sub", account->id},
                                           {"org", account->org},
                                           {"scope", scope},
                                           {"scope_bits", bits},
                                           {"iat", begun},
                                           {"exp", begun + seconds},
                                           {"jti", id}};
    const auto token = keys_.sign("at+jwt", claims.dump());
    if (!token) return problem(token.error());
    User named;
    named.email = account->name;
    tell("service token made", request, named, scope);
    return json_answer(200,
                       {{"access_token", *token}, {"token_type", "Bearer"}, {"expires_in", seconds}, {"scope", scope}});
}

}  // namespace lurus::signin
