#pragma once
// Port: the providers, routes and model lists that are kept. What the configuration file declares is not stored.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/clock.hpp"
#include "lurus/dialect.hpp"
#include "lurus/provider.hpp"
#include "lurus/result.hpp"
#include "lurus/store/change_feed.hpp"

namespace lurus {

struct StoredProvider {
    ProviderSpec spec;         // without `api_key` and `headers`
    std::string sealed;        // those two, encrypted; empty = there are none
    std::int64_t version = 0;  // of the row
};

struct StoredRoute {
    RouteSpec spec;
    std::int64_t version = 0;
};

/// What a provider said that it has, for providers from the file too.
struct StoredModelList {
    struct Model {
        std::string id;
        UnixMicros created = 0;  // 0 = not said
    };
    std::string provider;
    std::string base_url;    // that it came from
    UnixMicros fetched = 0;  // 0 = never
    std::vector<Model> models;
};

/// In the order they were added.
struct StoredProviders {
    std::vector<StoredProvider> providers;
    std::vector<StoredRoute> routes;
    std::vector<StoredModelList> lists;
};

/// Any thread; may block. Adding and replacing return the row's new version. What names a version is `conflict` when
/// the row has another one by now, or is gone.
class ProviderStore {
public:
    virtual ~ProviderStore() = default;
    /// All of one moment.
    virtual Result<StoredProviders> all() = 0;

    /// `conflict` when the name is taken; `version` is not looked at.
    virtual Result<std::int64_t> add_provider(const StoredProvider& provider, UnixMicros now) = 0;
    /// All of the row of that name and version, but when it was added.
    virtual Result<std::int64_t> replace_provider(const StoredProvider& provider) = 0;
    /// Its model list goes too.
    virtual Result<void> remove_provider(std::string_view name, std::int64_t version) = 0;

    /// `conflict` when there is one for the model and family.
    virtual Result<std::int64_t> add_route(const RouteSpec& route, UnixMicros now) = 0;
    /// Other targets.
    virtual Result<std::int64_t> replace_route(const StoredRoute& route) = 0;
    virtual Result<void> remove_route(std::string_view model, std::optional<Family> family, std::int64_t version) = 0;

    /// In the place of the provider's list before: the last one that was fetched counts.
    virtual Result<void> put_model_list(const StoredModelList& list) = 0;

    virtual ChangeFeed& changes() = 0;
};

namespace sql {
class Database;
}
/// Over `database`, which outlives it.
std::unique_ptr<ProviderStore> make_provider_store(sql::Database& database);

}  // namespace lurus
