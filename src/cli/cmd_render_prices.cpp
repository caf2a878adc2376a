#include <fmt/format.h>

#include <algorithm>

#include "cli/cli_format.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

const Json& standard_rates(const Json& price) {
    static const Json none = Json::object();
    const Json& tiers = member(member(price, "rates"), "standard");
    return tiers.is_array() && !tiers.empty() ? member(tiers.front(), "pico_usd") : none;
}

bool is_per_piece(std::string_view name) {
    return name == "image" || name == "web_search" || name == "audio_second";
}

Cell rate(const Json& rates, std::string_view name) {
    auto pico = number_of(rates, name);
    if (!pico) return Cell(unknown_text, Color::dim);
    return is_per_piece(name) ? format_money(*pico / 1000) : format_price_per_million(*pico);
}

/// `CACHE READ`
std::string title_of(std::string name) {
    for (char& c : name) c = c == '_' ? ' ' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return name;
}

std::string day(const std::string& time) {
    return time.substr(0, 10);
}

}  // namespace

std::string render_prices(const Json& prices, const Style& style) {
    if (prices.empty())
        return "No price matches: `lurus prices list` shows all, `lurus prices import FILE` adds some.\n";
    Table table({{"VENDOR", Align::left, 6},
                 {"MODEL", Align::left, 16},
                 {"INPUT", Align::right},
                 {"CACHE READ", Align::right, 0, 2},
                 {"WRITE 5M", Align::right, 0, 3},
                 {"WRITE 1H", Align::right, 0, 4},
                 {"OUTPUT", Align::right},
                 {"SINCE", Align::left, 0, 1},
                 {"FROM", Align::left, 0, 5}});
    for (const auto& p : prices) {
        const Json& rates = standard_rates(p);
        table.add({text_of(p, "vendor"), text_of(p, "model"), rate(rates, "input"), rate(rates, "cache_read"),
                   rate(rates, "cache_write_5m"), rate(rates, "cache_write_1h"), rate(rates, "output"),
                   day(text_of(p, "from")), text_of(p, "origin")});
    }
    return table.render(style) + colored("US dollars per million tokens.\n", Color::dim, style.color);
}

std::string render_price(const Json& price, const Style& style) {
    std::string out =
        colored(printable(text_of(price, "vendor") + "/" + text_of(price, "model")), Color::bold, style.color) + "\n";
    std::string until = day(text_of(price, "until"));
    const char* state = flag_of(price, "applies") ? "in force" : "not in force now:";
    out += fmt::format("  {} from {}{}, {}\n", state, day(text_of(price, "from")),
                       until.empty() ? "" : " until " + until, printable(text_of(price, "origin")));
    if (!text_of(price, "source").empty()) {
        std::string checked = text_of(price, "checked");
        out += "  source " + printable(text_of(price, "source")) + (checked.empty() ? "" : ", looked up " + checked) +
               "\n";
    }
    if (std::string aliases = joined(member(price, "aliases")); !aliases.empty())
        out += "  also " + printable(aliases) + "\n";
    std::vector<std::string> classes;
    const Json& services = member(price, "rates");
    for (const auto& tiers : services) {
        for (const auto& tier : tiers) {
            for (const auto& [name, pico] : member(tier, "pico_usd").items()) {
                if (std::find(classes.begin(), classes.end(), name) == classes.end()) classes.push_back(name);
            }
        }
    }
    std::vector<Column> columns = {{"SERVICE"}, {"INPUT OVER", Align::right}};
    for (const auto& name : classes) columns.push_back({title_of(name), Align::right});
    Table table(columns);
    for (const auto& [service, tiers] : services.items()) {
        for (const auto& tier : tiers) {
            auto above = number_of(tier, "above_input_tokens").value_or(0);
            Row row = {service, above == 0 ? std::string() : format_tokens(above)};
            for (const auto& name : classes) row.push_back(rate(member(tier, "pico_usd"), name));
            table.add(std::move(row));
        }
    }
    return out + table.render(style) +
           colored("US dollars per million tokens, per image, per search, per second of sound.\n", Color::dim,
                   style.color);
}

}  // namespace lurus::cli
