#include "modules/provider/catalog/catalog_tables.hpp"

#include <algorithm>
#include <unordered_set>

#include "core/text/glob.hpp"
#include "modules/provider/catalog/route_targets.hpp"

namespace lurus::provider {
namespace {

class Builder {
public:
    explicit Builder(const CatalogInput& input) : input_(input) {
        out_.providers = input.providers;
        for (std::size_t i = 0; i < out_.providers.size(); ++i) out_.by_name.emplace(out_.providers[i]->name, i);
    }

    Result<CatalogTables> build(std::vector<std::string>& warnings) && {
        const RouteTargets targets(input_);
        for (const CatalogRoute& route : input_.routes) {
            auto found = targets.of(route, warnings);
            if (!found) return std::unexpected(found.error());
            for (const Family family : families) add_route(family, route.spec, *found);
        }
        for (const Family family : families) {
            CatalogTable& table = table_of(family);
            std::ranges::stable_sort(table.globs, std::greater{}, &GlobRoute::prefix);
            for (std::size_t i = 0; i < out_.providers.size(); ++i) add_provider(family, i);
            std::ranges::stable_sort(table.patterns, std::greater{}, &ModelGlob::prefix);
            list_models(family, table);
        }
        return std::move(out_);
    }

private:
    CatalogTable& table_of(Family family) { return out_.of_family[static_cast<std::size_t>(family)]; }
    [[nodiscard]] bool usable(std::size_t i, Family family) const {
        return out_.providers[i]->problem.empty() && out_.providers[i]->endpoints.contains(family);
    }

    void add_route(Family family, const RouteSpec& spec, const std::vector<RouteTarget>& targets) {
        if (spec.family && *spec.family != family) return;
        CompiledRoute route;
        route.ready.route = spec.model;
        const std::string because = spec.family ? "default for " + std::string(name_of(family)) : "route";
        for (const RouteTarget& target : targets) {
            route.wanted.push_back(target.provider);
            route.speaks = route.speaks || out_.providers[target.provider]->endpoints.contains(family);
            if (!usable(target.provider, family)) continue;
            Candidate candidate;
            candidate.provider = out_.providers[target.provider];
            candidate.upstream_model = target.keep ? spec.model : target.model;
            candidate.because = reason(route.ready.candidates.size(), because);
            route.ready.candidates.push_back(std::move(candidate));
            route.keep.push_back(target.keep ? 1 : 0);
        }
        CatalogTable& table = table_of(family);
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

    void add_provider(Family family, std::size_t i) {
        if (!usable(i, family)) return;
        const Provider& provider = *out_.providers[i];
        CatalogTable& table = table_of(family);
        table.usable.push_back(i);
        const auto add_name = [i](auto& map, const std::string& name) {
            auto& list = map[name];
            if (list.empty() || list.back() != i) list.push_back(i);
        };
        for (const std::string& model : provider.models) {
            if (is_glob(model)) {
                table.patterns.push_back(ModelGlob{model, glob_prefix(model).size(), i});
            } else {
                add_name(table.named, model);
            }
        }
        const auto found = input_.listed.find(provider.name);
        if (found == input_.listed.end() || !has_preset_models(provider)) return;
        for (const ListedModel& model : found->second) {
            if (!model.family || model.family == family) add_name(table.listed, model.id);
        }
    }

    void list_models(Family family, CatalogTable& table) const {
        std::unordered_set<std::string> seen;
        const auto add = [&](const std::string& id, const std::string& owner, UnixMicros created) {
            if (!seen.insert(id).second) return;
            ModelEntry entry;
            entry.id = id;
            entry.owner = owner;
            entry.created = created;
            table.models.push_back(std::move(entry));
        };
        for (const CatalogRoute& route : input_.routes) {
            const auto found = route.spec.family ? table.exact.end() : table.exact.find(route.spec.model);
            if (found == table.exact.end() || found->second.ready.candidates.empty()) continue;
            add(route.spec.model, found->second.ready.candidates.front().provider->name, 0);
        }
        for (const std::size_t i : table.usable) {
            const Provider& provider = *out_.providers[i];
            for (const std::string& model : provider.models) {
                if (!is_glob(model)) add(model, provider.name, 0);
            }
            const auto found = input_.listed.find(provider.name);
            if (found == input_.listed.end()) continue;
            const bool all = has_preset_models(provider);
            for (const ListedModel& model : found->second) {
                if (model.family && model.family != family) continue;
                if (all || provider.serves(model.id)) add(model.id, provider.name, model.created);
            }
        }
    }

    const CatalogInput& input_;
    CatalogTables out_;
};

}  // namespace

Result<CatalogTables> build_tables(const CatalogInput& input, std::vector<std::string>& warnings) {
    return Builder(input).build(warnings);
}

}  // namespace lurus::provider
