#pragma once
// What this process tells the service manager that started it: systemd by NOTIFY_SOCKET, Windows' by the status of the
// service. Nothing happens where nobody listens. The thread that serves.

#include <chrono>
#include <optional>
#include <string_view>

namespace lurus::service_link {

/// `status`: one line for who looks at the service.
void ready(std::string_view status);
void reloading();
/// What a person does so that a running server takes its configuration again: `send SIGHUP (…)`.
std::string_view how_to_reload();
/// It is ending, and this takes `more_ms` at most from now on. Again and again while it lasts.
void stopping(std::string_view status, int more_ms);
/// It does not start, or ends, for that reason.
void refused(std::string_view why);

/// How long the service manager waits for a sign of life before it ends the process; empty = it wants none.
std::optional<std::chrono::microseconds> watchdog();
/// The sign of life.
void alive();

}  // namespace lurus::service_link
