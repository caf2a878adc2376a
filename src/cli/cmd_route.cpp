#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cmd_render.hpp"

namespace lurus::cli {
namespace {

struct NewRoute {
    std::string model, family;
    std::vector<std::string> to;
};

int add_route(Cli& cli, const NewRoute& options) {
    Json body = {{"model", options.model}, {"to", options.to}};
    if (!options.family.empty()) body["family"] = options.family;
    auto added = cli.call("POST", "/api/v1/routes", {}, body);
    if (!added) return cli.report(added.error());
    if (cli.json)
        cli.print_json(*added);
    else
        cli.out << "Route '" << printable(options.model) << "' goes to "
                << printable(joined(Json(options.to), ", then ")) << ".\n";
    return exit_ok;
}

int edit_route(Cli& cli, const NewRoute& options) {
    const std::string id = options.family.empty() ? options.model : "default:" + options.family;
    auto changed = cli.call("PATCH", "/api/v1/routes/" + percent_encode(id), {}, {{"to", options.to}});
    if (!changed) return cli.report(changed.error());
    if (cli.json)
        cli.print_json(*changed);
    else
        cli.out << "Route '" << printable(id) << "' goes to " << printable(joined(Json(options.to), ", then "))
                << ".\n";
    return exit_ok;
}

int list_routes(Cli& cli) {
    auto routes = cli.get("/api/v1/routes");
    if (!routes) return cli.report(routes.error());
    if (cli.json)
        cli.print_json_lines(*routes);
    else
        cli.out << render_routes(list_of(*routes), cli.style);
    return exit_ok;
}

int remove_route(Cli& cli, const std::string& model) {
    auto gone = cli.call("DELETE", "/api/v1/routes/" + percent_encode(model));
    if (!gone) return cli.report(gone.error());
    if (cli.json)
        cli.print_json({{"removed", model}});
    else
        cli.out << "Route '" << printable(model) << "' is removed.\n";
    return exit_ok;
}

int test_route(Cli& cli, const std::string& model, const std::string& family, const std::string& group) {
    std::map<std::string, std::string> query = {{"model", model}};
    if (!family.empty()) query["family"] = family;
    if (!group.empty()) query["group"] = group;
    auto answer = cli.get("/api/v1/resolve", query);
    if (!answer) return cli.report(answer.error());
    if (cli.json)
        cli.print_json(*answer);
    else
        cli.out << render_resolution(*answer, cli.style);
    return exit_ok;
}

}  // namespace

void add_route_commands(CLI::App& app, Cli& cli) {
    CLI::App* route = app.add_subcommand("route", "Which providers answer for which model name");
    route->footer(
        "Examples:\n  lurus route add fast --to groq/llama-3.3-70b-versatile --to openai/gpt-4.1-mini\n  lurus route "
        "test fast");
    const std::vector<std::string> families = {"anthropic", "openai", "gemini"};

    const auto with_targets = [&](const char* name, const char* description, const char* examples,
                                  int (*act)(Cli&, const NewRoute&)) {
        auto options = std::make_shared<NewRoute>();
        CLI::App* command = route->add_subcommand(name, description);
        command
            ->add_option("model", options->model,
                         "The name clients use: exact, or a glob; '*' with --family is that API's default")
            ->required()
            ->type_name("MODEL");
        command
            ->add_option("--to", options->to,
                         "provider/upstream-model, or 'provider/*' to keep the name; repeatable: the next one is tried "
                         "when one fails")
            ->required()
            ->type_name("PROVIDER/MODEL")
            ->allow_extra_args(false);
        choose(cli, command->add_option("--family", options->family, "Only for clients of this API"), families);
        command->footer(examples);
        command->callback([&cli, options, act] { cli.run = [&cli, options, act] { return act(cli, *options); }; });
    };
    with_targets("add", "Send a model name to providers, in order",
                 "Examples:\n"
                 "  lurus route add fast --to groq/llama-3.3-70b-versatile --to openai/gpt-4.1-mini\n"
                 "  lurus route add 'claude-*' --to 'anthropic/*'\n"
                 "  lurus route add '*' --family openai --to 'openrouter/*'",
                 add_route);
    with_targets("edit", "Send it to other providers instead",
                 "Examples:\n"
                 "  lurus route edit fast --to openai/gpt-4.1-mini\n"
                 "  lurus route edit '*' --family openai --to 'openai/*'",
                 edit_route);

    CLI::App* listing = route->add_subcommand("list", "All routes");
    listing->footer("Examples:\n  lurus route list");
    listing->callback([&cli] { cli.run = [&cli] { return list_routes(cli); }; });

    auto which = std::make_shared<std::string>();
    auto family = std::make_shared<std::string>();
    CLI::App* removing = route->add_subcommand("remove", "Forget a route");
    removing->add_option("model", *which, "As it was added")->required()->type_name("MODEL");
    removing->footer("Examples:\n  lurus route remove fast");
    removing->callback([&cli, which] { cli.run = [&cli, which] { return remove_route(cli, *which); }; });

    CLI::App* testing = route->add_subcommand("test", "Who would answer for a model name, in order, and why");
    testing->add_option("model", *which, "As a client would name it")->required()->type_name("MODEL");
    choose(cli, testing->add_option("--family", *family, "For a client of this API (default: all)"), families);
    auto group = std::make_shared<std::string>();
    testing->add_option("--group", *group, "For a key of this account group (default: without)")->type_name("GROUP");
    testing->footer("Examples:\n  lurus route test claude-sonnet-4-5\n  lurus route test fast --family openai");
    testing->callback([&cli, which, family, group] {
        cli.run = [&cli, which, family, group] { return test_route(cli, *which, *family, *group); };
    });
}

}  // namespace lurus::cli
