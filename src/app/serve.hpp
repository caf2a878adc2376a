#pragma once
// `lurus serve`: everything from the configuration to the last drained stream.

#include "config/config.hpp"

namespace lurus::app {

/// Runs the server in the calling thread until a signal ends it; the banner goes to stdout, the log and errors to
/// stderr. Returns the process's exit code: 0 drained, 1 could not start, 130 or 143 when a second SIGINT or SIGTERM
/// cut it short. Call it before any other thread is started: it blocks the signals it waits for. `for_script`: the
/// banner holds no link that makes the owner.
int run_serve(const config::ConfigFlags& flags, bool for_script);

}  // namespace lurus::app
