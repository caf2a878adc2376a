// The service's routes.
#include <algorithm>

#include "modules/provider/catalog/build.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {

Result<void> ProviderService::add_route(const RouteSpec& route) {
    if (auto checked = check_route(route); !checked) return checked;
    std::unique_lock lock(mutex_);
    for (const auto* routes : {&state_.configured_routes, &state_.stored_routes}) {
        if (std::ranges::none_of(*routes, [&](const auto& r) { return same_route(r, route); })) continue;
        return fail(ErrorCode::conflict,
                    "there is a route for '" + route.model + "' already" +
                        (routes == &state_.configured_routes ? ", in the configuration file" : "; remove it first"),
                    subject_of(route));
    }
    if (auto checked = check_targets(route); !checked) return checked;
    State next = state_;
    next.stored_routes.push_back(route);
    const UnixMicros now = clock_.now();
    return change(lock, std::move(next), [&] { return store_->add_route(route, now); });
}

Result<void> ProviderService::replace_route(const RouteSpec& route) {
    if (auto checked = check_route(route); !checked) return checked;
    std::unique_lock lock(mutex_);
    State next = state_;
    const auto same = [&](const RouteSpec& other) { return same_route(other, route); };
    const auto stored = std::ranges::find_if(next.stored_routes, same);
    if (stored == next.stored_routes.end() || std::ranges::any_of(state_.configured_routes, same))
        return not_stored(route);
    if (auto checked = check_targets(route); !checked) return checked;
    stored->to = route.to;
    return change(lock, std::move(next), [&] { return store_->replace_route(route); });
}

// New targets are held to what the file's are: one that names nothing is refused.
Result<void> ProviderService::check_targets(const RouteSpec& route) const {
    State strict = state_;
    std::erase_if(strict.stored_routes, [&](const auto& r) { return same_route(r, route); });
    strict.configured_routes.push_back(route);
    std::vector<std::string> warnings;
    if (auto checked = compile(strict, warnings); !checked) return std::unexpected(checked.error());
    return {};
}

std::unexpected<Error> ProviderService::not_stored(const RouteSpec& route) const {
    if (std::ranges::any_of(state_.configured_routes, [&](const auto& r) { return same_route(r, route); })) {
        return fail(ErrorCode::conflict,
                    "the route '" + route.model + "' is declared in the configuration file; change it there",
                    subject_of(route));
    }
    return fail(
        ErrorCode::not_found,
        "there is no route '" + route.model + "'" + (route.family ? " for " + std::string(name_of(*route.family)) : ""),
        subject_of(route));
}

Result<void> ProviderService::remove_route(std::string_view model, std::optional<Family> family) {
    RouteSpec wanted;
    wanted.model = model;
    wanted.family = family;
    std::unique_lock lock(mutex_);
    State next = state_;
    if (std::erase_if(next.stored_routes, [&](const auto& r) { return same_route(r, wanted); }) == 0)
        return not_stored(wanted);
    return change(lock, std::move(next), [&] { return store_->remove_route(model, family); });
}

std::vector<ListedRoute> ProviderService::routes() const {
    const std::lock_guard lock(mutex_);
    std::vector<ListedRoute> out;
    for (const RouteSpec& route : state_.configured_routes) out.push_back(ListedRoute{route, "config"});
    for (const RouteSpec& route : state_.stored_routes) {
        const bool hidden =
            std::ranges::any_of(state_.configured_routes, [&](const auto& r) { return same_route(r, route); });
        if (!hidden) out.push_back(ListedRoute{route, "store"});
    }
    return out;
}

}  // namespace lurus::provider
