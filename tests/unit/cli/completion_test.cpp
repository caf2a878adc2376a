#include "cli/completion.hpp"

#include <doctest/doctest.h>

#include <CLI/App.hpp>
#include <array>
#include <cstdio>
#include <iostream>
#include <memory>
#include <sstream>

#include "cli/cli.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;
using namespace lurus::cli;
using namespace lurus::config;

namespace {

struct Tree {
    std::ostringstream out, err;
    Cli cli{out, err,
            [](const Config&) -> Result<std::unique_ptr<ApiClient>> { return fail(ErrorCode::internal, "none"); },
            system_clock()};
    CLI::App app;
    CompletionCommand root;

    Tree() {
        build_commands(app, cli);
        root = describe_commands(app, cli);
    }
};

std::string run(const std::string& command) {
    std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    REQUIRE(pipe);
    std::string out;
    std::array<char, 512> block{};
    while (std::size_t n = std::fread(block.data(), 1, block.size(), pipe.get())) out.append(block.data(), n);
    return out;
}

}  // namespace

TEST_CASE("bash: the script is sourced and completes what the tree holds") {
    Tree tree;
    test::Scratch scratch;
    auto script = scratch.write("lurus.bash", bash_completion(tree.root));
    scratch.write("ask.bash",
                  "set -u\nsource \"$1\"; shift\nCOMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _lurus; "
                  "echo \"${COMPREPLY[*]:-}\"\n");
    auto ask = [&](const std::string& words) {
        std::string out =
            run("cd '" + scratch.dir().string() + "' && bash ask.bash '" + script.string() + "' " + words + " 2>&1");
        if (!out.empty() && out.back() == '\n') out.pop_back();
        return " " + out + " ";
    };
    auto has = [](const std::string& reply, const std::string& word) {
        return reply.find(" " + word + " ") != std::string::npos;
    };

    CHECK(has(ask("lurus ''"), "serve"));
    CHECK(has(ask("lurus ''"), "completion"));
    CHECK(ask("lurus ser") == " serve service ");
    CHECK(ask("lurus key cr") == " create ");
    CHECK(ask("lurus --json key re") == " revoke ");
    CHECK(ask("lurus --data-dir key key re") == " revoke ");  // the first `key` is a folder's name
    CHECK(has(ask("lurus key create --"), "--name"));
    CHECK(has(ask("lurus key create --"), "--json"));
    CHECK(!has(ask("lurus key create --"), "--probe"));
    CHECK(ask("lurus usage --by mo") == " model ");
    CHECK(ask("lurus usage --by model --si") == " --since ");
    CHECK(ask("lurus connect co") == " codex ");
    CHECK(ask("lurus connect claude --u") != "  ");
    CHECK(has(ask("lurus completion ''"), "fish"));
    CHECK(ask("lurus provider add --api-key-file as") == " ask.bash ");
    CHECK(ask("lurus nonsense ''") == ask("lurus ''"));
}

TEST_CASE("every command and option is in each shell's script") {
    Tree tree;
    std::string bash = bash_completion(tree.root), zsh = zsh_completion(tree.root), fish = fish_completion(tree.root);
    std::vector<const CompletionCommand*> pending = {&tree.root};
    int commands = 0, options = 0;
    while (!pending.empty()) {
        const CompletionCommand* command = pending.back();
        pending.pop_back();
        ++commands;
        for (const auto& sub : command->commands) pending.push_back(&sub);
        for (const auto& option : command->options) {
            for (const auto& name : option.names) {
                ++options;
                CAPTURE(name);
                CHECK(bash.find(name) != std::string::npos);
                CHECK(zsh.find(name) != std::string::npos);
                CHECK(fish.find((name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1)) + " ") !=
                      std::string::npos);
            }
        }
        CAPTURE(command->path);
        if (!command->path.empty()) {
            CHECK(bash.find("'" + command->path + "'") != std::string::npos);
            CHECK(fish.find(std::string(" -a ") + std::string(command->name()) + " ") != std::string::npos);
        }
    }
    CHECK(commands > 30);
    CHECK(options > 150);
}

TEST_CASE("every command has a description, and every leaf an example") {
    Tree tree;
    std::vector<CLI::App*> pending = {&tree.app};
    while (!pending.empty()) {
        CLI::App* app = pending.back();
        pending.pop_back();
        CAPTURE(app->get_name());
        CHECK(!app->get_description().empty());
        CHECK(app->get_footer().find("Examples:") != std::string::npos);
        for (CLI::App* sub : app->get_subcommands([](CLI::App*) { return true; })) pending.push_back(sub);
    }
}
