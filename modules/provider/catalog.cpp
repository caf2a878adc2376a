#include "modules/provider/catalog.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "core/glob.hpp"
#include "modules/provider/presets.hpp"
#include "modules/provider/route_targets.hpp"
#include "modules/provider/suggest.hpp"

namespace lurus {

bool Provider::serves(std::string_view model) const {
    return std::ranges::any_of(models, [&](const std::string& pattern) { return glob_match(pattern, model); });
}

namespace provider {
namespace {

struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class T>
using StringMap = std::unordered_map<std::string, T, StringHash, std::equal_to<>>;
using ProviderPtr = std::shared_ptr<const Provider>;

constexpr std::array families{Family::anthropic, Family::openai, Family::gemini};

struct CompiledRoute {
    Resolution ready;
    std::vector<char> keep;           // candidates that take the client's name
    std::vector<std::size_t> wanted;  // providers named, also those that cannot be used here
    bool speaks = false;              // one of them speaks this dialect
};

struct GlobRoute {
    std::string pattern;
    std::size_t prefix = 0;
    CompiledRoute route;
};

struct ModelGlob {
    std::string pattern;
    std::size_t prefix = 0;
    std::size_t provider = 0;
};

struct Table {
    StringMap<CompiledRoute> exact;
    std::vector<GlobRoute> globs;  // most specific first
    StringMap<std::vector<std::size_t>> named;
    std::vector<ModelGlob> patterns;  // most specific first, then declared order
    StringMap<std::vector<std::size_t>> listed;
    std::optional<CompiledRoute> fallback;
    std::vector<ModelEntry> models;
    std::vector<std::size_t> usable;
};

std::string shown(std::string_view model) {
    std::string out(model.substr(0, 100));
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    }
    return "'" + out + (model.size() > 100 ? "…'" : "'");
}

class CompiledCatalog final : public Catalog {
public:
    Result<void> build(CatalogInput input, std::vector<std::string>& warnings) {
        providers_ = input.providers;
        for (std::size_t i = 0; i < providers_.size(); ++i) by_name_.emplace(providers_[i]->name, i);
        const RouteTargets targets(input);
        for (const CatalogRoute& route : input.routes) {
            auto found = targets.of(route, warnings);
            if (!found) return std::unexpected(found.error());
            for (const Family family : families) add_route(family, route.spec, *found);
        }
        for (const Family family : families) {
            Table& table = table_of(family);
            std::ranges::stable_sort(table.globs, std::greater{}, &GlobRoute::prefix);
            for (std::size_t i = 0; i < providers_.size(); ++i) add_provider(family, i, input.listed);
            std::ranges::stable_sort(table.patterns, std::greater{}, &ModelGlob::prefix);
            list_models(family, table, input);
        }
        return {};
    }

    [[nodiscard]] Result<Resolution> resolve(Family family, std::string_view model) const override {
        if (family == Family::gemini && model.starts_with("models/")) model.remove_prefix(7);
        const Table& table = table_of(family);
        // A route that leads to other dialects only is not for this caller, but explains a failure.
        const CompiledRoute* foreign = nullptr;
        if (const auto found = table.exact.find(model); found != table.exact.end()) {
            if (found->second.speaks) return take(family, found->second, model);
            foreign = &found->second;
        }
        for (const GlobRoute& glob : table.globs) {
            if (!glob_match(glob.pattern, model)) continue;
            if (glob.route.speaks) return take(family, glob.route, model);
            if (foreign == nullptr) foreign = &glob.route;
        }
        if (const auto slash = model.find('/'); slash != std::string_view::npos) {
            if (auto addressed = address(family, model.substr(0, slash), model.substr(slash + 1)))
                return std::move(*addressed);
        }
        if (const auto found = table.named.find(model); found != table.named.end())
            return offer(found->second, model, "model");
        if (auto matched = match(table, model); !matched.candidates.empty()) return matched;
        if (const auto found = table.listed.find(model); found != table.listed.end())
            return offer(found->second, model, "model list");
        if (table.fallback) return take(family, *table.fallback, model);
        if (foreign != nullptr) return blocked(family, *foreign, model);
        return unknown(family, model);
    }

    [[nodiscard]] Result<Resolution> any(Family family) const override {
        const Table& table = table_of(family);
        Resolution out;
        const auto push = [&](const ProviderPtr& provider, std::string because) {
            if (std::ranges::any_of(out.candidates, [&](const Candidate& c) { return c.provider == provider; })) return;
            Candidate candidate;
            candidate.provider = provider;
            candidate.because = std::move(because);
            out.candidates.push_back(std::move(candidate));
        };
        if (table.fallback) {
            for (const Candidate& candidate : table.fallback->ready.candidates)
                push(candidate.provider, candidate.because);
        }
        for (const std::size_t i : table.usable) push(providers_[i], "serves " + std::string(name_of(family)));
        if (out.candidates.empty()) return nobody(family);
        return out;
    }

