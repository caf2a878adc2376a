#include "modules/provider/catalog/route_targets.hpp"

#include <algorithm>

#include "modules/provider/catalog/build.hpp"

namespace lurus::provider {

Result<std::vector<RouteTarget>> RouteTargets::of(const CatalogRoute& route, std::vector<std::string>& warnings) const {
    std::vector<RouteTarget> out;
    std::vector<std::string> path;
    if (auto done = expand(route, path, out, warnings); !done) return std::unexpected(done.error());
    return out;
}

const CatalogRoute* RouteTargets::exact_route(std::string_view model) const {
    const auto found =
        std::ranges::find_if(input_.routes, [&](const auto& r) { return !r.spec.family && r.spec.model == model; });
    return found == input_.routes.end() ? nullptr : &*found;
}

std::string RouteTargets::names() const {
    std::string out;
    for (const auto& provider : input_.providers) {
        if (!out.empty()) out += ", ";
        out += provider->name;
    }
    return out.empty() ? "none" : out;
}

Result<void> RouteTargets::expand(const CatalogRoute& route, std::vector<std::string>& path,
                                  std::vector<RouteTarget>& out, std::vector<std::string>& warnings) const {
    const std::string& model = route.spec.model;
    path.push_back(model);
    for (const std::string& entry : route.spec.to) {
        const auto slash = entry.find('/');
        const auto provider =
            std::ranges::find(input_.providers, entry.substr(0, slash), [](const auto& p) { return p->name; });
        if (provider != input_.providers.end()) {
            RouteTarget target;
            target.provider = static_cast<std::size_t>(provider - input_.providers.begin());
            if (slash != std::string::npos) target.model = entry.substr(slash + 1);
            target.keep = target.model.empty() || target.model == "*";
            out.push_back(std::move(target));
            continue;
        }
        const bool circle = std::ranges::find(path, entry) != path.end();
        if (const auto* alias = circle ? nullptr : exact_route(entry); alias != nullptr) {
            const std::size_t begin = out.size();
            if (auto done = expand(*alias, path, out, warnings); !done) return done;
            for (std::size_t i = begin; i < out.size(); ++i) {
                if (!out[i].keep) continue;
                out[i].keep = false;
                out[i].model = entry;
            }
            continue;
        }
        bool found = false;
        for (std::size_t i = 0; i < input_.providers.size(); ++i) {
            if (std::ranges::find(input_.providers[i]->models, entry) == input_.providers[i]->models.end()) continue;
            out.push_back(RouteTarget{i, entry, false});
            found = true;
        }
        if (found) continue;
        std::string message = "route '" + model + "': ";
        if (circle) {
            message += "its target '" + entry + "' leads back to it";
        } else {
            message += "its target '" + entry + "' names neither a provider (there are: " + names() +
                       "), nor a route, nor a model that a provider declares";
        }
        if (!route.lenient) return fail(ErrorCode::invalid_argument, std::move(message), subject_of(route.spec));
        warnings.push_back(std::move(message));
    }
    path.pop_back();
    return {};
}

}  // namespace lurus::provider
