#include "modules/provider/vendors/check_address.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "core/http/url.hpp"
#include "core/text/ascii.hpp"
#include "modules/provider/vendors/exchange.hpp"

namespace lurus::provider {
namespace {

using nlohmann::json;

std::string_view list_target(Family family) {
    return family == Family::gemini ? "/v1beta/models?pageSize=1" : "/v1/models";
}

std::string_view generation_target(Family family) {
    switch (family) {
        case Family::anthropic: return "/v1/messages";
        case Family::gemini: return "/v1beta/models/none:generateContent";
        case Family::openai: break;
    }
    return "/v1/chat/completions";
}

struct Try {
    Found found = Found::unclear;
    std::string detail;
};

bool is_missing(int status) {
    return status == 404 || status == 405 || status == 410 || (status >= 300 && status < 400);
}

// Only a 404 of the path says nothing of models.
bool is_about_model(const json& body) {
    return body.is_object() && lower_case(body.dump(-1, ' ', false, json::error_handler_t::replace)).contains("model");
}

Try judge(const Provider& provider, const HttpAnswer& answer, bool generation) {
    const json body = json::parse(answer.body, nullptr, false);
    const bool is_json = !body.is_discarded() && (body.is_object() || body.is_array());
    const int status = answer.status;
    if (status == 401 || status == 403) {
        const bool without = provider.credential.empty();
        return {Found::key_refused,
                (without ? "it wants a key: " : "the key is refused: ") + words_of(provider, answer)};
    }
    if (status >= 200 && status < 300) {
        if (is_json) return {Found::works, generation ? "it answers" : "it lists its models"};
        return {Found::no_path, "what answers there is no API (HTTP " + std::to_string(status) + ", not JSON)"};
    }
    if (is_missing(status) && !(generation && status == 404 && is_about_model(body)))
        return {Found::no_path, "there is no such path: " + words_of(provider, answer)};
    // A request without a model is told so by what would take one with a model.
    if (generation && status < 500) return {Found::works, "it answers, and lists no models"};
    return {Found::unclear, words_of(provider, answer)};
}

Try try_place(const Provider& provider, Family family, const OutsideLimit& limit) {
    Ask ask;
    ask.family = family;
    ask.target = list_target(family);
    auto answer = exchange(provider, ask, limit);
    if (!answer) return {Found::unreachable, answer.error().message};
    Try listed = judge(provider, *answer, false);
    if (listed.found == Found::works || listed.found == Found::key_refused || provider.kind == "azure-openai")
        return listed;
    ask.method = "POST";
    ask.target = generation_target(family);
    ask.body = "{}";
    answer = exchange(provider, ask, limit);
    if (!answer) return {Found::unreachable, answer.error().message};
    return judge(provider, *answer, true);
}

// Bases beside the given one at which the same API may be, each leading elsewhere than it and the others.
std::vector<Url> beside(const Url& base, Family family) {
    std::vector<Url> found;
    std::vector<std::string> targets{upstream_target(base, family, generation_target(family))};
    const auto offer = [&](std::string path, bool exact) {
        Url other = base;
        other.path = std::move(path);
        other.exact = exact;
        std::string target = upstream_target(other, family, generation_target(family));
        if (std::ranges::find(targets, target) != targets.end()) return;
        targets.push_back(std::move(target));
        found.push_back(std::move(other));
    };
    const std::size_t slash = base.path.rfind('/');
    const bool versioned =
        slash != std::string::npos && is_version_segment(std::string_view(base.path).substr(slash + 1));
    const std::string root = versioned ? base.path.substr(0, slash) : base.path;
    if (family == Family::anthropic) {
        offer(root, false);
        if (!root.ends_with("/anthropic")) offer(root + "/anthropic", false);
    } else if (family == Family::openai) {
        if (!versioned) offer(root + "/v1", false);
        offer(root, true);
        if (versioned) offer(root + "/openai/v1", false);
    } else {
        offer(root, false);
    }
    return found;
}

}  // namespace

std::string_view name_of(Found found) {
    switch (found) {
        case Found::works: return "works";
        case Found::key_refused: return "key_refused";
        case Found::no_path: return "no_path";
        case Found::unreachable: return "unreachable";
        case Found::unclear: break;
    }
    return "unclear";
}

AddressCheck check_address(const Provider& provider, Family family, const OutsideLimit& limit) {
    AddressCheck check;
    check.family = family;
    const Url& base = provider.endpoints.at(family).base;
    const auto url_at = [&](const Url& place) {
        Url origin = place;
        origin.path.clear();
        origin.exact = false;
        return to_string(origin) +
               (provider.kind == "azure-openai"
                    ? azure_target(place, provider.azure_api_version, "DEPLOYMENT", generation_target(family))
                    : upstream_target(place, family, generation_target(family)));
    };
    if (provider.local == nullptr) check.url = url_at(base);
    if (!provider.problem.empty()) {
        check.detail = "not tried: " + provider.problem;
        return check;
    }
    Try given = try_place(provider, family, limit);
    check.found = given.found;
    check.detail = std::move(given.detail);
    if (given.found != Found::no_path || provider.kind == "azure-openai") return check;
    for (const Url& place : beside(base, family)) {
        if (limit.over()) break;
        Provider other = provider;
        other.endpoints.at(family).base = place;
        const Try found = try_place(other, family, limit);
        if (found.found != Found::works && found.found != Found::key_refused) continue;
        check.detail += "; found at " + url_at(place) + " instead: " + found.detail;
        check.found = found.found;
        check.instead = to_string(place);
        break;
    }
    return check;
}

}  // namespace lurus::provider