    [[nodiscard]] std::vector<ModelEntry> models(Family family) const override { return table_of(family).models; }
    [[nodiscard]] const std::vector<ProviderPtr>& providers() const override { return providers_; }

private:
    Table& table_of(Family family) { return tables_[static_cast<std::size_t>(family)]; }
    [[nodiscard]] const Table& table_of(Family family) const { return tables_[static_cast<std::size_t>(family)]; }
    [[nodiscard]] bool usable(std::size_t i, Family family) const {
        return providers_[i]->problem.empty() && providers_[i]->endpoints.contains(family);
    }

    void add_route(Family family, const RouteSpec& spec, const std::vector<RouteTarget>& targets) {
        if (spec.family && *spec.family != family) return;
        CompiledRoute route;
        route.ready.route = spec.model;
        const std::string because = spec.family ? "default for " + std::string(name_of(family)) : "route";
        for (const RouteTarget& target : targets) {
            route.wanted.push_back(target.provider);
            route.speaks = route.speaks || providers_[target.provider]->endpoints.contains(family);
            if (!usable(target.provider, family)) continue;
            Candidate candidate;
            candidate.provider = providers_[target.provider];
            candidate.upstream_model = target.keep ? spec.model : target.model;
            const std::size_t before = route.ready.candidates.size();
            candidate.because = before == 0 ? because : "fallback " + std::to_string(before);
            route.ready.candidates.push_back(std::move(candidate));
            route.keep.push_back(target.keep ? 1 : 0);
        }
        Table& table = table_of(family);
        if (spec.family) {
            route.ready.route = "default";
            if (!table.fallback) table.fallback = std::move(route);
        } else if (is_glob(spec.model)) {
            GlobRoute glob;
            glob.pattern = spec.model;
            glob.prefix = glob_prefix(spec.model).size();
            glob.route = std::move(route);
            table.globs.push_back(std::move(glob));
        } else {
            table.exact.try_emplace(spec.model, std::move(route));
        }
    }

    void add_provider(Family family, std::size_t i, const std::map<std::string, std::vector<ListedModel>>& listed) {
        if (!usable(i, family)) return;
        Table& table = table_of(family);
        table.usable.push_back(i);
        const auto add_name = [i](auto& map, const std::string& name) {
            auto& list = map[name];
            if (list.empty() || list.back() != i) list.push_back(i);
        };
        for (const std::string& model : providers_[i]->models) {
            if (is_glob(model)) {
                table.patterns.push_back(ModelGlob{model, glob_prefix(model).size(), i});
            } else {
                add_name(table.named, model);
            }
        }
        const auto found = listed.find(providers_[i]->name);
        if (found == listed.end() || !has_preset_models(*providers_[i])) return;
        for (const ListedModel& model : found->second) {
            if (!model.family || model.family == family) add_name(table.listed, model.id);
        }
    }

    void list_models(Family family, Table& table, const CatalogInput& input) const {
        std::unordered_set<std::string> seen;
        const auto add = [&](const std::string& id, const std::string& owner, UnixMicros created) {
            if (!seen.insert(id).second) return;
            ModelEntry entry;
            entry.id = id;
            entry.owner = owner;
            entry.created = created;
            table.models.push_back(std::move(entry));
        };
        for (const CatalogRoute& route : input.routes) {
            const auto found = route.spec.family ? table.exact.end() : table.exact.find(route.spec.model);
            if (found == table.exact.end() || found->second.ready.candidates.empty()) continue;
            add(route.spec.model, found->second.ready.candidates.front().provider->name, 0);
        }
        for (const std::size_t i : table.usable) {
            const Provider& provider = *providers_[i];
            for (const std::string& model : provider.models) {
                if (!is_glob(model)) add(model, provider.name, 0);
            }
            const auto found = input.listed.find(provider.name);
            if (found == input.listed.end()) continue;
            const bool all = has_preset_models(provider);
            for (const ListedModel& model : found->second) {
                if (model.family && model.family != family) continue;
                if (all || provider.serves(model.id)) add(model.id, provider.name, model.created);
            }
        }
    }

    [[nodiscard]] Result<Resolution> take(Family family, const CompiledRoute& route, std::string_view model) const {
        if (route.ready.candidates.empty()) return blocked(family, route, model);
        Resolution out = route.ready;
        for (std::size_t i = 0; i < out.candidates.size(); ++i) {
            if (route.keep[i] != 0) out.candidates[i].upstream_model = model;
        }
        return out;
    }

    [[nodiscard]] Resolution offer(const std::vector<std::size_t>& providers, std::string_view model,
                                   std::string_view because) const {
        Resolution out;
        out.candidates.reserve(providers.size());
        for (const std::size_t i : providers) {
            Candidate& candidate = out.candidates.emplace_back();
            candidate.provider = providers_[i];
            candidate.upstream_model = model;
            candidate.because = out.candidates.size() == 1 ? std::string(because)
                                                           : "fallback " + std::to_string(out.candidates.size() - 1);
        }
        return out;
    }

