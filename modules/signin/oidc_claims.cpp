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

/// The claim of that very name, else what a path of names leads to. A name on the way may hold dots itself, as a
/// client's does in `resource_access.my.client.roles`.
const json* claim_at(const json& object, std::string_view path) {
    if (!object.is_object()) return nullptr;
    if (const auto at = object.find(path); at != object.end()) return &*at;
    for (auto dot = path.rfind('.'); dot != std::string_view::npos && dot > 0; dot = path.rfind('.', dot - 1)) {
        const auto at = object.find(path.substr(0, dot));
        if (at == object.end()) continue;
        if (const json* found = claim_at(*at, path.substr(dot + 1))) return found;
    }
    return nullptr;
}

std::string text_at(const json& object, std::string_view path) {
    const json* claim = claim_at(object, path);
    return claim != nullptr && claim->is_string() ? claim->get<std::string>() : std::string();
}

void read_groups(const json& claims, const std::string& path, OidcPerson& person) {
    const json* groups = claim_at(claims, path);
    if (groups != nullptr && groups->is_string()) person.groups.push_back(groups->get<std::string>());
    if (groups != nullptr && groups->is_array()) {
        for (const auto& group : *groups) {
            if (group.is_string()) person.groups.push_back(group.get<std::string>());
        }
    }
    if (!person.groups.empty()) {
        person.groups_said = shown_names(person.groups);
    } else if (groups != nullptr) {
        person.groups_said = "none in the claim " + shown_names({path});
    } else {
        std::vector<std::string> names;
        for (const auto& [name, value] : claims.items()) names.push_back(name);
        person.groups_said = "none: there is no claim " + shown_names({path}) + " among " + shown_names(names);
    }
}

// Of an address that is read from another claim `email_verified` says nothing good.
void read_email(const json& claims, const OidcSettings& settings, OidcPerson& person) {
    person.email = text_at(claims, settings.email_claim);
    const auto said = claims.find("email_verified");
    if (said == claims.end() || said->is_null()) {
        person.email_verified = person.email_judged = settings.trust_email;
        return;
    }
    person.email_judged = true;
    // Some write the flag as a text.
    const bool verified = *said == json(true) || *said == json("true");
    person.email_verified = verified && (settings.email_claim == "email" || settings.trust_email);
}

void add_missing(json& into, const json& from) {
    for (const auto& [name, value] : from.items()) {
        const auto at = into.find(name);
        if (at == into.end())
            into[name] = value;
        else if (at->is_object() && value.is_object())
            add_missing(*at, value);
    }
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
    if (text_claim(claims, "iss") != settings.issuer)
        return claims_refused("is of another issuer: " + shown_names({text_claim(claims, "iss")}));
    if (!is_for(claims, settings.client_id)) return claims_refused("is for another client");
    const std::int64_t seconds = now / 1'000'000;
    const auto expires = time_of(claims, "exp"), issued = time_of(claims, "iat");
    if (!expires || *expires + leeway <= seconds) return claims_refused("has expired");
    if (!issued || *issued > seconds + leeway) return claims_refused("is from the future");
    if (nonce.empty() || text_claim(claims, "nonce") != nonce) return claims_refused("answers another request");
    OidcPerson person;
    person.subject = text_claim(claims, "sub");
    if (person.subject.empty() || person.subject.size() > 255) return claims_refused("names nobody");
    read_email(claims, settings, person);
    person.name = text_at(claims, settings.name_claim);
    read_groups(claims, settings.groups_claim, person);
    return person;
}

std::string merged_claims(std::string_view id_token, std::string_view user_information) {
    auto merged = json::parse(id_token, nullptr, false), more = json::parse(user_information, nullptr, false);
    if (!merged.is_object() || !more.is_object()) return std::string(id_token);
    const std::string address = text_claim(merged, "email");
    if (!address.empty() && text_claim(more, "email") != address) more.erase("email_verified");
    add_missing(merged, more);
    return merged.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string shown_names(const std::vector<std::string>& names) {
    constexpr std::size_t most_names = 10, most_bytes = 64;
    std::string out;
    for (std::size_t i = 0; i < std::min(names.size(), most_names); ++i) {
        std::string name = names[i].substr(0, most_bytes);
        std::ranges::replace_if(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
        out += (i == 0 ? "`" : ", `") + name + (names[i].size() > most_bytes ? "..." : "") + "`";
    }
    if (names.size() > most_names) out += " and " + std::to_string(names.size() - most_names) + " more";
    return out;
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
