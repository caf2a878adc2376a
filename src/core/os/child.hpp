#pragma once
// Another program, run to its end.

#include <string>
#include <vector>

#include "lurus/result.hpp"

namespace lurus::platform {

struct ChildEnd {
    int exit_code = 0;  // 128 and the signal's number for one that a signal ended
    std::string out;    // of both streams, in the order in which it came; empty when it was shown
};

enum class ChildOutput : bool {
    kept,   // at most a MiB of it
    shown,  // it writes where this process does, and reads what this process would
};

/// Runs `command` (a program of PATH, or its path, which it is on Windows; then its arguments) and waits for its end. A
/// kept one reads nothing, and is ended after `timeout_ms`, which is an error `timeout`; a shown one has no timeout.
/// `not_found`: there is no such program; `unavailable`: it cannot be run here. Any thread.
Result<ChildEnd> run_child(const std::vector<std::string>& command, int timeout_ms,
                           ChildOutput output = ChildOutput::kept);

}  // namespace lurus::platform
