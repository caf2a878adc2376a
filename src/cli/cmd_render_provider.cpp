#include <fmt/format.h>

#include <algorithm>

#include "cli/cli_format.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

/// The first endpoint's address, and all families: most vendors speak one.
std::pair<std::string, std::string> endpoints_of(const Json& object) {
    std::string base, families;
    const Json& endpoints = member(object, "endpoints");
    if (!endpoints.is_object()) return {};
    for (const auto& [family, endpoint] : endpoints.items()) {
        families += (families.empty() ? "" : ", ") + family;
        if (base.empty()) base = text_of(endpoint, "base_url");
    }
    return {base, families};
}

std::string credential_of(const Json& provider) {
    const Json& credential = member(provider, "credential");
    std::string source = text_of(credential, "source"), hint = text_of(credential, "hint");
    return hint.empty() ? source : source + " " + hint;
}

/// Enough of a long list to tell it by.
std::string models_of(const Json& provider) {
    const Json& models = member(provider, "models");
    constexpr std::size_t most = 4;
    if (!models.is_array() || models.size() <= most + 1) return joined(models);
    Json first = Json::array();
    for (std::size_t i = 0; i < most; ++i) first.push_back(models[i]);
    return fmt::format("{} +{}", joined(first), models.size() - most);
}

}  // namespace

std::string render_providers(const Json& providers, const Style& style) {
    if (providers.empty())
        return "No providers yet: add one with `lurus provider add NAME --kind KIND --api-key-env VAR`.\n";
    std::vector<Column> columns = {{"NAME", Align::left, 8},       {"KIND"},
                                   {"STATUS", Align::left, 8},     {"CREDENTIAL", Align::left, 8, 2},
                                   {"MODELS", Align::left, 10, 3}, {"BASE URL", Align::left, 16, 1},
                                   {"FROM", Align::left, 0, 4}};
    const bool grouped = std::ranges::any_of(providers, [](const Json& p) { return !member(p, "groups").empty(); });
    if (grouped) columns.push_back({"GROUPS", Align::left, 6, 5});
    Table table(std::move(columns));
    for (const auto& p : providers) {
        std::string problem = text_of(p, "problem");
        bool disabled = flag_of(p, "disabled");
        Cell status = disabled          ? Cell("disabled", Color::yellow)
                      : problem.empty() ? Cell("ready", Color::green)
                                        : Cell(problem, Color::red);
        Row row = {text_of(p, "name"),    text_of(p, "kind"),  status, credential_of(p), models_of(p),
                   endpoints_of(p).first, text_of(p, "source")};
        if (grouped) row.emplace_back(joined(member(p, "groups")));
        table.add(std::move(row));
    }
    return table.render(style);
}

std::string render_presets(const Json& presets, const Style& style) {
    Table table({{"KIND"},
                 {"VENDOR", Align::left, 8},
                 {"APIS", Align::left, 8, 2},
                 {"BASE URL", Align::left, 20, 1},
                 {"KEY VARIABLE", Align::left, 0, 3}});
    for (const auto& p : presets) {
        auto [base, families] = endpoints_of(p);
        if (flag_of(p, "needs_base_url")) base = "give --base-url";
        std::string kind = text_of(p, "kind"), alias = text_of(p, "alias");
        table.add(
            {alias.empty() ? kind : kind + ", " + alias, text_of(p, "title"), families, base, text_of(p, "key_env")});
    }
    return table.render(style);
}

std::string render_provider_test(const Json& result, const std::string& name, const Style& style) {
    bool ok = flag_of(result, "ok");
    std::string out = ok ? colored("✓ ", Color::green, style.color) : colored("✗ ", Color::red, style.color);
    out += printable(name);
    std::string model = text_of(result, "model");
    if (!model.empty()) out += " (" + printable(model) + ")";
    auto took = number_of(result, "latency_us");
    auto status = number_of(result, "status");
    out += ok ? " answered" : " failed";
    if (status) out += fmt::format(" with {}", *status);
    if (took) out += " in " + format_duration(*took);
    std::string detail = text_of(result, "detail");
    if (!detail.empty()) out += ": " + printable(detail);
    return out + "\n";
}

std::string render_address_checks(const Json& provider, const Style& style) {
    std::string out;
    for (const auto& check : member(provider, "check")) {
        const std::string found = text_of(check, "found");
        out += found == "works" ? colored("✓ ", Color::green, style.color) : colored("✗ ", Color::red, style.color);
        out += printable(text_of(check, "family"));
        if (const std::string url = text_of(check, "url"); !url.empty()) out += ", requests go to " + printable(url);
        out += ": ";
        if (found == "unreachable") out += "not reachable: ";
        out += printable(text_of(check, "detail")) + "\n";
        const std::string instead = text_of(check, "instead");
        if (!instead.empty() && !flag_of(check, "changed"))
            out += "  Use it there: lurus provider edit " + printable(text_of(provider, "name")) + " --base-url '" +
                   printable(instead) + "'\n";
        if (!instead.empty() && flag_of(check, "changed")) out += "  Its base URL is " + printable(instead) + " now.\n";
    }
    return out;
}

std::string render_routes(const Json& routes, const Style& style) {
    if (routes.empty())
        return "No routes: a model goes to the provider that has it. Add one with `lurus route add MODEL --to "
               "PROVIDER/MODEL`.\n";
    Table table(
        {{"MODEL", Align::left, 12}, {"API", Align::left}, {"TO", Align::left, 20}, {"FROM", Align::left, 0, 1}});
    for (const auto& r : routes) {
        std::string family = text_of(r, "family");
        table.add({text_of(r, "model"), family.empty() ? "any" : family, joined(member(r, "to"), ", then "),
                   text_of(r, "source")});
    }
    return table.render(style);
}

std::string render_resolution(const Json& resolution, const Style& style) {
    Table table({{"API"},
                 {"#", Align::right},
                 {"PROVIDER", Align::left, 8},
                 {"MODEL", Align::left, 12},
                 {"WHY", Align::left, 12}});
    for (const auto& entry : list_of(resolution)) {
        std::string family = text_of(entry, "family");
        std::string problem = text_of(entry, "problem");
        if (!problem.empty()) {
            table.add({family, "", Cell(unknown_text), Cell(unknown_text), Cell(problem, Color::red)});
            continue;
        }
        int n = 0;
        for (const auto& c : member(entry, "candidates")) {
            table.add({n == 0 ? family : "", std::to_string(n + 1), text_of(c, "provider"),
                       text_of(c, "upstream_model"), text_of(c, "because")});
            ++n;
        }
    }
    return table.render(style);
}

}  // namespace lurus::cli
