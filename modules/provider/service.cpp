#include "modules/provider/service.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/http/url.hpp"
#include "modules/provider/catalog/build.hpp"
#include "modules/provider/demo/demo.hpp"
#include "modules/provider/sealed.hpp"

namespace lurus::provider {
namespace {

// Rows are the same when their versions are.
bool same_providers(const std::vector<StoredProvider>& a, const std::vector<StoredProvider>& b) {
    return std::ranges::equal(a, b, [](const StoredProvider& x, const StoredProvider& y) {
        return x.spec.name == y.spec.name && x.version == y.version;
    });
}
std::shared_ptr<const Provider> named(const std::vector<std::shared_ptr<const Provider>>& providers,
                                      std::string_view name) {
    const auto found = std::ranges::find_if(providers, [&](const auto& provider) { return provider->name == name; });
    return found == providers.end() ? nullptr : *found;
}

bool same_routes(const std::vector<StoredRoute>& a, const std::vector<StoredRoute>& b) {
    return std::ranges::equal(a, b, [](const StoredRoute& x, const StoredRoute& y) {
        return same_route(x.spec, y.spec) && x.version == y.version;
    });
}
bool same_lists(const ModelLists& a, const ModelLists& b) {
    return std::ranges::equal(a, b, [](const auto& x, const auto& y) {
        return x.first == y.first && x.second.base_url == y.second.base_url && x.second.fetched == y.second.fetched;
    });
}

}  // namespace

ProviderService::ProviderService(ProviderStore& store, Result<SecretBox> box, bool demo, const Clock& clock,
                                 OutsideCalls* outside)
    : store_(store), box_(std::move(box)), demo_(demo), clock_(clock), outside_(outside) {}

void ProviderService::warn_about(const Provider& provider) {
    if (!provider.problem.empty() && !provider.disabled) {
        spdlog::warn("provider '{}' cannot be used: {}", provider.name, provider.problem);
    }
    if (!provider.warning.empty()) spdlog::warn("provider '{}': {}", provider.name, provider.warning);
    if (!provider.tls_verify)
        spdlog::warn("provider '{}': its certificate is not verified (tls_verify = false)", provider.name);
}

ProviderService::ProviderPtr ProviderService::open_stored(const StoredProvider& row, const ProviderPtr& before) const {
    ProviderSpec spec = row.spec;
    std::string problem;
    if (!row.sealed.empty()) {
        if (auto opened = open_secrets(box_, row.sealed, spec); !opened) problem = opened.error().message;
    }
    auto built = build_provider(spec, "store", before.get());
    Provider provider;
    if (built) {
        provider = std::move(*built);
    } else {
        provider.name = spec.name;
        provider.kind = spec.kind;
        provider.source = "store";
        problem = built.error().message;
    }
    if (!problem.empty()) {
        provider.credential_source = "stored";
        provider.problem = std::move(problem);
    }
    return std::make_shared<const Provider>(std::move(provider));
}

void ProviderService::open_all_stored(State& state) const {
    const auto before = std::exchange(state.stored, {});
    for (const StoredProvider& row : state.rows) state.stored.push_back(open_stored(row, named(before, row.spec.name)));
}

Result<std::shared_ptr<const Catalog>> ProviderService::compile(const State& state, std::vector<std::string>& warnings,
                                                                const RouteSpec* judged) const {
    CatalogInput input;
    input.providers = state.configured;
    for (const ProviderPtr& provider : state.stored) {
        if (std::ranges::any_of(state.configured, [&](const auto& p) { return p->name == provider->name; })) {
            warnings.push_back("the stored provider '" + provider->name +
                               "' is hidden by the one in the configuration file");
        } else {
            input.providers.push_back(provider);
        }
    }
    if (input.providers.empty() && demo_) input.providers.push_back(std::make_shared<const Provider>(builtin_demo()));
    for (const RouteSpec& route : state.configured_routes)
        input.routes.push_back(CatalogRoute{route, state.judging == Judging::lenient});
    if (judged != nullptr) input.routes.push_back(CatalogRoute{*judged, false});
    for (const StoredRoute& stored : state.routes) {
        const RouteSpec& route = stored.spec;
        if (judged != nullptr && same_route(*judged, route)) continue;
        if (std::ranges::any_of(state.configured_routes, [&](const auto& r) { return same_route(r, route); })) {
            warnings.push_back("the stored route '" + route.model + "' is hidden by the one in the configuration file");
        } else {
            input.routes.push_back(CatalogRoute{route, true});
        }
    }
    for (const ProviderPtr& provider : input.providers) {
        auto& listed = input.listed[provider->name];
        if (provider->local) {
            for (const auto& [family, endpoint] : provider->endpoints) {
                for (const std::string& model : demo_models(family)) listed.push_back(ListedModel{model, 0, family});
            }
        } else if (const StoredModelList* list = list_of(state, *provider)) {
            for (const auto& model : list->models) listed.push_back(ListedModel{model.id, model.created, std::nullopt});
        }
    }
    return make_catalog(std::move(input), warnings);
}

std::shared_ptr<const Catalog> ProviderService::compile_anyhow(State& state, std::vector<std::string>& warnings) const {
    state.judging = Judging::strict;
    if (auto catalog = compile(state, warnings)) return *std::move(catalog);
    state.judging = Judging::lenient;
    warnings.clear();
    return compile(state, warnings).value();
}

class ProviderService::Prepared final : public PreparedConfiguration {
public:
    explicit Prepared(ProviderService& service) : service_(service) {}
    void commit() override { service_.take(*this); }

