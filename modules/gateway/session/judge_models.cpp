// Rules, limits and budgets that go by models hold however a request spells its model.

#include <algorithm>

#include "modules/gateway/attempt/candidates.hpp"
#include "modules/gateway/session/named_models.hpp"
#include "modules/gateway/session/steps.hpp"

namespace lurus::gateway {
namespace {

std::unique_ptr<Rejection> rejection_of(int status, std::string message) {
    auto rejection = std::make_unique<Rejection>();
    rejection->status = status;
    rejection->message = std::move(message);
    return rejection;
}

bool has_model_rules(const Request& request) {
    return (request.key != nullptr && request.key->has_model_rules()) ||
           !request.snapshot->settings.limits.models.empty();
}

// What an answer costs goes by its model.
bool has_budget(const Request& request) {
    const KeyInfo* key = request.key;
    if (key == nullptr) return false;
    const CommonLimits& common = request.snapshot->settings.limits;
    const auto own = [](const OwnLimits& limits) { return limits && limits->budget; };
    return key->rules.limits.budget || common.key.budget || (!key->user.empty() && common.user.budget) ||
           (!key->team.empty() && common.team.budget) || common.org.budget || own(key->user_limits) ||
           own(key->team_limits) || own(key->org_limits);
}

// A vendor takes a model of its own choice for some requests that name none.
bool needs_name(const Request& request) {
    return request.endpoint.model_in_body && request.facts.model.empty() &&
           (request.endpoint.operation == Operation::images || request.endpoint.operation == Operation::audio ||
            request.endpoint.operation == Operation::resource);
}

}  // namespace

std::unique_ptr<Rejection> judge_models(Request& request, std::string_view content_type, std::string_view body) {
    const bool rules = has_model_rules(request);
    if (!rules && !has_budget(request)) return nullptr;
    NamedModels named;
    read_head_models(request.endpoint, request.head, named);
    read_body_models(request.endpoint, content_type, body, named);
    read_model_name(request.facts.model, named);
    if (rules && needs_name(request)) named.doubt_that("the request names none; set \"model\"");
    if (!named.doubt.empty()) {
        return rejection_of(
            400,
            "rules, limits or a budget go by the model, and which one this is for is not beyond doubt: " + named.doubt);
    }
    if (rules) request.facts.also = std::move(named.also);
    return nullptr;
}

std::string judge_message(Request& request, std::string_view message) {
    const bool rules = has_model_rules(request);
    if (!rules && !has_budget(request)) return {};
    Endpoint endpoint = request.endpoint;
    endpoint.model_in_body = true;
    NamedModels named;
    read_body_models(endpoint, {}, message, named);
    if (rules) request.facts.also = std::move(named.also);
    return std::move(named.doubt);
}

std::unique_ptr<Rejection> judge_candidates(Request& request) {
    if (request.key == nullptr || !request.key->has_model_rules() || request.facts.model.empty()) return nullptr;
    const auto& found = candidates_of(request);
    if (found || found.error().code != ErrorCode::permission_denied) return nullptr;
    return rejection_of(403, found.error().message);
}

}  // namespace lurus::gateway