    [[nodiscard]] Resolution match(const Table& table, std::string_view model) const {
        std::vector<std::size_t> found;
        std::size_t prefix = 0;
        for (const ModelGlob& glob : table.patterns) {
            if (!found.empty() && glob.prefix < prefix) break;
            if (!glob_match(glob.pattern, model)) continue;
            prefix = glob.prefix;
            if (std::ranges::find(found, glob.provider) == found.end()) found.push_back(glob.provider);
        }
        return offer(found, model, "model pattern");
    }

    /// Nothing when the first part is no provider that speaks this dialect.
    [[nodiscard]] std::optional<Result<Resolution>> address(Family family, std::string_view name,
                                                            std::string_view model) const {
        const auto found = by_name_.find(name);
        if (found == by_name_.end() || model.empty() || !providers_[found->second]->endpoints.contains(family))
            return std::nullopt;
        const Provider& provider = *providers_[found->second];
        if (!provider.problem.empty()) {
            return fail(ErrorCode::unavailable, "provider '" + provider.name + "' cannot be used: " + provider.problem);
        }
        if (!provider.serves(model) && !has_preset_models(provider)) {
            // The whole may still be a model's name.
            if (table_of(family).named.contains(provider.name + "/" + std::string(model))) return std::nullopt;
            return fail(ErrorCode::not_found, "provider '" + provider.name + "' is not declared for the model " +
                                                  shown(model) + "; its models are " + join_some(provider.models, 10));
        }
        return offer({found->second}, model, "provider/model");
    }

    [[nodiscard]] std::unexpected<Error> blocked(Family family, const CompiledRoute& route,
                                                 std::string_view model) const {
        const std::string start = "the route '" + route.ready.route + "' for the model " + shown(model) + " ";
        std::string reasons;
        for (const std::size_t i : route.wanted) {
            const Provider& provider = *providers_[i];
            if (!provider.endpoints.contains(family)) continue;
            if (!reasons.empty()) reasons += "; ";
            reasons += "provider '" + provider.name + "': " + provider.problem;
        }
        if (!reasons.empty())
            return fail(ErrorCode::unavailable, start + "has no provider that can be used now: " + reasons);
        std::vector<std::string> names;
        for (const std::size_t i : route.wanted) names.push_back(providers_[i]->name);
        if (names.empty()) return fail(ErrorCode::not_found, start + "has no target left");
        return fail(ErrorCode::not_found, start + "leads to " + join_some(names, 5) + ", and none of them speaks the " +
                                              std::string(name_of(family)) + " dialect that you called in");
    }

    [[nodiscard]] std::unexpected<Error> nobody(Family family) const {
        std::string reasons;
        for (const ProviderPtr& provider : providers_) {
            if (!provider->endpoints.contains(family)) continue;
            reasons += (reasons.empty() ? ": " : "; ") + provider->name + ": " + provider->problem;
        }
        if (!reasons.empty()) {
            return fail(ErrorCode::unavailable,
                        "no provider of the " + std::string(name_of(family)) + " dialect can be used now" + reasons);
        }
        return fail(ErrorCode::not_found, "no provider speaks the " + std::string(name_of(family)) +
                                              " dialect; add one with: lurus provider add NAME --kind " +
                                              std::string(name_of(family)));
    }

    [[nodiscard]] std::unexpected<Error> unknown(Family family, std::string_view model) const {
        const Table& table = table_of(family);
        if (table.usable.empty()) return nobody(family);
        for (const ProviderPtr& provider : providers_) {
            if (provider->problem.empty() || !provider->endpoints.contains(family) || !provider->serves(model))
                continue;
            return fail(ErrorCode::unavailable, "the model " + shown(model) + " is served by provider '" +
                                                    provider->name + "', which cannot be used: " + provider->problem);
        }
        std::vector<std::string> names;
        for (const ModelEntry& entry : table.models) names.push_back(entry.id);
        std::string message =
            "no provider of the " + std::string(name_of(family)) + " dialect has the model " + shown(model);
        if (const auto close = nearest(names, model, 3); !close.empty())
            message += "; did you mean " + join_some(close, 3) + "?";
        for (const GlobRoute& glob : table.globs) names.push_back(glob.pattern);
        for (const ModelGlob& glob : table.patterns) names.push_back(glob.pattern);
        if (!names.empty())
            message += (message.ends_with('?') ? " There are: " : "; there are: ") + join_some(names, 10);
        return fail(ErrorCode::not_found, std::move(message));
    }

    std::vector<ProviderPtr> providers_;
    StringMap<std::size_t> by_name_;
    std::array<Table, families.size()> tables_;
};

}  // namespace

bool has_preset_models(const Provider& provider) {
    const Preset* preset = find_preset(provider.kind);
    return preset != nullptr && std::ranges::equal(preset->models, provider.models);
}

Result<std::shared_ptr<const Catalog>> make_catalog(CatalogInput input, std::vector<std::string>& warnings) {
    auto catalog = std::make_shared<CompiledCatalog>();
    if (auto built = catalog->build(std::move(input), warnings); !built) return std::unexpected(built.error());
    return catalog;
}

}  // namespace provider
}  // namespace lurus
