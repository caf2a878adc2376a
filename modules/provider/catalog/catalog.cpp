#include "modules/provider/catalog/catalog.hpp"

#include <algorithm>

#include "core/text/glob.hpp"
#include "modules/provider/catalog/catalog_tables.hpp"
#include "modules/provider/catalog/suggest.hpp"
#include "modules/provider/vendors/presets.hpp"

namespace lurus {

bool Provider::serves(std::string_view model) const {
    return std::ranges::any_of(models, [&](const std::string& pattern) { return glob_match(pattern, model); });
}

namespace provider {
namespace {

using Found = Result<Resolution>;

std::string shown_name(std::string_view model) {
    std::string out(model.substr(0, 100));
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
    }
    return "'" + out + (model.size() > 100 ? "…'" : "'");
}

/// The catalogue as it is for whoever may use the accounts of these groups; of none = all of them.
class View {
public:
    View(const CatalogTables& tables, Family family, const AccountGroups& only)
        : tables_(tables), table_(tables.of(family)), family_(family), only_(only) {}

    /// With `explained` false a failure has no message.
    [[nodiscard]] Found resolve(std::string_view model, bool explained = true) const {
        // A route that leads to other dialects only is not for this caller, but explains a failure.
        const CompiledRoute* foreign = nullptr;
        if (const auto found = table_.exact.find(model); found != table_.exact.end()) {
            if (is_for_me(found->second)) return take(found->second, model);
            if (reaches(found->second)) foreign = &found->second;
        }
        for (const GlobRoute& glob : table_.globs) {
            if (!glob_match(glob.pattern, model)) continue;
            if (is_for_me(glob.route)) return take(glob.route, model);
            if (foreign == nullptr && reaches(glob.route)) foreign = &glob.route;
        }
        if (const auto slash = model.find('/'); slash != std::string_view::npos) {
            if (auto addressed = address(model.substr(0, slash), model.substr(slash + 1))) return std::move(*addressed);
        }
        if (const auto found = table_.named.find(model); found != table_.named.end()) {
            if (auto offered = offer(found->second, model, "model"); !offered.candidates.empty()) return offered;
        }
        if (auto matched = match(model); !matched.candidates.empty()) return matched;
        if (const auto found = table_.listed.find(model); found != table_.listed.end()) {
            if (auto offered = offer(found->second, model, "model list"); !offered.candidates.empty()) return offered;
        }
        if (table_.fallback && (only_.empty() || reaches(*table_.fallback))) return take(*table_.fallback, model);
        if (!explained) return fail(ErrorCode::not_found, "");
        if (foreign != nullptr) return blocked(*foreign, model);
        return unknown(model);
    }

    [[nodiscard]] Found any() const {
        Resolution out;
        const auto push = [&](const ProviderPtr& provider, std::string because) {
            if (!covers(*provider)) return;
            if (std::ranges::any_of(out.candidates, [&](const Candidate& c) { return c.provider == provider; })) return;
            Candidate candidate;
            candidate.provider = provider;
            candidate.because = std::move(because);
            out.candidates.push_back(std::move(candidate));
        };
        if (table_.fallback) {
            for (const Candidate& candidate : table_.fallback->ready.candidates)
                push(candidate.provider, candidate.because);
        }
        for (const std::size_t i : table_.usable) push(provider(i), "serves " + std::string(name_of(family_)));
        if (out.candidates.empty()) return nobody();
        return out;
    }

    [[nodiscard]] std::vector<ModelEntry> models() const {
        if (only_.empty()) return table_.models;
        std::vector<ModelEntry> out;
        for (const ModelEntry& entry : table_.models) {
            const auto found = resolve(entry.id, false);
            if (!found) continue;
            out.push_back(entry);
            out.back().owner = found->candidates.front().provider->name;
        }
        return out;
    }

private:
    [[nodiscard]] const ProviderPtr& provider(std::size_t i) const { return tables_.providers[i]; }
    [[nodiscard]] bool covers(const Provider& provider) const { return only_.empty() || only_.meets(provider.groups); }
    [[nodiscard]] bool reaches(const CompiledRoute& route) const {
        return only_.empty() || std::ranges::any_of(route.wanted, [&](std::size_t i) { return covers(*provider(i)); });
    }
    [[nodiscard]] bool is_for_me(const CompiledRoute& route) const {
        if (only_.empty() || !route.speaks) return route.speaks;
        return std::ranges::any_of(route.wanted, [&](std::size_t i) {
            return covers(*provider(i)) && provider(i)->endpoints.contains(family_);
        });
    }

