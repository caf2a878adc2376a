#pragma once
// What a route's `to` entries mean: providers with their model names, aliases followed.

#include <string>
#include <vector>

#include "modules/provider/catalog/catalog.hpp"

namespace lurus::provider {

struct RouteTarget {
    std::size_t provider = 0;  // index into CatalogInput::providers
    std::string model;
    bool keep = false;  // upstream gets the name that the client sent
};

class RouteTargets {
public:
    /// `input` must outlive this.
    explicit RouteTargets(const CatalogInput& input) : input_(input) {}

    Result<std::vector<RouteTarget>> of(const CatalogRoute& route, std::vector<std::string>& warnings) const;

private:
    Result<void> expand(const CatalogRoute& route, std::vector<std::string>& path, std::vector<RouteTarget>& out,
                        std::vector<std::string>& warnings) const;
    [[nodiscard]] const CatalogRoute* exact_route(std::string_view model) const;
    [[nodiscard]] std::string names() const;

    const CatalogInput& input_;
};

}  // namespace lurus::provider
