// The service's stored routes.
#include <algorithm>

#include "modules/provider/catalog/build.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {
namespace {

auto row_for(const RouteSpec& route) {
    return [&route](const StoredRoute& row) { return same_route(row.spec, route); };
}

}  // namespace

Result<void> ProviderService::add_route(const RouteSpec& route) {
    if (auto checked = check_route(route); !checked) return checked;
    return change([&]() -> Result<void> {
        const auto same = [&](const RouteSpec& other) { return same_route(other, route); };
        const bool configured = std::ranges::any_of(state_.configured_routes, same);
        if (configured || std::ranges::any_of(state_.routes, row_for(route))) {
            return fail(ErrorCode::conflict,
                        "there is a route for '" + route.model + "' already" +
                            (configured ? ", in the configuration file" : "; remove it first"),
                        subject_of(route));
        }
        if (auto checked = check_targets(route); !checked) return checked;
        State next = state_;
        next.routes.push_back(StoredRoute{route, 0});
        return become(std::move(next), [&](State& state) -> Result<void> {
            const auto version = store_.add_route(route, clock_.now());
            if (!version) return std::unexpected(version.error());
            state.routes.back().version = *version;
            return {};
        });
    });
}

Result<void> ProviderService::replace_route(const StoredRoute& route, IfVersion wanted) {
    if (auto checked = check_route(route.spec); !checked) return checked;
    return change([&]() -> Result<void> {
        State next = state_;
        const auto row = std::ranges::find_if(next.routes, row_for(route.spec));
        const bool configured = std::ranges::any_of(state_.configured_routes,
                                                    [&](const auto& other) { return same_route(other, route.spec); });
        if (row == next.routes.end() || configured) return not_stored(route.spec);
        if (auto same = check_version("the route '" + route.spec.model + "'", row->version, route.version, wanted);
            !same)
            return same;
        if (auto checked = check_targets(route.spec); !checked) return checked;
        *row = route;
        const auto at = static_cast<std::size_t>(row - next.routes.begin());
        return become(
            std::move(next),
            [&](State& state) -> Result<void> {
                const auto version = store_.replace_route(route);
                if (!version) return std::unexpected(version.error());
                state.routes[at].version = *version;
                return {};
            },
            wanted);
    });
}

// New targets are held to what the file's are: one that names nothing is refused.
Result<void> ProviderService::check_targets(const RouteSpec& route) const {
    std::vector<std::string> warnings;
    if (auto checked = compile(state_, warnings, &route); !checked) return std::unexpected(checked.error());
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

Result<void> ProviderService::remove_route(std::string_view model, std::optional<Family> family, IfVersion wanted) {
    RouteSpec route;
    route.model = model;
    route.family = family;
    return change([&]() -> Result<void> {
        const auto row = std::ranges::find_if(state_.routes, row_for(route));
        if (row == state_.routes.end()) return not_stored(route);
        if (auto same = check_version("the route '" + route.model + "'", row->version, row->version, wanted); !same)
            return same;
        State next = state_;
        std::erase_if(next.routes, row_for(route));
        return become(
            std::move(next), [&](State&) { return store_.remove_route(model, family, row->version); }, wanted);
    });
}

std::vector<ListedRoute> ProviderService::routes() const {
    const std::lock_guard lock(mutex_);
    std::vector<ListedRoute> out;
    for (const RouteSpec& route : state_.configured_routes) out.push_back(ListedRoute{route, "config", 0});
    for (const StoredRoute& stored : state_.routes) {
        const bool hidden =
            std::ranges::any_of(state_.configured_routes, [&](const auto& r) { return same_route(r, stored.spec); });
        if (!hidden) out.push_back(ListedRoute{stored.spec, "store", stored.version});
    }
    return out;
}

}  // namespace lurus::provider