    [[nodiscard]] Found take(const CompiledRoute& route, std::string_view model) const {
        Resolution out = route.ready;
        for (std::size_t i = 0; i < out.candidates.size(); ++i) {
            if (route.keep[i] != 0) out.candidates[i].upstream_model = model;
        }
        if (!only_.empty()) {
            std::erase_if(out.candidates, [&](const Candidate& c) { return !covers(*c.provider); });
            for (std::size_t i = 0; i < out.candidates.size(); ++i)
                out.candidates[i].because = reason(i, route.ready.candidates.front().because);
        }
        if (out.candidates.empty()) return blocked(route, model);
        return out;
    }

    [[nodiscard]] Resolution offer(const std::vector<std::size_t>& providers, std::string_view model,
                                   std::string_view because) const {
        Resolution out;
        out.candidates.reserve(providers.size());
        for (const std::size_t i : providers) {
            if (!covers(*provider(i))) continue;
            std::string why = reason(out.candidates.size(), because);
            Candidate& candidate = out.candidates.emplace_back();
            candidate.provider = provider(i);
            candidate.upstream_model = model;
            candidate.because = std::move(why);
        }
        return out;
    }

    [[nodiscard]] Resolution match(std::string_view model) const {
        std::vector<std::size_t> found;
        std::size_t prefix = 0;
        for (const ModelGlob& glob : table_.patterns) {
            if (!found.empty() && glob.prefix < prefix) break;
            if (!covers(*provider(glob.provider)) || !glob_match(glob.pattern, model)) continue;
            prefix = glob.prefix;
            if (std::ranges::find(found, glob.provider) == found.end()) found.push_back(glob.provider);
        }
        return offer(found, model, "model pattern");
    }

    /// Nothing when the first part is no provider that speaks this dialect.
    [[nodiscard]] std::optional<Found> address(std::string_view name, std::string_view model) const {
        const auto found = tables_.by_name.find(name);
        if (found == tables_.by_name.end() || model.empty()) return std::nullopt;
        const Provider& named = *provider(found->second);
        if (!named.endpoints.contains(family_) || !covers(named)) return std::nullopt;
        if (!named.problem.empty())
            return fail(ErrorCode::unavailable, "provider '" + named.name + "' cannot be used: " + named.problem);
        if (!named.serves(model) && !has_preset_models(named)) {
            // The whole may still be a model's name.
            if (table_.named.contains(named.name + "/" + std::string(model))) return std::nullopt;
            return fail(ErrorCode::not_found, "provider '" + named.name + "' is not declared for the model " +
                                                  shown_name(model) + "; its models are " +
                                                  join_some(named.models, 10));
        }
        return offer({found->second}, model, "provider/model");
    }

    [[nodiscard]] std::unexpected<Error> blocked(const CompiledRoute& route, std::string_view model) const {
        const std::string start = "the route '" + route.ready.route + "' for the model " + shown_name(model) + " ";
        std::string reasons;
        std::vector<std::string> names;
        for (const std::size_t i : route.wanted) {
            const Provider& wanted = *provider(i);
            if (!covers(wanted)) continue;
            names.push_back(wanted.name);
            if (!wanted.endpoints.contains(family_)) continue;
            if (!reasons.empty()) reasons += "; ";
            reasons += "provider '" + wanted.name + "': " + wanted.problem;
        }
        if (!reasons.empty())
            return fail(ErrorCode::unavailable, start + "has no provider that can be used now: " + reasons);
        if (names.empty()) return fail(ErrorCode::not_found, start + "has no target left");
        return fail(ErrorCode::not_found, start + "leads to " + join_some(names, 5) + ", and none of them speaks the " +
                                              std::string(name_of(family_)) + " dialect that you called in");
    }

