#include "modules/gateway/attempt/candidates.hpp"

#include <utility>

namespace lurus::gateway {
namespace {

const AccountGroups& groups_of(const Request& request) {
    static const AccountGroups all;
    return request.key != nullptr ? request.key->rules.groups : all;
}

}  // namespace

const Result<Resolution>& candidates_of(Request& request) {
    const std::string& model = request.facts.model;
    if (request.resolution) return *request.resolution;
    const Catalog& catalog = *request.snapshot->catalog;
    const AccountGroups& groups = groups_of(request);
    request.resolution =
        model.empty() ? catalog.any(request.family, groups) : catalog.resolve(request.family, model, groups);
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
