#pragma once
// Providers and routes as one immutable lookup.
//
// Order: exact route; pattern route (longest literal prefix first); `provider/model`; a provider that names the model;
// one with a pattern for it (longest literal prefix first, all that tie, in declared order); one whose fetched list has
// it; the family's default.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lurus/provider.hpp"

namespace lurus::provider {

/// A model as its provider listed it.
struct ListedModel {
    std::string id;
    UnixMicros created = 0;        // 0 = not said
    std::optional<Family> family;  // shown to that dialect only
    bool operator==(const ListedModel&) const = default;
};

struct CatalogRoute {
    RouteSpec spec;
    bool lenient =
        false;  // a target that names nothing is left out with a warning: a stored route may have lost its provider
};

struct CatalogInput {
    std::vector<std::shared_ptr<const Provider>> providers;  // declared order
    std::vector<CatalogRoute> routes;                        // the first of two with the same model and family wins
    std::map<std::string, std::vector<ListedModel>> listed;  // by provider, as fetched
};

/// `invalid_argument`: a route's target names nothing, or aliases go round in a circle.
Result<std::shared_ptr<const Catalog>> make_catalog(CatalogInput input, std::vector<std::string>& warnings);

/// Whether the user left `models` to the preset: such a provider answers for any model that is asked of it by name.
bool has_preset_models(const Provider& provider);

}  // namespace lurus::provider
