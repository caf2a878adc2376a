// What the providers say that they have, and asking them.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "core/http/url.hpp"
#include "modules/provider/catalog/build.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {
namespace {

constexpr std::int64_t list_age_us = 86'400'000'000;
constexpr std::int64_t list_retry_us = 60'000'000;
constexpr std::chrono::seconds refresh_limit{10};    // of one provider's list, all pages together
constexpr std::chrono::seconds asked_for_limit{70};  // of what somebody asked the management API for

bool is_pattern(const std::string& model) {
    return model.find_first_of("*?") != std::string::npos;
}

}  // namespace

const StoredModelList* ProviderService::list_of(const State& state, const Provider& provider) const {
    const auto found = state.lists.find(provider.name);
    const FamilyEndpoint* endpoint = list_endpoint(provider);
    if (found == state.lists.end() || endpoint == nullptr || found->second.base_url != to_string(endpoint->base))
        return nullptr;
    return &found->second;
}

ListState ProviderService::list_state(const Provider& provider) const {
    const std::lock_guard lock(mutex_);
    const StoredModelList* list = list_of(state_, provider);
    return list == nullptr ? ListState{} : ListState{list->fetched, list->models.size()};
}

Result<StoredModelList> ProviderService::fetch_list(std::string_view name) {
    return fetch_list(name, limit_within(outside_, asked_for_limit));
}

Result<StoredModelList> ProviderService::fetch_list(std::string_view name, const OutsideLimit& limit) {
    const auto provider = find(name);
    if (!provider) return no_such_provider(name);
    const auto models = fetch_models(*provider, limit);
    if (!models) return std::unexpected(models.error());
    StoredModelList list;
    list.provider = provider->name;
    list.base_url = to_string(list_endpoint(*provider)->base);
    list.fetched = clock_.now();
    for (const ListedModel& model : *models) list.models.push_back({model.id, model.created});
    const auto kept = change([&]() -> Result<void> {
        const auto& there = catalog_->providers();
        if (std::ranges::none_of(there, [&](const auto& p) { return p->name == name; })) return no_such_provider(name);
        State next = state_;
        next.lists.insert_or_assign(list.provider, list);
        return become(std::move(next), [&](State&) { return store_.put_model_list(list); });
    });
    if (!kept) return std::unexpected(kept.error());
    return list;
}

// Whoever waits for a list holds the one pointer of their waiting; when the last is let go, `done` is called.
void ProviderService::refresh_model_lists(std::function<void()> done) {
    const std::shared_ptr<void> waiting(nullptr, [done = std::move(done)](void*) { done(); });
    const UnixMicros now = clock_.now();
    for (const ProviderPtr& provider : snapshot()->providers()) {
        if (provider->local || !provider->problem.empty() || list_endpoint(*provider) == nullptr) continue;
        if (std::ranges::none_of(provider->models, is_pattern)) continue;
        {
            const std::lock_guard lock(mutex_);
            const StoredModelList* list = list_of(state_, *provider);
            if (list != nullptr && now - list->fetched < list_age_us) continue;
            if (const auto fetching = fetching_.find(provider->name); fetching != fetching_.end()) {
                fetching->second.push_back(waiting);
                continue;
            }
            UnixMicros& asked = asked_[provider->name];
            if (asked != 0 && now - asked < list_retry_us) continue;
            asked = now;
            fetching_[provider->name].push_back(waiting);
        }
        if (outside_ == nullptr) {
            refresh_list(provider->name);
        } else {
            outside_->post({}, [this, name = provider->name] { refresh_list(name); });
        }
    }
}

void ProviderService::refresh_list(const std::string& name) {
    if (auto list = fetch_list(name, limit_within(outside_, refresh_limit)); !list)
        spdlog::info("no model list from provider {}: {}", name, list.error().message);
    std::vector<std::shared_ptr<void>> waiting;  // let go without the mutex: each calls back
    const std::lock_guard lock(mutex_);
    waiting.swap(fetching_[name]);
    fetching_.erase(name);
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
    return test_provider(*provider, request.model, request.family, clock_, limit_within(outside_, asked_for_limit));
}

Result<ProviderService::Checked> ProviderService::check(std::string_view name) {
    const auto provider = find(name);
    if (!provider) return no_such_provider(name);
    const OutsideLimit limit = limit_within(outside_, asked_for_limit);
    Checked checked;
    for (const auto& [family, endpoint] : provider->endpoints)
        checked.families.push_back(check_address(*provider, family, limit));
    if (checked.families.size() != 1 || checked.families.front().instead.empty()) return checked;
    auto given = stored_spec(name);
    if (!given) return std::unexpected(given.error());
    given->spec.base_url = checked.families.front().instead;
    auto moved = replace(*given, given->version);
    if (!moved) return std::unexpected(moved.error());
    checked.moved = true;
    return checked;
}

}  // namespace lurus::provider
