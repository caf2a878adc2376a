// What an id_token must say.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "modules/signin/oidc.hpp"

namespace lurus::signin {
namespace {

using nlohmann::json;

constexpr std::int64_t leeway = 60;  // seconds that clocks may differ

std::unexpected<Error> claims_refused(std::string_view why) {
    return fail(ErrorCode::unauthenticated, "the provider's id_token " + std::string(why));
}

std::string text_claim(const json& object, std::string_view name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::optional<std::int64_t> time_of(const json& object, std::string_view name) {
    const auto at = object.find(name);
    if (at == object.end() || !at->is_number()) return std::nullopt;
    const auto value = at->get<double>();
    if (value < 0 || value > 1e12) return std::nullopt;
    return static_cast<std::int64_t>(value);
}

bool is_for(const json& claims, const std::string& client) {
    const auto at = claims.find("aud");
    if (at == claims.end()) return false;
    if (at->is_string()) return at->get_ref<const std::string&>() == client;
    if (!at->is_array() || std::ranges::find(*at, json(client)) == at->end()) return false;
    return at->size() == 1 || text_claim(claims, "azp") == client;
}

}  // namespace

Result<OidcPerson> person_from_claims(std::string_view payload, const OidcSettings& settings, std::string_view nonce,
                                      UnixMicros now) {
    const auto claims = json::parse(payload, nullptr, false);
    if (!claims.is_object()) return claims_refused("is not an object");
    if (text_claim(claims, "iss") != settings.issuer) return claims_refused("is of another issuer");
    if (!is_for(claims, settings.client_id)) return claims_refused("is for another client");
    const std::int64_t seconds = now / 1'000'000;
    const auto expires = time_of(claims, "exp"), issued = time_of(claims, "iat");
    if (!expires || *expires + leeway <= seconds) return claims_refused("has expired");
    if (!issued || *issued > seconds + leeway) return claims_refused("is from the future");
    if (nonce.empty() || text_claim(claims, "nonce") != nonce) return claims_refused("answers another request");
    OidcPerson person;
    person.subject = text_claim(claims, "sub");
    if (person.subject.empty() || person.subject.size() > 255) return claims_refused("names nobody");
    person.email = text_claim(claims, "email");
    person.name = text_claim(claims, "name");
    // Some write the flag as a text.
    const auto verified = claims.find("email_verified");
    person.email_verified = verified != claims.end() && (*verified == json(true) || *verified == json("true"));
    const auto groups = claims.find(settings.groups_claim);
    if (groups != claims.end() && groups->is_string()) person.groups.push_back(groups->get<std::string>());
    if (groups != claims.end() && groups->is_array()) {
        for (const auto& group : *groups) {
            if (group.is_string()) person.groups.push_back(group.get<std::string>());
        }
    }
    return person;
}

std::optional<Role> role_of_groups(const std::map<std::string, Role>& roles, const std::vector<std::string>& groups) {
    std::optional<Role> best;
    for (const auto& group : groups) {
        const auto found = roles.find(group);
        if (found != roles.end() && (!best || found->second > *best)) best = found->second;
    }
    return best;
}

}  // namespace lurus::signin
