// This process as a service: what the service control manager asks, and what it is told.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <mutex>

#include "core/os/platform.hpp"
#include "core/os/service.hpp"
#include "core/os/service_files.hpp"
#include "core/os/service_link.hpp"
#include "core/os/windows_api.hpp"

namespace lurus {
namespace {

constexpr DWORD start_hint_ms = 120'000;  // a large database may have to be brought up to date
constexpr DWORD first_stop_hint_ms = 30'000;

/// The one service that this process is; made by run_service, before the system calls back.
struct RunningService {
    std::wstring name;
    const std::function<int()>* serve = nullptr;
    int exit_code = 0;
    bool was_ready = false;

    std::mutex mutex;  // for what follows: the system calls back on a thread of its own
    SERVICE_STATUS_HANDLE handle = nullptr;
    SERVICE_STATUS status{};

    void report(DWORD state, DWORD hint_ms) {
        const std::scoped_lock lock(mutex);
        if (handle == nullptr) return;
        const bool pending = state != SERVICE_RUNNING && state != SERVICE_STOPPED;
        status.dwServiceType = SERVICE_WIN32_OWN_PROCESS;
        status.dwControlsAccepted = state == SERVICE_RUNNING
                                        ? SERVICE_ACCEPT_STOP | SERVICE_ACCEPT_PRESHUTDOWN | SERVICE_ACCEPT_PARAMCHANGE
                                        : 0;
        status.dwCheckPoint = !pending ? 0 : status.dwCurrentState == state ? status.dwCheckPoint + 1 : 1;
        status.dwCurrentState = state;
        status.dwWaitHint = hint_ms;
        status.dwWin32ExitCode = NO_ERROR;
        if (state == SERVICE_STOPPED && exit_code != 0) {
            status.dwWin32ExitCode = ERROR_SERVICE_SPECIFIC_ERROR;
            status.dwServiceSpecificExitCode = static_cast<DWORD>(exit_code);
        }
        ::SetServiceStatus(handle, &status);
    }

    /// One sentence for the event log.
    void log_event(WORD type, std::string_view text) const {
        constexpr DWORD any_text = 1;  // EventCreate.exe's messages 1 to 1000 are the text itself
        HANDLE source = ::RegisterEventSourceW(nullptr, name.c_str());
        if (source == nullptr) return;
        const std::wstring words = windows::wide(text);
        const wchar_t* strings[] = {words.c_str()};
        ::ReportEventW(source, type, 0, any_text, nullptr, 1, 0, strings, nullptr);
        ::DeregisterEventSource(source);
    }
};

RunningService* running_service = nullptr;

DWORD WINAPI on_control(DWORD control, DWORD, void*, void*) {
    switch (control) {
        case SERVICE_CONTROL_STOP:
        case SERVICE_CONTROL_PRESHUTDOWN:
            running_service->report(SERVICE_STOP_PENDING, first_stop_hint_ms);
            platform::raise_stop(platform::StopSignal::terminate);
            return NO_ERROR;
        case SERVICE_CONTROL_PARAMCHANGE: platform::raise_stop(platform::StopSignal::hangup); return NO_ERROR;
        case SERVICE_CONTROL_INTERROGATE: return NO_ERROR;
        default: return ERROR_CALL_NOT_IMPLEMENTED;
    }
}

void WINAPI service_main(DWORD, wchar_t**) {
    RunningService& service = *running_service;
    service.handle = ::RegisterServiceCtrlHandlerExW(service.name.c_str(), &on_control, nullptr);
    service.report(SERVICE_START_PENDING, start_hint_ms);
    service.exit_code = (*service.serve)();
    service.log_event(service.exit_code == 0 ? EVENTLOG_INFORMATION_TYPE : EVENTLOG_ERROR_TYPE,
                      service.exit_code == 0
                          ? "The service has ended."
                          : "The service has ended with " + std::to_string(service.exit_code) +
                                "; its log says more: " + service_log_file(windows::utf8(service.name)).string());
    service.report(SERVICE_STOPPED, 0);
}

}  // namespace

namespace platform {

Result<int> run_service(const std::string& name, const std::function<int()>& serve) {
    const auto log = service_log_file(name);
    if (auto made = log_to_file(log); !made) return std::unexpected(made.error());
    // A service has no console: what is printed at the start would fail, and what fails there is taken back. A stream
    // without a descriptor is not reopened everywhere; the C library's is a plain structure here.
    const std::string printed = (log.parent_path() / "start.txt").string();
    std::FILE* file = std::fopen(printed.c_str(), "w");
    if (file == nullptr) return fail(ErrorCode::unavailable, "cannot write " + printed);
    std::setvbuf(file, nullptr, _IONBF, 0);
    *stdout = *stderr = *file;
    RunningService service;
    service.name = windows::wide(name);
    service.serve = &serve;
    running_service = &service;
    SERVICE_TABLE_ENTRYW table[] = {{service.name.data(), &service_main}, {nullptr, nullptr}};
    if (::StartServiceCtrlDispatcherW(table) != 0) return service.exit_code;
    return fail(ErrorCode::unavailable,
                "only the service control manager starts this: lurus service start (" + windows::last_error() + ")");
}

}  // namespace platform

namespace service_link {

void ready(std::string_view status) {
    if (running_service == nullptr) return;
    running_service->report(SERVICE_RUNNING, 0);
    if (!std::exchange(running_service->was_ready, true))
        running_service->log_event(EVENTLOG_INFORMATION_TYPE, "The service has started: " + std::string(status));
}

void reloading() {}  // there is no such state

std::string_view how_to_reload() {
    return "POST /api/v1/reload (of a service also: sc control NAME paramchange)";
}

void stopping(std::string_view, int more_ms) {
    if (running_service != nullptr) running_service->report(SERVICE_STOP_PENDING, static_cast<DWORD>(more_ms));
}

void refused(std::string_view why) {
    if (running_service == nullptr) return;
    spdlog::error("{}", why);
    running_service->log_event(EVENTLOG_ERROR_TYPE, "The service does not start: " + std::string(why));
}

// The service control manager knows none: a process that hangs is not noticed by it.
std::optional<std::chrono::microseconds> watchdog() {
    return std::nullopt;
}

void alive() {}

}  // namespace service_link

}  // namespace lurus