    [[nodiscard]] std::unexpected<Error> nobody() const {
        std::string reasons;
        for (const ProviderPtr& each : tables_.providers) {
            if (!each->endpoints.contains(family_) || !covers(*each)) continue;
            reasons += (reasons.empty() ? ": " : "; ") + each->name + ": " + each->problem;
        }
        const std::string dialect(name_of(family_));
        if (!reasons.empty()) {
            return fail(ErrorCode::unavailable, "no provider of the " + dialect + " dialect can be used now" + reasons);
        }
        return fail(ErrorCode::not_found, "no provider speaks the " + dialect +
                                              " dialect; add one with: lurus provider add NAME --kind " + dialect);
    }

    [[nodiscard]] std::unexpected<Error> unknown(std::string_view model) const {
        if (std::ranges::none_of(table_.usable, [&](std::size_t i) { return covers(*provider(i)); })) return nobody();
        for (const ProviderPtr& each : tables_.providers) {
            if (each->problem.empty() || !each->endpoints.contains(family_) || !covers(*each) || !each->serves(model))
                continue;
            return fail(ErrorCode::unavailable, "the model " + shown_name(model) + " is served by provider '" +
                                                    each->name + "', which cannot be used: " + each->problem);
        }
        std::vector<std::string> names;
        for (const ModelEntry& entry : models()) names.push_back(entry.id);
        std::string message =
            "no provider of the " + std::string(name_of(family_)) + " dialect has the model " + shown_name(model);
        if (const auto close = nearest(names, model, 3); !close.empty())
            message += "; did you mean " + join_some(close, 3) + "?";
        for (const GlobRoute& glob : table_.globs) {
            if (reaches(glob.route)) names.push_back(glob.pattern);
        }
        for (const ModelGlob& glob : table_.patterns) {
            if (covers(*provider(glob.provider))) names.push_back(glob.pattern);
        }
        if (!names.empty())
            message += (message.ends_with('?') ? " There are: " : "; there are: ") + join_some(names, 10);
        return fail(ErrorCode::not_found, std::move(message));
    }

    const CatalogTables& tables_;
    const CatalogTable& table_;
    const Family family_;
    const AccountGroups& only_;
};

class CompiledCatalog final : public Catalog {
public:
    explicit CompiledCatalog(CatalogTables tables) : tables_(std::move(tables)) {}

    [[nodiscard]] Found resolve(Family family, std::string_view model, const AccountGroups& only) const override {
        if (family == Family::gemini && model.starts_with("models/")) model.remove_prefix(7);
        return within(
            family, only, [&] { return "that serves the model " + shown_name(model); },
            [&](const View& view) { return view.resolve(model); });
    }
    [[nodiscard]] Found any(Family family, const AccountGroups& only) const override {
        return within(
            family, only, [&] { return "of the " + std::string(name_of(family)) + " dialect"; },
            [](const View& view) { return view.any(); });
    }
    [[nodiscard]] std::vector<ModelEntry> models(Family family, const AccountGroups& only) const override {
        return View(tables_, family, only).models();
    }
    [[nodiscard]] const std::vector<ProviderPtr>& providers() const override { return tables_.providers; }

private:
    /// What others could get is refused in another way than what nobody can.
    template <class What, class Ask>
    [[nodiscard]] Found within(Family family, const AccountGroups& only, What&& what, Ask&& ask) const {
        Found found = ask(View(tables_, family, only));
        if (found || only.empty() || found.error().code != ErrorCode::not_found) return found;
        const AccountGroups all;
        if (!ask(View(tables_, family, all))) return found;
        return fail(ErrorCode::permission_denied, "this key is for accounts of the groups " +
                                                      join_some(only.names(), 10) + ", and there is none " + what());
    }

    const CatalogTables tables_;
};

}  // namespace

bool has_preset_models(const Provider& provider) {
    const Preset* preset = find_preset(provider.kind);
    return preset != nullptr && std::ranges::equal(preset->models, provider.models);
}

Result<std::shared_ptr<const Catalog>> make_catalog(CatalogInput input, std::vector<std::string>& warnings) {
    auto tables = build_tables(input, warnings);
    if (!tables) return std::unexpected(tables.error());
    return std::make_shared<const CompiledCatalog>(*std::move(tables));
}

}  // namespace provider
}  // namespace lurus
