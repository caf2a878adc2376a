#pragma once
// The module's state: what the file declares, what is stored, and the catalogue made of both.
//
// Invariant: `catalog_` is always made of the state beside it. The store is the authority for what is stored: the state
// holds its rows as they were last read.

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/crypto/secret_box.hpp"
#include "core/os/watched_file.hpp"
#include "lurus/provider.hpp"
#include "lurus/store/providers.hpp"
#include "modules/provider/api/provider_json.hpp"
#include "modules/provider/catalog/catalog.hpp"
#include "modules/provider/vendors/check_address.hpp"
#include "modules/provider/vendors/vendor_calls.hpp"

namespace lurus::provider {

struct ListedRoute {
    RouteSpec route;
    std::string source;
    std::int64_t version = 0;  // of its row; 0 = it is in the configuration file
};

/// By provider.
using ModelLists = std::map<std::string, StoredModelList, std::less<>>;

/// A stored provider as it was given, with its credential.
struct GivenProvider {
    ProviderSpec spec;
    std::int64_t version = 0;
};

/// The version that a caller wants to change: `stale` where there is another one. None = whatever there is.
using IfVersion = std::optional<std::int64_t>;

inline bool same_route(const RouteSpec& a, const RouteSpec& b) {
    return a.model == b.model && a.family == b.family;
}

class ProviderService final : public Providers {
public:
    /// `store`, `clock` and `outside`, which may be null, outlive it.
    ProviderService(ProviderStore& store, Result<SecretBox> box, bool demo, const Clock& clock, OutsideCalls* outside);

    Result<std::unique_ptr<PreparedConfiguration>> prepare(std::vector<ProviderSpec> providers,
                                                           std::vector<RouteSpec> routes) override;
    Result<void> add(const ProviderSpec& spec) override;
    Result<void> remove(std::string_view name) override;
    [[nodiscard]] std::shared_ptr<const Catalog> snapshot() const override;
    Result<void> refresh() override;
    std::vector<std::string> follow_files() override;
    void refresh_model_lists(std::function<void()> done) override;
    void on_change(std::function<void()> callback) override;
    [[nodiscard]] std::vector<ApiRoute> api() override;

    [[nodiscard]] std::shared_ptr<const Provider> find(std::string_view name) const;
    [[nodiscard]] ListState list_state(const Provider& provider) const;
    /// Of a stored provider that is in the catalogue.
    [[nodiscard]] std::optional<std::int64_t> version_of(const Provider& provider) const;
    /// `conflict` when it comes from the configuration.
    [[nodiscard]] Result<GivenProvider> stored_spec(std::string_view name) const;
    /// Puts it where the stored provider of that name is; `conflict` when that has another version by now.
    Result<void> replace(const GivenProvider& given, IfVersion wanted);
    Result<void> remove_stored(std::string_view name, IfVersion wanted);
    Result<void> add_route(const RouteSpec& route);
    /// Other targets for the stored route of that model, family and version. `conflict` when it comes from the
    /// configuration, or has another version by now.
    Result<void> replace_route(const StoredRoute& route, IfVersion wanted);
    Result<void> remove_route(std::string_view model, std::optional<Family> family, IfVersion wanted);
    [[nodiscard]] std::vector<ListedRoute> routes() const;
    /// Asks the provider, keeps the answer.
    Result<StoredModelList> fetch_list(std::string_view name);
    /// What was fetched before; `fetched` 0 = never.
    [[nodiscard]] Result<StoredModelList> cached_list(std::string_view name) const;
    Result<TestOutcome> test(std::string_view name, const TestRequest& request) const;
    /// Tries its address in each family. Where it is found beside that and has one family only, its `base_url` becomes
    /// that; `moved` says so.
    struct Checked {
        std::vector<AddressCheck> families;
        bool moved = false;
    };
    Result<Checked> check(std::string_view name);

private:
    using ProviderPtr = std::shared_ptr<const Provider>;
    class Prepared;

