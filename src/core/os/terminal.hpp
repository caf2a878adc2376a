#pragma once
// The person's side of the process: the terminal, Ctrl-C, a secret typed in, the local time of day.

#include <optional>
#include <string>
#include <string_view>

#include "lurus/clock.hpp"
#include "lurus/result.hpp"

namespace lurus {

/// True when standard output is a terminal.
bool stdout_is_terminal();
/// Columns of the terminal behind standard output, or 0 when there is none.
int terminal_width();
/// True when standard input is a terminal.
bool stdin_is_terminal();

/// Reads one line without echoing it when standard input is a terminal (the prompt goes to standard error), else reads
/// standard input to its end. The line's end is taken off. `invalid_argument` when nothing came.
Result<std::string> read_secret(std::string_view prompt);

/// Reads one line with echo; the prompt goes to standard error. `invalid_argument` when standard input is over.
Result<std::string> read_line(std::string_view prompt);

/// While it lives, Ctrl-C and SIGTERM are noted instead of ending the process; so is, while sleeping, that nobody reads
/// standard output any more. One at a time.
class InterruptGuard {
public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
    [[nodiscard]] static bool interrupted();
    /// Sleeps, at most until the interrupt.
    static void sleep_ms(int ms);
};

struct LocalTime {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};
/// In the machine's time zone (TZ is honoured).
LocalTime local_time(UnixMicros time);

/// Who listens on a local TCP port, as far as this user may see: `nginx (pid 812)`. Empty when it cannot be told.
std::string port_owner(int port);

/// True when a program of that name is in PATH.
bool program_exists(std::string_view name);

}  // namespace lurus
