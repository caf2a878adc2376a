#include "modules/gateway/attempt/candidates.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace lurus::gateway {
namespace {

const AccountGroups& groups_of(const Request& request) {
    static const AccountGroups all;
    return request.key != nullptr ? request.key->rules.groups : all;
}

// `provider/model`
bool is_address(std::string_view name, std::string_view provider, std::string_view upstream) {
    return name.size() == provider.size() + 1 + upstream.size() && name.starts_with(provider) &&
           name[provider.size()] == '/' && name.ends_with(upstream);
}

// What the key's rules say of a model holds for it under every name, so what an attempt would send counts as well as
// what the client said; a name that is listed leads wherever it does.
void keep_allowed(const KeyInfo& key, const std::string& model, Result<Resolution>& found) {
    const bool listed = key.lists_model(model);
    if (found) {
        std::erase_if(found->candidates, [&](const Candidate& candidate) {
            const std::string& provider = candidate.provider->name;
            const std::string& upstream = candidate.upstream_model.empty() ? model : candidate.upstream_model;
            const auto denies = [&](const auto& glob) { return covers_candidate(glob, provider, upstream); };
            if (key.any_denied(denies)) return true;
            return !listed && !(is_address(model, provider, upstream) && key.lists_model(model, upstream));
        });
        if (!found->candidates.empty()) return;
    } else if (listed) {
        return;
    }
    found = fail(ErrorCode::permission_denied, "this key may not use the model " + model.substr(0, 512));
}

// Nobody else has what the request is about. What its body only refers to may also be left to the vendor to miss.
void keep_to_pinned(const Request& request, Result<Resolution>& found) {
    const KeptThing& thing = *request.pinned;
    std::vector<Candidate>& all = found->candidates;
    const auto has_it = [&](const Candidate& c) { return c.provider->name == thing.provider; };
    if (std::ranges::any_of(all, has_it)) {
        std::erase_if(all, std::not_fn(has_it));
        for (Candidate& candidate : all) candidate.because = "has " + thing.id.substr(thing.id.find(':') + 1);
    } else if (!request.endpoint.resource.empty()) {
        found = fail(ErrorCode::unavailable,
                     "the provider '" + thing.provider + "', which has this, cannot be used now or not by this key");
    }
}

}  // namespace

bool covers_candidate(std::string_view pattern, const std::string& provider, const std::string& upstream_model) {
    return covers_model(pattern, upstream_model) ||
           (pattern.contains('/') && covers_model(pattern, provider + "/" + upstream_model));
}

const Result<Resolution>& candidates_of(Request& request) {
    const std::string& model = request.facts.model;
    if (request.resolution) return *request.resolution;
    const Catalog& catalog = *request.snapshot->catalog;
    const AccountGroups& groups = groups_of(request);
    request.resolution =
        model.empty() ? catalog.any(request.family, groups) : catalog.resolve(request.family, model, groups);
    if (request.key != nullptr && request.key->has_model_rules() && !model.empty())
        keep_allowed(*request.key, model, *request.resolution);
    if (request.pinned && *request.resolution) keep_to_pinned(request, *request.resolution);
    return *request.resolution;
}

std::vector<Candidate> take_candidates(Request& request) {
    Resolution& found = **request.resolution;
    request.record.route = std::move(found.route);
    std::vector<Candidate> candidates = std::move(found.candidates);
    request.resolution.reset();
    return candidates;
}

int status_of(const Error& no_candidates) {
    switch (no_candidates.code) {
        case ErrorCode::not_found: return 404;
        case ErrorCode::permission_denied: return 403;
        default: return 503;
    }
}

std::vector<ModelEntry> models_for(const Request& request, const Catalog& catalog) {
    std::vector<ModelEntry> models = catalog.models(request.family, groups_of(request));
    if (request.key == nullptr || !request.key->has_model_rules()) return models;
    const AccountGroups& groups = groups_of(request);
    std::erase_if(models, [&](const ModelEntry& entry) {
        if (!request.key->allows_model(entry.id)) return true;
        if (!request.key->any_denied([](const auto&) { return true; })) return false;
        auto found = catalog.resolve(request.family, entry.id, groups);
        keep_allowed(*request.key, entry.id, found);
        return !found && found.error().code == ErrorCode::permission_denied;
    });
    return models;
}

}  // namespace lurus::gateway
