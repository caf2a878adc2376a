#include <iostream>
#include <vector>

#include "app/migrate.hpp"
#include "app/serve.hpp"
#include "app/wiring.hpp"
#include "cli/cli.hpp"
#include "core/os/end_process.hpp"
#include "core/os/log_setup.hpp"
#include "core/os/platform.hpp"
#include "core/os/standard_output.hpp"
#include "core/os/terminal.hpp"

namespace {

bool wants_color() {
    const bool dumb = lurus::platform::variable("TERM") == "dumb";
    return lurus::stdout_is_terminal() && !dumb && lurus::platform::variable("NO_COLOR").value_or("").empty();
}

int run_program(int argc, char** argv) {
    lurus::setup_log("error");  // a command's own words are its output; serve sets the configured level
    const auto open_api = [](const lurus::config::Config& config) {
        return lurus::cli::open_api(config, lurus::app::open_folder);
    };
    const auto open_machine = [](const lurus::config::Config& config) {
        return lurus::cli::open_api(config, lurus::app::open_folder, lurus::cli::ActingAs::machine);
    };
    lurus::outlive_broken_pipes();
    lurus::StandardOutput out;
    lurus::cli::Cli cli(out, std::cerr, open_api, lurus::system_clock());
    cli.open_machine = open_machine;
    cli.output_problem = [&out] { return out.problem(); };
    cli.serve = lurus::app::run_serve;
    cli.migrate = lurus::app::migrate_folder;
    cli.judge = lurus::app::judge_configuration;
    cli.style = {.color = wants_color(), .width = lurus::terminal_width()};
    const auto words = lurus::platform::arguments(argc, argv);
    std::vector<const char*> arguments;
    for (const auto& word : words) arguments.push_back(word.c_str());
    return lurus::cli::run_cli(argc, arguments.data(), cli);
}

}  // namespace

// jemalloc reads this when the process starts. Pages that were free for two seconds go back to the system. A turn of a
// shard takes and gives back the same objects for up to a few hundred requests at once, bodies among them: its thread
// keeps so many, the last given back first, since that one is still in the processor's cache.
extern "C" {
extern const char* malloc_conf;
const char* malloc_conf =
    "dirty_decay_ms:2000,muzzy_decay_ms:0,tcache_max:524288,tcache_nslots_small_max:256,lg_tcache_nslots_mul:2,"
    "slab_sizes:512-2048:16,tcache_gc_incr_bytes:524288";
}

int main(int argc, char** argv) {
    lurus::end_process(run_program(argc, argv));
}
