#include "modules/gateway/attempt/candidates.hpp"

namespace lurus::gateway {
namespace {

const AccountGroups& groups_of(const Request& request) {
    static const AccountGroups all;
    return request.key != nullptr ? request.key->rules.groups : all;
}

}  // namespace

Result<Resolution> candidates_of(const Request& request) {
    const Catalog& catalog = *request.snapshot->catalog;
    const AccountGroups& groups = groups_of(request);
    return request.facts.model.empty() ? catalog.any(request.family, groups)
                                       : catalog.resolve(request.family, request.facts.model, groups);
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
