#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

#include "core/os/platform.hpp"
#include "core/os/windows_api.hpp"

namespace lurus::platform {
namespace {

// The console calls back on a thread of its own, which may outlive whoever waits.
struct Stops {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<StopSignal> waiting;
};

Stops& stops() {
    static Stops& all = *new Stops;
    return all;
}

// Sessions of users have other numbers than that of services, who are told of every user that leaves.
bool is_service_session() {
    DWORD session = 0;
    return ::ProcessIdToSessionId(::GetCurrentProcessId(), &session) != 0 && session == 0;
}

BOOL WINAPI note_console_event(DWORD event) {
    if (event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT) {
        raise_stop(StopSignal::interrupt);
        return TRUE;
    }
    if (event == CTRL_LOGOFF_EVENT && is_service_session()) return TRUE;
    raise_stop(StopSignal::terminate);
    // When this returns the process ends.
    ::Sleep(INFINITE);
    return TRUE;
}

}  // namespace

struct Signals::State {};

Signals::Signals() : state_(std::make_unique<State>()) {
    ::SetConsoleCtrlHandler(&note_console_event, TRUE);
    // No window that asks somebody what to do about a drive that is not there.
    ::SetErrorMode(SEM_FAILCRITICALERRORS);
}

Signals::~Signals() {
    ::SetConsoleCtrlHandler(&note_console_event, FALSE);
}

std::optional<StopSignal> Signals::wait(int timeout_ms) {
    Stops& all = stops();
    std::unique_lock lock(all.mutex);
    const auto come = [&all] { return !all.waiting.empty(); };
    if (!all.changed.wait_for(lock, std::chrono::milliseconds(timeout_ms), come)) return std::nullopt;
    const StopSignal first = all.waiting.front();
    all.waiting.pop_front();
    return first;
}

void raise_stop(StopSignal signal) {
    Stops& all = stops();
    {
        const std::scoped_lock lock(all.mutex);
        all.waiting.push_back(signal);
    }
    all.changed.notify_all();
}

}  // namespace lurus::platform
