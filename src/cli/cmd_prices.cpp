#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_render.hpp"
#include "cli/fetch_url.hpp"
#include "core/os/files.hpp"
#include "core/text/glob.hpp"

namespace lurus::cli {
namespace {

Outcome<Json> fetch_prices(Cli& cli, const std::string& pattern) {
    std::map<std::string, std::string> query = {{"limit", "1000"}};
    if (!pattern.empty()) query["model"] = is_glob(pattern) ? pattern : "*" + pattern + "*";
    Json all = Json::array();
    while (true) {
        auto page = cli.get("/api/v1/prices", query);
        if (!page) return std::unexpected(page.error());
        for (const auto& price : list_of(*page)) all.push_back(price);
        std::string next = text_of(*page, "next");
        if (next.empty()) return all;
        query["cursor"] = next;
    }
}

int list_prices(Cli& cli, const std::string& pattern) {
    auto prices = fetch_prices(cli, pattern);
    if (!prices) return cli.report(prices.error());
    if (cli.json)
        cli.print_json_lines(*prices);
    else
        cli.out << render_prices(*prices, cli.style);
    return exit_ok;
}

int show_price(Cli& cli, const std::string& model) {
    auto price = cli.get("/api/v1/prices/" + percent_encode(model));
    if (!price) return cli.report(price.error());
    if (cli.json) {
        cli.print_json_lines(*price);
        return exit_ok;
    }
    for (const auto& one : list_of(*price)) cli.out << render_price(one, cli.style);
    return exit_ok;
}

constexpr std::size_t most_of_prices = 16 << 20;  // as much as the management API takes

Result<Fetched> read_prices(Cli& cli, const std::string& from) {
    if (!is_web_address(from)) {
        auto text = from == "-" ? read_standard_input(most_of_prices) : read_file(from, most_of_prices);
        if (!text) return std::unexpected(text.error());
        return Fetched{*std::move(text), from};
    }
    const bool shown = cli.style.width > 0 && !cli.json;
    const auto fetched = fetch_url(from, most_of_prices, [&](std::size_t bytes) {
        if (shown) cli.err << "\rReading " << printable(from) << ": " << bytes / 1024 << " KiB" << std::flush;
    });
    if (shown) cli.err << "\r\x1b[K" << std::flush;
    return fetched;
}

int import(Cli& cli, const std::string& source, const std::string& from) {
    const auto read = read_prices(cli, source);
    if (!read) return cli.report(failure_of(read.error()));
    const std::string& file = read->url;
    Json prices = Json::parse(read->text, nullptr, false);
    if (prices.is_discarded())
        return cli.report(
            {exit_usage,
             fmt::format("{}: not JSON: give LiteLLM's model_prices_and_context_window.json, or genai-prices' "
                         "data.json; of a page of GitHub the address of the raw file",
                         file)});
    std::map<std::string, std::string> query;
    if (!from.empty()) {
        auto time = parse_moment(from, cli.clock.now());
        if (!time) return cli.report({exit_usage, fmt::format("--from {}: give a date, RFC 3339 or today", from)});
        query["effective_from"] = format_time(*time);
    }
    auto done = cli.call("POST", "/api/v1/prices/import", query, prices);
    if (!done) return cli.report(done.error());
    if (cli.json) {
        cli.print_json(*done);
        return exit_ok;
    }
    cli.out << fmt::format("{} models' prices were read from {}, {} of them new or changed.\n",
                           number_of(*done, "models").value_or(0), printable(file),
                           number_of(*done, "changed").value_or(0));
    if (const auto withdrawn = number_of(*done, "withdrawn").value_or(0); withdrawn > 0)
        cli.out << fmt::format("{} announced prices were withdrawn: the file does not name them any more.\n",
                               withdrawn);
    const auto skipped = number_of(*done, "skipped").value_or(0);
    if (skipped == 0) return exit_ok;
    cli.out << fmt::format("{} models were skipped:\n", skipped);
    const Json& named = member(*done, "skipped_models");
    for (const auto& one : named)
        cli.out << fmt::format("  {}: {}\n", printable(text_of(one, "model")), printable(text_of(one, "reason")));
    if (skipped > static_cast<std::int64_t>(named.size()))
        cli.out << fmt::format("  and {} more\n", skipped - static_cast<std::int64_t>(named.size()));
    return exit_ok;
}

struct Withdrawal {
    std::string model, vendor, provider, from;
    bool imported = false;
};

int withdraw(Cli& cli, const Withdrawal& what) {
    auto time = parse_moment(what.from, cli.clock.now());
    if (!time) return cli.report({exit_usage, fmt::format("--from {}: give a date or RFC 3339", what.from)});
    std::map<std::string, std::string> query = {{"from", format_time(*time)}};
    if (!what.vendor.empty()) query["vendor"] = what.vendor;
    if (!what.provider.empty()) query["provider"] = what.provider;
    if (what.imported) query["origin"] = "import";
    auto done = cli.call("DELETE", "/api/v1/prices/" + percent_encode(what.model), query, Json());
    if (!done) return cli.report(done.error());
    if (!cli.json)
        cli.out << fmt::format("The price of {} from {} on is withdrawn.\n", printable(what.model),
                               format_time(*time).substr(0, 10));
    return exit_ok;
}

}  // namespace

void add_price_commands(CLI::App& app, Cli& cli) {
    CLI::App* prices = app.add_subcommand("prices", "What models cost");
    prices->footer("Examples:\n  lurus prices show claude-sonnet-4-5\n  lurus prices list 'gemini*'");

    auto filter = std::make_shared<std::string>();
    CLI::App* listing = prices->add_subcommand("list", "US dollars per million tokens, in force today");
    listing->add_option("filter", *filter, "Only models whose name holds this, or a glob such as 'anthropic/*'")
        ->type_name("TEXT");
    listing->footer(
        "Examples:\n  lurus prices list\n  lurus prices list claude\n  lurus prices list 'openai/*' --json");
    listing->callback([&cli, filter] { cli.run = [&cli, filter] { return list_prices(cli, *filter); }; });

    auto model = std::make_shared<std::string>();
    CLI::App* showing = prices->add_subcommand("show", "One model's prices: classes, tiers, since when, source");
    showing->add_option("model", *model, "The upstream model")->required()->type_name("MODEL");
    showing->footer("Examples:\n  lurus prices show gpt-5");
    showing->callback([&cli, model] { cli.run = [&cli, model] { return show_price(cli, *model); }; });

    auto file = std::make_shared<std::string>();
    auto from = std::make_shared<std::string>();
    CLI::App* importing =
        prices->add_subcommand("import", "Take prices from a file or web address of LiteLLM or of genai-prices");
    takes_file(
        cli,
        importing
            ->add_option(
                "file", *file,
                "model_prices_and_context_window.json, data.json, an https:// address of one, or - for standard input")
            ->required()
            ->type_name("FILE|URL"));
    importing->add_option("--from", *from, "In force from (default: now); a later day announces them")
        ->type_name("WHEN");
    importing->footer(
        "Examples:\n  lurus prices import model_prices_and_context_window.json\n  lurus prices import prices.json "
        "--from 2026-11-01\n  lurus prices import "
        "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json");
    importing->callback([&cli, file, from] { cli.run = [&cli, file, from] { return import(cli, *file, *from); }; });

    auto what = std::make_shared<Withdrawal>();
    CLI::App* withdrawing = prices->add_subcommand("withdraw", "Take back an announced price before its day");
    withdrawing->add_option("model", what->model, "The upstream model")->required()->type_name("MODEL");
    CLI::Option* vendor = withdrawing->add_option("--vendor", what->vendor, "Whose model")->type_name("NAME");
    withdrawing->add_option("--provider", what->provider, "Or: which provider's own price")
        ->type_name("NAME")
        ->excludes(vendor);
    withdrawing->add_option("--from", what->from, "From when it is announced")->required()->type_name("WHEN");
    withdrawing->add_flag("--imported", what->imported, "It came with an import, not from you");
    withdrawing->footer(
        "Examples:\n  lurus prices withdraw claude-sonnet-5 --vendor anthropic --from 2027-01-01 --imported");
    withdrawing->callback([&cli, what] { cli.run = [&cli, what] { return withdraw(cli, *what); }; });
}

}  // namespace lurus::cli