    /// What a route of the configuration may name: only what is there, or also what is gone since it was taken.
    enum class Judging : std::uint8_t { strict, lenient };

    struct State {
        std::vector<ProviderSpec> specs;      // that the configuration declares
        std::vector<ProviderPtr> configured;  // what each of them makes
        std::vector<RouteSpec> configured_routes;
        std::vector<StoredProvider> rows;
        std::vector<ProviderPtr> stored;  // what each of the rows makes
        std::vector<StoredRoute> routes;
        ModelLists lists;
        Judging judging = Judging::strict;
    };

    /// `judged` is a route that is held to what is there, in place of the stored one; null = none.
    [[nodiscard]] Result<std::shared_ptr<const Catalog>> compile(const State& state, std::vector<std::string>& warnings,
                                                                 const RouteSpec* judged = nullptr) const;
    /// Lenient where strictly it does not compile; never fails.
    [[nodiscard]] std::shared_ptr<const Catalog> compile_anyhow(State& state, std::vector<std::string>& warnings) const;
    static void warn_about(const Provider& provider);
    /// `before`: what was made of that name, or null.
    [[nodiscard]] ProviderPtr open_stored(const StoredProvider& row, const ProviderPtr& before) const;
    /// What was built of the rows, anew: their variables and files may have changed.
    void open_all_stored(State& state) const;
    /// Makes the providers anew whose files hold something else.
    void reread_files();
    [[nodiscard]] Result<StoredProvider> sealed_row(const ProviderSpec& spec, const std::string& kind) const;
    [[nodiscard]] const StoredModelList* list_of(const State& state, const Provider& provider) const;
    Result<StoredModelList> fetch_list(std::string_view name, const OutsideLimit& limit);
    void refresh_list(const std::string& name);
    [[nodiscard]] std::unexpected<Error> no_such_provider(std::string_view name) const;

    /// Runs `work` under change_mutex_, on a state that holds what others stored. Where the catalogue became another
    /// one, the callbacks follow after all locks are gone.
    Result<void> change(const std::function<Result<void>()>& work);
    void take(Prepared& prepared);

    // Under change_mutex_, as the next.
    Result<void> reload();
    /// `next.stored` of its rows: of those that the state has too, what it has.
    void open_changed(State& next) const;
    /// Makes `next` the state when it compiles and `store`, which puts the new versions in, succeeds.
    Result<void> become(State next, const std::function<Result<void>(State&)>& store, IfVersion wanted = {});
    /// `what` has version `now`, and it is to be changed as it was at `read`.
    [[nodiscard]] static Result<void> check_version(std::string_view what, std::int64_t now, std::int64_t read,
                                                    IfVersion wanted);
    void swap_in(State next, std::shared_ptr<const Catalog> catalog, const std::vector<std::string>& warnings);
    [[nodiscard]] Result<void> check_targets(const RouteSpec& route) const;
    [[nodiscard]] std::unexpected<Error> not_stored(const RouteSpec& route) const;

    ProviderStore& store_;
    const Result<SecretBox> box_;
    const bool demo_;
    const Clock& clock_;
    OutsideCalls* const outside_;  // may be null

    std::mutex change_mutex_;  // one change at a time, also while the database is asked; taken before mutex_
    std::int64_t seen_ = -1;   // of the store's changes; under change_mutex_

    std::map<std::string, WatchedFile> files_;  // of the thread that calls follow_files

    mutable std::mutex mutex_;  // guards what follows; who writes state_ and catalog_ holds both
    State state_;
    std::shared_ptr<const Catalog> catalog_;
    std::vector<std::function<void()>> callbacks_;
    std::map<std::string, UnixMicros> asked_;  // when a refresh last asked a provider for its list
    std::map<std::string, std::vector<std::shared_ptr<void>>> fetching_;  // who waits for a list that is on its way
};

/// The module's part of the management API; `service` must outlive the handlers.
std::vector<ApiRoute> provider_api(ProviderService& service);

}  // namespace lurus::provider
