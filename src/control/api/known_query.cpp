#include "control/api/known_query.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/problem.hpp"
#include "core/text/ascii.hpp"
#include "core/text/edit_distance.hpp"

namespace lurus::control {
namespace {

constexpr std::size_t longest_shown = 60, most_shown = 5;

std::vector<std::string_view> known_parameters(const ApiRoute& route) {
    std::vector<std::string_view> names;
    for (const auto& param : route.query) names.emplace_back(param.name);
    if (!route.is_public() && std::ranges::find(names, "org") == names.end()) names.emplace_back("org");
    return names;
}

std::string_view nearest_to(std::string_view wanted, const std::vector<std::string_view>& names) {
    std::string_view best;
    std::size_t least = std::max<std::size_t>(2, wanted.size() / 3) + 1;
    for (const auto name : names) {
        const std::size_t distance = edit_distance(lower_case(wanted), lower_case(name));
        if (distance >= least || distance >= name.size()) continue;
        least = distance;
        best = name;
    }
    return best;
}

std::string list_of(const std::vector<std::string_view>& names) {
    std::string out;
    for (const auto name : names) out += (out.empty() ? "`" : ", `") + std::string(name) + "`";
    return out;
}

}  // namespace

std::optional<ApiResponse> unknown_parameters(const ApiRoute& route, const ApiRequest& request) {
    if (route.foreign_query || request.query.empty()) return std::nullopt;
    const auto known = known_parameters(route);
    std::string unknown;
    std::size_t shown = 0;
    for (const auto& [name, value] : request.query) {
        if (std::ranges::find(known, name) != known.end()) continue;
        if (++shown > most_shown) break;
        const std::string_view cut = std::string_view(name).substr(0, longest_shown);
        const auto nearest = nearest_to(cut, known);
        unknown += (unknown.empty() ? "`" : ", `") + std::string(cut) + "`";
        if (!nearest.empty()) unknown += " (did you mean `" + std::string(nearest) + "`?)";
    }
    if (unknown.empty()) return std::nullopt;
    return problem(400, route.method + " " + route.path + " has no query parameter " + unknown + "; it takes " +
                            (known.empty() ? "none" : list_of(known)));
}

}  // namespace lurus::control
