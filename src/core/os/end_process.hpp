#pragma once

namespace lurus {

/// Ends this process with that exit code, what was printed being written first. The last call of main.
[[noreturn]] void end_process(int code);

}  // namespace lurus
