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

const Result<Resolution>& candidates_of(Request& request) {
    const std::string& model = request.facts.model;
    if (request.resolution) return *request.resolution;
    const Catalog& catalog = *request.snapshot->catalog;
    const AccountGroups& groups = groups_of(request);
    request.resolution =
        model.empty() ? catalog.any(request.family, groups) : catalog.resolve(request.family, model, groups);
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
    if (request.key != nullptr)
        std::erase_if(models, [&](const ModelEntry& m) { return !request.key->allows_model(m.id); });
    return models;
}

}  // namespace lurus::gateway
