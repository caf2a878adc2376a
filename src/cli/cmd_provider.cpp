#include <fmt/format.h>

#include <CLI/App.hpp>
#include <memory>
#include <ostream>

#include "cli/cli.hpp"
#include "cli/cli_format.hpp"
#include "cli/cmd_render.hpp"
#include "core/os/terminal.hpp"

namespace lurus::cli {
namespace {

struct ProviderOptions {
    std::string name, kind, base_url, api_key, api_key_env, api_key_file, api_version, ca_file, on_client_gone;
    std::vector<std::string> models, groups, headers;
    bool no_tls_verify = false;
    bool no_check = false;
    bool no_ask_usage = false;
};

/// What was given; `none` takes a value of an edited one away.
Outcome<Json> provider_body(const ProviderOptions& options) {
    Json body = Json::object();
    auto text = [&](const char* name, const std::string& value) {
        if (!value.empty()) body[name] = value == "none" ? Json(nullptr) : Json(value);
    };
    auto texts = [&](const char* name, const std::vector<std::string>& values) {
        if (values.empty()) return;
        body[name] = values.size() == 1 && values.front() == "none" ? Json::array() : Json(values);
    };
    text("kind", options.kind);
    text("base_url", options.base_url);
    text("api_key_env", options.api_key_env);
    text("api_key_file", options.api_key_file);
    text("api_version", options.api_version);
    text("ca_file", options.ca_file);
    text("on_client_gone", options.on_client_gone);
    if (options.no_ask_usage) body["ask_usage"] = false;
    if (options.no_tls_verify) body["tls_verify"] = false;
    texts("models", options.models);
    texts("groups", options.groups);
    for (const auto& header : options.headers) {
        std::size_t colon = header.find(':');
        if (colon == std::string::npos || colon == 0)
            return std::unexpected(
                Failure{exit_usage, fmt::format("--header '{}': write it as 'Name: value'", header)});
        std::size_t value = std::min(header.find_first_not_of(' ', colon + 1), header.size());
        body["headers"][header.substr(0, colon)] = header.substr(value);
    }
    if (options.api_key == "-") {
        auto key = read_secret(fmt::format("API key of {} (not shown): ", options.name));
        if (!key) return std::unexpected(failure_of(key.error()));
        body["api_key"] = *key;
    } else if (!options.api_key.empty()) {
        // An argument would be seen by every user of the machine, and kept in the shell's history.
        return std::unexpected(
            Failure{exit_usage, "--api-key takes '-' only: pipe the key in, or use --api-key-env or --api-key-file"});
    }
    return body;
}

int add_provider(Cli& cli, const ProviderOptions& options) {
    auto body = provider_body(options);
    if (!body) return cli.report(body.error());
    Json whole = {{"name", options.name}};
    whole.update(*body);
    std::map<std::string, std::string> query;
    if (!options.no_check) query["check"] = "true";
    auto added = cli.call("POST", "/api/v1/providers", query, whole);
    if (!added) return cli.report(added.error());
    if (cli.json) {
        cli.print_json(*added);
        return exit_ok;
    }
    cli.out << "Provider '" << printable(options.name) << "' is added.\n";
    std::string problem = text_of(*added, "problem");
    if (!problem.empty())
        cli.out << "It cannot be used yet: " << printable(problem) << "\n";
    else if (!options.no_check)
        cli.out << render_address_checks(*added, cli.style);
    else
        cli.out << "Try it: lurus provider test " << printable(options.name) << "\n";
    return exit_ok;
}

int change(Cli& cli, const std::string& name, const Json& body, const std::string& what) {
    auto changed = cli.call("PATCH", "/api/v1/providers/" + percent_encode(name), {}, body);
    if (!changed) return cli.report(changed.error());
    if (cli.json)
        cli.print_json(*changed);
    else
        cli.out << "Provider '" << printable(name) << "' is " << what << ".\n";
    return exit_ok;
}

int edit_provider(Cli& cli, const ProviderOptions& options) {
    auto body = provider_body(options);
    return body ? change(cli, options.name, *body, "changed") : cli.report(body.error());
}

int list_providers(Cli& cli) {
    auto providers = cli.get("/api/v1/providers");
    if (!providers) return cli.report(providers.error());
    if (cli.json)
        cli.print_json_lines(*providers);
    else
        cli.out << render_providers(list_of(*providers), cli.style);
    return exit_ok;
}

int test_provider(Cli& cli, const std::string& name, const std::string& model) {
    Json body = Json::object();
    if (!model.empty()) body["model"] = model;
    auto answer = cli.call("POST", "/api/v1/providers/" + percent_encode(name) + "/test", {}, body);
    if (!answer) return cli.report(answer.error());
    bool ok = flag_of(*answer, "ok");
    if (cli.json) {
        cli.print_json(*answer);
        return ok ? exit_ok : exit_failed;
    }
    cli.out << render_provider_test(*answer, name, cli.style);
    return ok ? exit_ok : exit_failed;
}

int models(Cli& cli, const std::string& name, bool refresh) {
    std::string path = "/api/v1/providers/" + percent_encode(name) + "/models";
    auto answer = cli.call(refresh ? "POST" : "GET", path);
    if (!answer) return cli.report(answer.error());
    if (cli.json) {
        cli.print_json(*answer);
        return exit_ok;
    }
    const Json& list = member(*answer, "models");
    for (const auto& model : list) cli.out << printable(text_of(model, "id")) << "\n";
    if (list.empty())
        cli.out << "No models known: `lurus provider models " << printable(name) << " --refresh` asks the vendor.\n";
    return exit_ok;
}

int remove_provider(Cli& cli, const std::string& name) {
    auto gone = cli.call("DELETE", "/api/v1/providers/" + percent_encode(name));
    if (!gone) return cli.report(gone.error());
    if (cli.json)
        cli.print_json({{"removed", name}});
    else
        cli.out << "Provider '" << printable(name) << "' is removed.\n";
    return exit_ok;
}

void add_settings(CLI::App& command, Cli& cli, ProviderOptions& o) {
    const auto list = [&](const char* name, std::vector<std::string>& out, const char* description, const char* type) {
        command.add_option(name, out, description)->type_name(type)->allow_extra_args(false);
    };
    command.add_option("--base-url", o.base_url, "Instead of the preset's")->type_name("URL");
    auto* env =
        command.add_option("--api-key-env", o.api_key_env, "Environment variable of the server that holds the key")
            ->type_name("VAR");
    auto* file = takes_file(
        cli, command.add_option("--api-key-file", o.api_key_file, "File that holds the key")->type_name("FILE"));
    auto* key =
        command.add_option("--api-key", o.api_key, "'-': read from standard input, or typed unseen")->type_name("-");
    env->excludes(file)->excludes(key);
    file->excludes(key);
    list("--model", o.models, "Models it answers for: names or globs (default: the preset's); repeatable", "MODEL");
    list("--group", o.groups, "A group of accounts it is in, for keys that are for some; repeatable", "GROUP");
    list("--header", o.headers, "'Name: value' added to every request; repeatable", "HEADER");
    command.add_option("--api-version", o.api_version, "Azure only")->type_name("VERSION");
    takes_file(cli, command.add_option("--ca-file", o.ca_file, "Extra roots, PEM")->type_name("FILE"));
    command.add_flag("--no-ask-usage", o.no_ask_usage, "Do not ask for the usage of chat streams whose client did not");
    command.add_flag("--no-tls-verify", o.no_tls_verify, "Do not check the vendor's certificate");
    choose(cli, command.add_option("--on-client-gone", o.on_client_gone, "When the client leaves mid-answer"),
           {"cancel", "drain"});
}

void add_add(CLI::App& provider, Cli& cli) {
    auto o = std::make_shared<ProviderOptions>();
    CLI::App* command = provider.add_subcommand("add", "Add a vendor's endpoint; its credential is stored encrypted");
    command->add_option("name", o->name, "What it is called here")->required()->type_name("NAME");
    command
        ->add_option("--kind", o->kind,
                     "The preset: anthropic, openai, gemini, openai-compatible ... (`lurus provider kinds`)")
        ->required()
        ->type_name("KIND");
    add_settings(*command, cli, *o);
    command->add_flag("--no-check", o->no_check, "Do not try its address");
    command->footer(
        "Examples:\n"
        "  lurus provider add anthropic --kind anthropic --api-key-env ANTHROPIC_API_KEY\n"
        "  pass show openai | lurus provider add openai --kind openai --api-key -\n"
        "  lurus provider add local --kind openai-compatible --base-url http://127.0.0.1:8000/v1 --model '*'");
    command->callback([&cli, o] { cli.run = [&cli, o] { return add_provider(cli, *o); }; });
}

void add_provider_edit(CLI::App& provider, Cli& cli) {
    auto o = std::make_shared<ProviderOptions>();
    CLI::App* command = provider.add_subcommand("edit", "Change a stored provider; the rest stays, none takes away");
    command->add_option("name", o->name, "The provider")->required()->type_name("NAME");
    add_settings(*command, cli, *o);
    command->footer(
        "Examples:\n"
        "  lurus provider edit openai --model 'gpt-*' --group vip\n"
        "  lurus provider edit openai --api-key -");
    command->callback([&cli, o] { cli.run = [&cli, o] { return edit_provider(cli, *o); }; });
}

CLI::App* named(CLI::App& provider, const char* name, const char* description, std::shared_ptr<std::string> which) {
    CLI::App* command = provider.add_subcommand(name, description);
    command->add_option("name", *which, "The provider")->required()->type_name("NAME");
    return command;
}

}  // namespace

void add_provider_commands(CLI::App& app, Cli& cli) {
    CLI::App* provider = app.add_subcommand("provider", "Vendors' endpoints and credentials");
    provider->footer(
        "Examples:\n  lurus provider list\n  lurus provider add openai --kind openai --api-key-env OPENAI_API_KEY");
    add_add(*provider, cli);
    add_provider_edit(*provider, cli);

    CLI::App* listing = provider->add_subcommand("list", "All providers");
    listing->footer("Examples:\n  lurus provider list");
    listing->callback([&cli] { cli.run = [&cli] { return list_providers(cli); }; });

    CLI::App* kinds = provider->add_subcommand("kinds", "The presets that --kind takes");
    kinds->footer("Examples:\n  lurus provider kinds");
    kinds->callback([&cli] {
        cli.run = [&cli] {
            auto presets = cli.get("/api/v1/presets");
            if (!presets) return cli.report(presets.error());
            if (cli.json)
                cli.print_json_lines(*presets);
            else
                cli.out << render_presets(list_of(*presets), cli.style);
            return int(exit_ok);
        };
    });

    auto which = std::make_shared<std::string>();
    auto model = std::make_shared<std::string>();
    CLI::App* testing = named(*provider, "test", "One tiny request, and what came of it", which);
    testing->add_option("--model", *model, "Ask this model")->type_name("MODEL");
    testing->footer("Examples:\n  lurus provider test anthropic\n  lurus provider test local --model qwen3");
    testing->callback(
        [&cli, which, model] { cli.run = [&cli, which, model] { return test_provider(cli, *which, *model); }; });

    auto refresh = std::make_shared<bool>(false);
    CLI::App* listed = named(*provider, "models", "The models it has", which);
    listed->add_flag("--refresh", *refresh, "Ask the vendor again");
    listed->footer("Examples:\n  lurus provider models openai --refresh");
    listed->callback(
        [&cli, which, refresh] { cli.run = [&cli, which, refresh] { return models(cli, *which, *refresh); }; });

    for (const auto& [name, disabled] : {std::pair("disable", true), std::pair("enable", false)}) {
        CLI::App* command =
            named(*provider, name, disabled ? "Send it nothing until it is enabled again" : "Use it again", which);
        command->footer(fmt::format("Examples:\n  lurus provider {} openai", name));
        command->callback([&cli, which, disabled] {
            cli.run = [&cli, which, disabled] {
                return change(cli, *which, {{"disabled", disabled}}, disabled ? "disabled" : "enabled");
            };
        });
    }

    CLI::App* removing = named(*provider, "remove", "Forget a provider and its credential", which);
    removing->footer("Examples:\n  lurus provider remove openai");
    removing->callback([&cli, which] { cli.run = [&cli, which] { return remove_provider(cli, *which); }; });
}

}  // namespace lurus::cli