    State next;
    std::shared_ptr<const Catalog> made_from, catalog;  // that of the state before, and of `next`
    std::vector<std::string> warnings;

private:
    ProviderService& service_;
};

Result<std::unique_ptr<PreparedConfiguration>> ProviderService::prepare(std::vector<ProviderSpec> providers,
                                                                        std::vector<RouteSpec> routes) {
    auto prepared = std::make_unique<Prepared>(*this);
    {
        const std::lock_guard lock(mutex_);
        prepared->next = state_;
        prepared->made_from = catalog_;
    }
    const auto before = std::exchange(prepared->next.configured, {});
    std::vector<ProviderPtr>& configured = prepared->next.configured;
    std::set<std::string> names;
    for (const ProviderSpec& spec : providers) {
        auto built = build_provider(spec, "config", named(before, spec.name).get());
        if (!built) return std::unexpected(built.error());
        if (!names.insert(built->name).second)
            return fail(ErrorCode::invalid_argument, "two providers are named '" + built->name + "'",
                        ErrorSubject("provider", built->name));
        configured.push_back(std::make_shared<const Provider>(std::move(*built)));
    }
    for (std::size_t i = 0; i < routes.size(); ++i) {
        if (auto checked = check_route(routes[i]); !checked) return std::unexpected(checked.error());
        for (std::size_t j = 0; j < i; ++j) {
            if (!same_route(routes[i], routes[j])) continue;
            return fail(
                ErrorCode::invalid_argument,
                "two routes are for the model '" + routes[i].model + "'; one route may have several targets in 'to'",
                subject_of(routes[i]));
        }
    }
    prepared->next.specs = std::move(providers);
    prepared->next.configured_routes = std::move(routes);
    prepared->next.judging = Judging::strict;
    open_all_stored(prepared->next);
    auto catalog = compile(prepared->next, prepared->warnings);
    if (!catalog) return std::unexpected(catalog.error());
    prepared->catalog = std::move(*catalog);
    return prepared;
}

void ProviderService::take(Prepared& prepared) {
    const auto shown = prepared.next.configured;
    {
        const std::lock_guard change(change_mutex_);
        if (catalog_ != prepared.made_from) {
            // What is stored was changed since: that stays, and is judged no more.
            State next = state_;
            next.specs = std::move(prepared.next.specs);
            next.configured = std::move(prepared.next.configured);
            next.configured_routes = std::move(prepared.next.configured_routes);
            open_all_stored(next);
            prepared.warnings.clear();
            prepared.catalog = compile_anyhow(next, prepared.warnings);
            prepared.next = std::move(next);
        }
        swap_in(std::move(prepared.next), std::move(prepared.catalog), prepared.warnings);
    }
    for (const ProviderPtr& provider : shown) warn_about(*provider);
}

Result<void> ProviderService::change(const std::function<Result<void>()>& work) {
    Result<void> done;
    std::vector<std::function<void()>> callbacks;
    {
        const std::lock_guard one(change_mutex_);
        const auto before = catalog_;
        done = reload();
        if (done) done = work();
        const std::lock_guard lock(mutex_);
        if (catalog_ != before) callbacks = callbacks_;
    }
    for (const auto& callback : callbacks) callback();
    return done;
}

Result<void> ProviderService::reload() {
    // Asked first: what is changed while the rows are read is read again the next time.
    const auto head = store_.changes().head();
    if (!head) return std::unexpected(head.error());
    if (*head == seen_) return {};
    auto rows = store_.all();
    if (!rows) return std::unexpected(rows.error());
    ModelLists lists;
    for (auto& list : rows->lists) {
        std::string name = list.provider;
        lists.emplace(std::move(name), std::move(list));
    }
    if (catalog_ == nullptr || !same_providers(rows->providers, state_.rows) ||
        !same_routes(rows->routes, state_.routes) || !same_lists(lists, state_.lists)) {
        State next = state_;
        next.rows = std::move(rows->providers);
        next.routes = std::move(rows->routes);
        next.lists = std::move(lists);
        open_changed(next);
        std::vector<std::string> warnings;
        auto catalog = compile_anyhow(next, warnings);
        swap_in(std::move(next), std::move(catalog), warnings);
    }
    seen_ = *head;
    return {};
}

void ProviderService::open_changed(State& next) const {
    next.stored.clear();
    for (const StoredProvider& row : next.rows) {
        const auto known = std::ranges::find_if(state_.rows, [&](const StoredProvider& old) {
            return old.spec.name == row.spec.name && old.version == row.version;
        });
        if (known != state_.rows.end()) {
            next.stored.push_back(state_.stored[static_cast<std::size_t>(known - state_.rows.begin())]);
        } else {
            next.stored.push_back(open_stored(row, named(state_.stored, row.spec.name)));
            warn_about(*next.stored.back());
        }
    }
}

Result<void> ProviderService::become(State next, const std::function<Result<void>(State&)>& store, IfVersion wanted) {
    std::vector<std::string> warnings;
    auto catalog = compile(next, warnings);
    if (!catalog) return std::unexpected(catalog.error());
    if (auto stored = store(next); !stored) {
        // Another process was faster than this one after it had looked.
        if (wanted && stored.error().code == ErrorCode::conflict) stored.error().code = ErrorCode::stale;
        return stored;
    }
    swap_in(std::move(next), std::move(*catalog), warnings);
    return {};
}

Result<void> ProviderService::check_version(std::string_view what, std::int64_t now, std::int64_t read,
                                            IfVersion wanted) {
    if (now == read && (!wanted || *wanted == now)) return {};
    return fail(wanted ? ErrorCode::stale : ErrorCode::conflict,
                std::string(what) + " was changed meanwhile; read it again");
}

void ProviderService::swap_in(State next, std::shared_ptr<const Catalog> catalog,
                              const std::vector<std::string>& warnings) {
    {
        const std::lock_guard lock(mutex_);
        std::swap(state_, next);
        catalog_.swap(catalog);
    }
    for (const std::string& warning : warnings) spdlog::warn("{}", warning);
}

Result<void> ProviderService::refresh() {
    return change([] { return Result<void>(); });
}

std::shared_ptr<const Catalog> ProviderService::snapshot() const {
    const std::lock_guard lock(mutex_);
    return catalog_;
}

void ProviderService::on_change(std::function<void()> callback) {
    const std::lock_guard lock(mutex_);
    callbacks_.push_back(std::move(callback));
}

std::vector<ApiRoute> ProviderService::api() {
    return provider_api(*this);
}

std::unexpected<Error> ProviderService::no_such_provider(std::string_view name) const {
    const std::string shown(name.substr(0, 100));
    return fail(ErrorCode::not_found, "there is no provider '" + shown + "'", ErrorSubject("provider", shown));
}

}  // namespace lurus::provider
