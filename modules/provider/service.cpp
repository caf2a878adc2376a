#include "modules/provider/service.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "core/http/url.hpp"
#include "modules/provider/catalog/build.hpp"
#include "modules/provider/demo/demo.hpp"
#include "modules/provider/sealed.hpp"

namespace lurus::provider {
namespace {

bool leads_to(const RouteSpec& route, std::string_view provider) {
    return std::ranges::any_of(
        route.to, [&](const std::string& target) { return target.substr(0, target.find('/')) == provider; });
}

void warn_about(const Provider& provider) {
    if (!provider.problem.empty() && !provider.disabled) {
        spdlog::warn("provider '{}' cannot be used: {}", provider.name, provider.problem);
    }
    if (!provider.tls_verify)
        spdlog::warn("provider '{}': its certificate is not verified (tls_verify = false)", provider.name);
}

constexpr std::int64_t list_age_us = 86'400'000'000;
constexpr std::int64_t list_retry_us = 60'000'000;

bool is_pattern(const std::string& model) {
    return model.find_first_of("*?") != std::string::npos;
}

}  // namespace

ProviderService::ProviderService(std::unique_ptr<ProviderStore> store, Result<SecretBox> box, bool demo,
                                 const Clock& clock)
    : store_(std::move(store)), box_(std::move(box)), demo_(demo), clock_(clock) {}

Result<void> ProviderService::load() {
    auto rows = store_->providers();
    if (!rows) return std::unexpected(rows.error());
    auto routes = store_->routes();
    if (!routes) return std::unexpected(routes.error());
    auto lists = store_->model_lists();
    if (!lists) return std::unexpected(lists.error());
    State next;
    next.stored_rows = std::move(*rows);
    next.stored_routes = std::move(*routes);
    for (auto& list : *lists) {
        std::string name = list.provider;
        next.lists.emplace(std::move(name), std::move(list));
    }
    for (const StoredProvider& row : next.stored_rows) {
        next.stored.push_back(open_stored(row));
        warn_about(*next.stored.back());
    }
    std::unique_lock lock(mutex_);
    return change(lock, std::move(next), nullptr);
}

ProviderService::ProviderPtr ProviderService::open_stored(const StoredProvider& row) const {
    ProviderSpec spec = row.spec;
    std::string problem;
    if (!row.sealed.empty()) {
        if (auto opened = open_secrets(box_, row.sealed, spec); !opened) problem = opened.error().message;
    }
    auto built = build_provider(spec, "store");
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

const StoredModelList* ProviderService::list_of(const State& state, const Provider& provider) const {
    const auto found = state.lists.find(provider.name);
    const FamilyEndpoint* endpoint = list_endpoint(provider);
    if (found == state.lists.end() || endpoint == nullptr || found->second.base_url != to_string(endpoint->base))
        return nullptr;
    return &found->second;
}

Result<std::shared_ptr<const Catalog>> ProviderService::compile(const State& state, std::vector<std::string>& warnings,
                                                                Judging judging) const {
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
        input.routes.push_back(CatalogRoute{route, judging == Judging::lenient});
    for (const RouteSpec& route : state.stored_routes) {
        if (std::ranges::any_of(state.configured_routes, [&](const auto& r) { return same_route(r, route); })) {
            warnings.push_back("the stored route '" + route.model + "' is hidden by the one in the configuration file");
        } else {
            input.routes.push_back(CatalogRoute{route, true});
        }
    }
    for (const ProviderPtr& provider : input.providers) {
        if (provider->local) {
            auto& listed = input.listed[provider->name];
            for (const auto& [family, endpoint] : provider->endpoints) {
                for (const std::string& model : demo_models(family)) listed.push_back(ListedModel{model, 0, family});
            }
        } else if (const StoredModelList* list = list_of(state, *provider)) {
            input.listed[provider->name] = list->models;
        }
    }
    return make_catalog(std::move(input), warnings);
}

Result<void> ProviderService::change(std::unique_lock<std::mutex>& lock, State next,
                                     const std::function<Result<void>()>& store) {
    std::vector<std::string> warnings;
    auto catalog = compile(next, warnings);
    if (!catalog) return std::unexpected(catalog.error());
    if (store) {
        if (auto stored = store(); !stored) return stored;
    }
    state_ = std::move(next);
    catalog_ = std::move(*catalog);
    const auto callbacks = callbacks_;
    lock.unlock();
    for (const std::string& warning : warnings) spdlog::warn("{}", warning);
    for (const auto& callback : callbacks) callback();
    return {};
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

void ProviderService::open_all_stored(State& state) const {
    state.stored.clear();
    for (const StoredProvider& row : state.stored_rows) state.stored.push_back(open_stored(row));
}

Result<std::unique_ptr<PreparedConfiguration>> ProviderService::prepare(std::vector<ProviderSpec> providers,
                                                                        std::vector<RouteSpec> routes) {
    std::vector<ProviderPtr> configured;
    std::set<std::string> names;
    for (const ProviderSpec& spec : providers) {
        auto built = build_provider(spec, "config");
        if (!built) return std::unexpected(built.error());
        if (!names.insert(built->name).second)
            return fail(ErrorCode::invalid_argument, "two providers are named '" + built->name + "'");
        configured.push_back(std::make_shared<const Provider>(std::move(*built)));
    }
    for (std::size_t i = 0; i < routes.size(); ++i) {
        if (auto checked = check_route(routes[i]); !checked) return std::unexpected(checked.error());
        for (std::size_t j = 0; j < i; ++j) {
            if (!same_route(routes[i], routes[j])) continue;
            return fail(ErrorCode::invalid_argument, "two routes are for the model '" + routes[i].model +
                                                         "'; one route may have several targets in 'to'");
        }
    }
    auto prepared = std::make_unique<Prepared>(*this);
    {
        const std::lock_guard lock(mutex_);
        prepared->next = state_;
        prepared->made_from = catalog_;
    }
    prepared->next.configured = std::move(configured);
    prepared->next.configured_routes = std::move(routes);
    open_all_stored(prepared->next);
    auto catalog = compile(prepared->next, prepared->warnings);
    if (!catalog) return std::unexpected(catalog.error());
    prepared->catalog = std::move(*catalog);
    return prepared;
}

void ProviderService::take(Prepared& prepared) {
    std::vector<ProviderPtr> shown;
    {
        const std::lock_guard lock(mutex_);
        if (catalog_ != prepared.made_from) {
            // What is stored was changed since: that stays, and is judged no more.
            State next = state_;
            next.configured = std::move(prepared.next.configured);
            next.configured_routes = std::move(prepared.next.configured_routes);
            open_all_stored(next);
            prepared.next = std::move(next);
            prepared.warnings.clear();
            prepared.catalog = *compile(prepared.next, prepared.warnings, Judging::lenient);
        }
        shown = prepared.next.configured;
        state_ = std::move(prepared.next);
        catalog_ = std::move(prepared.catalog);
    }
    for (const std::string& warning : prepared.warnings) spdlog::warn("{}", warning);
    for (const ProviderPtr& provider : shown) warn_about(*provider);
}

Result<StoredProvider> ProviderService::sealed_row(const ProviderSpec& spec, const std::string& kind) const {
    StoredProvider row;
    row.spec = spec;
    row.spec.kind = kind;
    auto sealed = seal_secrets(box_, row.spec);
    if (!sealed) return std::unexpected(sealed.error());
    row.sealed = std::move(*sealed);
    return row;
}

Result<void> ProviderService::add(const ProviderSpec& spec) {
    auto built = build_provider(spec, "store");
    if (!built) return std::unexpected(built.error());
    auto row = sealed_row(spec, built->kind);
    if (!row) return std::unexpected(row.error());
    std::unique_lock lock(mutex_);
    for (const auto* list : {&state_.configured, &state_.stored}) {
        for (const ProviderPtr& provider : *list) {
            if (provider->name != spec.name) continue;
            return fail(ErrorCode::conflict,
                        "there is a provider '" + spec.name + "' already" +
                            (provider->source == "config" ? ", in the configuration file" : "; remove it first"));
        }
    }
    State next = state_;
    next.stored.push_back(std::make_shared<const Provider>(std::move(*built)));
    const ProviderPtr added = next.stored.back();
    const UnixMicros now = clock_.now();
    const auto store = [&] { return store_->add_provider(*row, now); };
    next.stored_rows.push_back(*row);
    next.lists.erase(spec.name);
    if (auto changed = change(lock, std::move(next), store); !changed) return changed;
    warn_about(*added);
    return {};
}

Result<ProviderSpec> ProviderService::stored_spec(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto row = std::ranges::find(state_.stored_rows, name, [](const auto& r) { return r.spec.name; });
    if (row == state_.stored_rows.end()) {
        const auto& shown = catalog_->providers();
        if (std::ranges::none_of(shown, [&](const auto& p) { return p->name == name; })) return no_such_provider(name);
        return fail(ErrorCode::conflict,
                    "provider '" + std::string(name) + "' is not a stored one; change it in the configuration file");
    }
    ProviderSpec spec = row->spec;
    if (row->sealed.empty()) return spec;
    if (auto opened = open_secrets(box_, row->sealed, spec); !opened) return std::unexpected(opened.error());
    return spec;
}

Result<void> ProviderService::replace(const ProviderSpec& spec) {
    auto built = build_provider(spec, "store");
    if (!built) return std::unexpected(built.error());
    auto row = sealed_row(spec, built->kind);
    if (!row) return std::unexpected(row.error());
    std::unique_lock lock(mutex_);
    State next = state_;
    const auto stored = std::ranges::find(next.stored, spec.name, [](const auto& p) { return p->name; });
    const auto stored_row = std::ranges::find(next.stored_rows, spec.name, [](const auto& r) { return r.spec.name; });
    if (stored == next.stored.end() || stored_row == next.stored_rows.end()) return no_such_provider(spec.name);
    *stored = std::make_shared<const Provider>(std::move(*built));
    *stored_row = *row;
    const ProviderPtr replaced = *stored;
    if (auto changed = change(lock, std::move(next), [&] { return store_->replace_provider(*row); }); !changed)
        return changed;
    warn_about(*replaced);
    return {};
}

Result<void> ProviderService::remove(std::string_view name) {
    std::unique_lock lock(mutex_);
    const auto named = [&](const ProviderPtr& provider) { return provider->name == name; };
    if (std::ranges::any_of(state_.configured, named)) {
        return fail(ErrorCode::conflict,
                    "provider '" + std::string(name) + "' is declared in the configuration file; remove it there");
    }
    State next = state_;
    if (std::erase_if(next.stored, named) == 0) {
        const auto& shown = catalog_->providers();
        if (std::ranges::any_of(shown, named)) {
            return fail(ErrorCode::conflict,
                        "provider '" + std::string(name) + "' is built in; it goes away when another one is added");
        }
        return no_such_provider(name);
    }
    std::erase_if(next.stored_rows, [&](const auto& row) { return row.spec.name == name; });
    std::string users;
    for (const auto* routes : {&state_.configured_routes, &state_.stored_routes}) {
        for (const RouteSpec& route : *routes) {
            if (leads_to(route, name)) users += (users.empty() ? "'" : ", '") + route.model + "'";
        }
    }
    if (!users.empty()) {
        return fail(ErrorCode::conflict,
                    "provider '" + std::string(name) + "' is used by the routes " + users + "; remove those first");
    }
    if (const auto list = next.lists.find(name); list != next.lists.end()) next.lists.erase(list);
    return change(lock, std::move(next), [&] { return store_->remove_provider(name); });
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

ProviderService::ProviderPtr ProviderService::find(std::string_view name) const {
    const auto catalog = snapshot();
    const auto found = std::ranges::find_if(catalog->providers(), [&](const auto& p) { return p->name == name; });
    return found == catalog->providers().end() ? nullptr : *found;
}

std::unexpected<Error> ProviderService::no_such_provider(std::string_view name) const {
    return fail(ErrorCode::not_found, "there is no provider '" + std::string(name.substr(0, 100)) + "'");
}

ListState ProviderService::list_state(const Provider& provider) const {
    const std::lock_guard lock(mutex_);
    const StoredModelList* list = list_of(state_, provider);
    return list == nullptr ? ListState{} : ListState{list->fetched, list->models.size()};
}

Result<StoredModelList> ProviderService::fetch_list(std::string_view name) {
    const auto provider = find(name);
    if (!provider) return no_such_provider(name);
    auto models = fetch_models(*provider);
    if (!models) return std::unexpected(models.error());
    StoredModelList list;
    list.provider = provider->name;
    list.base_url = to_string(list_endpoint(*provider)->base);
    list.fetched = clock_.now();
    list.models = std::move(*models);
    std::unique_lock lock(mutex_);
    const auto& now_there = catalog_->providers();
    if (std::ranges::none_of(now_there, [&](const auto& p) { return p->name == name; })) return no_such_provider(name);
    State next = state_;
    next.lists.insert_or_assign(list.provider, list);
    if (auto changed = change(lock, std::move(next), [&] { return store_->save_model_list(list); }); !changed) {
        return std::unexpected(changed.error());
    }
    return list;
}

void ProviderService::refresh_model_lists() {
    const UnixMicros now = clock_.now();
    for (const ProviderPtr& provider : snapshot()->providers()) {
        if (provider->local || !provider->problem.empty() || list_endpoint(*provider) == nullptr) continue;
        if (std::ranges::none_of(provider->models, is_pattern)) continue;
        {
            const std::lock_guard lock(mutex_);
            const StoredModelList* list = list_of(state_, *provider);
            if (list != nullptr && now - list->fetched < list_age_us) continue;
            UnixMicros& asked = asked_[provider->name];
            if (asked != 0 && now - asked < list_retry_us) continue;
            asked = now;
        }
        if (auto list = fetch_list(provider->name); !list) {
            spdlog::info("no model list from provider {}: {}", provider->name, list.error().message);
        }
    }
}

Result<StoredModelList> ProviderService::cached_list(std::string_view name) const {
    const auto provider = find(name);
    if (!provider) return no_such_provider(name);
    const std::lock_guard lock(mutex_);
    if (const StoredModelList* list = list_of(state_, *provider)) return *list;
    StoredModelList none;
    none.provider = provider->name;
    return none;
}

Result<TestOutcome> ProviderService::test(std::string_view name, const TestRequest& request) const {
    const auto provider = find(name);
    if (!provider) return no_such_provider(name);
    return test_provider(*provider, request.model, request.family, clock_);
}

}  // namespace lurus::provider
