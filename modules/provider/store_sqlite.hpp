#pragma once
// What is kept in lurus.db of providers: rows in, rows out. One thread at a time.

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "lurus/provider.hpp"
#include "modules/provider/catalog/catalog.hpp"

namespace lurus::provider {

struct StoredProvider {
    ProviderSpec spec;   // without api_key and headers
    std::string sealed;  // see sealed.hpp; empty = none
};

struct StoredModelList {
    std::string provider;
    std::string base_url;
    UnixMicros fetched = 0;
    std::vector<ListedModel> models;
};

class ProviderStore {
public:
    virtual ~ProviderStore() = default;
    /// In the order they were added.
    virtual Result<std::vector<StoredProvider>> providers() = 0;
    virtual Result<std::vector<RouteSpec>> routes() = 0;
    virtual Result<std::vector<StoredModelList>> model_lists() = 0;

    /// `conflict` when the name is taken.
    virtual Result<void> add_provider(const StoredProvider& provider, UnixMicros now) = 0;
    /// All of the row of that name but when it was added. `not_found`.
    virtual Result<void> replace_provider(const StoredProvider& provider) = 0;
    /// Its model list goes too. `not_found`.
    virtual Result<void> remove_provider(std::string_view name) = 0;
    virtual Result<void> add_route(const RouteSpec& route, UnixMicros now) = 0;
    /// Other targets. `not_found`.
    virtual Result<void> replace_route(const RouteSpec& route) = 0;
    virtual Result<void> remove_route(std::string_view model, std::optional<Family> family) = 0;
    /// Replaces the provider's list.
    virtual Result<void> save_model_list(const StoredModelList& list) = 0;
};

Result<std::unique_ptr<ProviderStore>> open_provider_store(const std::filesystem::path& file);

}  // namespace lurus::provider
