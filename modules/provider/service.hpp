#pragma once
// The module's state: what the file declares, what is stored, and the catalogue made of both.
//
// Invariant: `catalog_` is always made of the state beside it; it is replaced under the mutex, readers take the
// pointer.

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/crypto/secret_box.hpp"
#include "lurus/provider.hpp"
#include "modules/provider/catalog/catalog.hpp"
#include "modules/provider/dto.hpp"
#include "modules/provider/store_sqlite.hpp"
#include "modules/provider/vendors/vendor_calls.hpp"

namespace lurus::provider {

struct ListedRoute {
    RouteSpec route;
    std::string source;
};

inline bool same_route(const RouteSpec& a, const RouteSpec& b) {
    return a.model == b.model && a.family == b.family;
}

class ProviderService final : public Providers {
public:
    ProviderService(std::unique_ptr<ProviderStore> store, Result<SecretBox> box, bool demo, const Clock& clock);

    /// Reads what is stored; once, before anything else.
    Result<void> load();

    Result<std::unique_ptr<PreparedConfiguration>> prepare(std::vector<ProviderSpec> providers,
                                                           std::vector<RouteSpec> routes) override;
    Result<void> add(const ProviderSpec& spec) override;
    Result<void> remove(std::string_view name) override;
    [[nodiscard]] std::shared_ptr<const Catalog> snapshot() const override;
    void refresh_model_lists() override;
    void on_change(std::function<void()> callback) override;
    [[nodiscard]] std::vector<ApiRoute> api() override;

    [[nodiscard]] std::shared_ptr<const Provider> find(std::string_view name) const;
    [[nodiscard]] ListState list_state(const Provider& provider) const;
    /// A stored provider as it was given, with its credential. `conflict` when it comes from the configuration.
    [[nodiscard]] Result<ProviderSpec> stored_spec(std::string_view name) const;
    /// Puts `spec` in the place of the stored provider of that name.
    Result<void> replace(const ProviderSpec& spec);
    Result<void> add_route(const RouteSpec& route);
    /// Other targets for the stored route of that model and family. `conflict` when it comes from the configuration.
    Result<void> replace_route(const RouteSpec& route);
    Result<void> remove_route(std::string_view model, std::optional<Family> family);
    [[nodiscard]] std::vector<ListedRoute> routes() const;
    /// Asks the provider, keeps the answer.
    Result<StoredModelList> fetch_list(std::string_view name);
    /// What was fetched before; `fetched` 0 = never.
    [[nodiscard]] Result<StoredModelList> cached_list(std::string_view name) const;
    Result<TestOutcome> test(std::string_view name, const TestRequest& request) const;

private:
    using ProviderPtr = std::shared_ptr<const Provider>;

    struct State {
        std::vector<ProviderPtr> configured;
        std::vector<ProviderPtr> stored;
        std::vector<StoredProvider> stored_rows;
        std::vector<RouteSpec> configured_routes;
        std::vector<RouteSpec> stored_routes;
        std::map<std::string, StoredModelList, std::less<>> lists;
    };

    class Prepared;
    void take(Prepared& prepared);
    /// `lenient`: routes of the configuration too may name what is not there, and nothing is refused.
    enum class Judging : std::uint8_t { strict, lenient };
    [[nodiscard]] Result<std::shared_ptr<const Catalog>> compile(const State& state, std::vector<std::string>& warnings,
                                                                 Judging judging = Judging::strict) const;
    /// What was built of the rows, anew: their variables and files may have changed.
    void open_all_stored(State& state) const;
    [[nodiscard]] ProviderPtr open_stored(const StoredProvider& row) const;
    [[nodiscard]] Result<StoredProvider> sealed_row(const ProviderSpec& spec, const std::string& kind) const;
    [[nodiscard]] const StoredModelList* list_of(const State& state, const Provider& provider) const;
    /// Makes `next` the state when it compiles and `store` (may be null) succeeds; calls the callbacks after the lock
    /// is gone.
    Result<void> change(std::unique_lock<std::mutex>& lock, State next, const std::function<Result<void>()>& store);
    [[nodiscard]] std::unexpected<Error> no_such_provider(std::string_view name) const;
    /// Under the mutex, as the next.
    [[nodiscard]] Result<void> check_targets(const RouteSpec& route) const;
    [[nodiscard]] std::unexpected<Error> not_stored(const RouteSpec& route) const;

    const std::unique_ptr<ProviderStore> store_;
    const Result<SecretBox> box_;
    const bool demo_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    State state_;
    std::shared_ptr<const Catalog> catalog_;
    std::vector<std::function<void()>> callbacks_;
    std::map<std::string, UnixMicros> asked_;  // when a refresh last asked a provider for its list
};

/// The module's part of the management API; `service` must outlive the handlers.
std::vector<ApiRoute> provider_api(ProviderService& service);

}  // namespace lurus::provider
