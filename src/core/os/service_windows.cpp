#include "core/os/service.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <thread>

#include "core/os/access_list.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/service_account.hpp"
#include "core/os/service_files.hpp"
#include "core/os/windows_api.hpp"
#include "core/text/ascii.hpp"
// after windows.h
#include <sddl.h>
#include <shellapi.h>

namespace lurus {

std::filesystem::path service_folder(const std::string& name) {
    std::array<wchar_t, 512> room{};
    const DWORD size = ::GetEnvironmentVariableW(L"ProgramData", room.data(), room.size());
    const std::filesystem::path base = size == 0 || size >= room.size() ? std::filesystem::path(L"C:\\ProgramData")
                                                                        : std::filesystem::path(room.data());
    return base / windows::wide(name == "lurus" ? "Lurus" : name);
}

namespace platform {
namespace {

namespace fs = std::filesystem;
using windows::last_error;
using windows::wide;

constexpr const wchar_t* event_sources = L"SYSTEM\\CurrentControlSet\\Services\\EventLog\\Application\\";
constexpr const char* run_words = " service run --name ";  // by which a service is known to be ours
constexpr auto look_pause = std::chrono::milliseconds(100);

struct ServiceClosed {
    void operator()(SC_HANDLE handle) const { ::CloseServiceHandle(handle); }
};
using ServiceHandle = std::unique_ptr<std::remove_pointer_t<SC_HANDLE>, ServiceClosed>;

Error service_error(const std::string& what, DWORD code = ::GetLastError()) {
    if (code == ERROR_ACCESS_DENIED)
        return Error(ErrorCode::permission_denied,
                     what + " is for administrators: open the terminal by \"Run as administrator\"");
    if (code == ERROR_SERVICE_DOES_NOT_EXIST)
        return Error(ErrorCode::not_found, what + ": there is no such service: lurus service install");
    return Error(ErrorCode::unavailable, what + ": " + windows::text_of_error(code));
}

Result<ServiceHandle> open_manager(DWORD access, const std::string& what) {
    ServiceHandle manager(::OpenSCManagerW(nullptr, nullptr, access));
    if (!manager) return std::unexpected(service_error(what));
    return manager;
}

Result<ServiceHandle> open_service(const std::string& name, DWORD access, const std::string& what) {
    const auto manager = open_manager(SC_MANAGER_CONNECT, what);
    if (!manager) return std::unexpected(manager.error());
    ServiceHandle service(::OpenServiceW(manager->get(), wide(name).c_str(), access));
    if (!service) return std::unexpected(service_error(what + " " + name));
    return service;
}

Result<SERVICE_STATUS_PROCESS> status_of(SC_HANDLE service) {
    SERVICE_STATUS_PROCESS status{};
    DWORD needed = 0;
    if (::QueryServiceStatusEx(service, SC_STATUS_PROCESS_INFO, reinterpret_cast<BYTE*>(&status), sizeof status,
                               &needed) == 0)
        return std::unexpected(service_error("asking for the service's status"));
    return status;
}

struct ServiceConfig {
    std::string command, account;
    bool at_boot = false;
};

Result<ServiceConfig> config_of(SC_HANDLE service) {
    DWORD needed = 0;
    ::QueryServiceConfigW(service, nullptr, 0, &needed);
    std::vector<BYTE> room(std::max<DWORD>(needed, sizeof(QUERY_SERVICE_CONFIGW)));
    auto* found = reinterpret_cast<QUERY_SERVICE_CONFIGW*>(room.data());
    if (::QueryServiceConfigW(service, found, static_cast<DWORD>(room.size()), &needed) == 0)
        return std::unexpected(service_error("asking for the service's configuration"));
    ServiceConfig config;
    config.command = windows::utf8(found->lpBinaryPathName);
    if (found->lpServiceStartName != nullptr) config.account = windows::utf8(found->lpServiceStartName);
    config.at_boot = found->dwStartType == SERVICE_AUTO_START;
    return config;
}

std::string quoted_path(const fs::path& path) {
    return '"' + windows::utf8(path.native()) + '"';
}

std::string command_of(const ServiceWanted& wanted) {
    return quoted_path(wanted.executable) + run_words + wanted.name + " --config " + quoted_path(wanted.config_file) +
           " --data-dir " + quoted_path(wanted.data_dir);
}

Result<void> check_service_ours(SC_HANDLE service, const std::string& name) {
    const auto config = config_of(service);
    if (!config) return std::unexpected(config.error());
    if (config->command.find(run_words) != std::string::npos) return {};
    return fail(ErrorCode::conflict,
                "the service " + name + " is another program's (" + config->command + "): give another --name");
}

// With the rights of all of it for the account, the system and administrators, and for nobody else.
Result<void> make_service_folder(const fs::path& dir, const std::string& account_sid) {
    std::error_code error;
    fs::create_directories(dir, error);
    if (error) return fail(ErrorCode::unavailable, "cannot make " + dir.string() + ": " + error.message());
    std::string list = "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)";
    if (account_sid != "S-1-5-18") list += "(A;OICI;FA;;;" + account_sid + ")";
    PSECURITY_DESCRIPTOR descriptor = nullptr;
    if (::ConvertStringSecurityDescriptorToSecurityDescriptorW(wide(list).c_str(), SDDL_REVISION_1, &descriptor,
                                                               nullptr) == 0)
        return std::unexpected(service_error("the rights of " + dir.string()));
    const windows::Local<void> owner(descriptor);
    const DWORD code = windows::give_access(dir, descriptor);
    if (code != ERROR_SUCCESS) return std::unexpected(service_error("giving the rights of " + dir.string(), code));
    return {};
}

Result<void> add_event_source(const std::string& name) {
    HKEY key = nullptr;
    const std::wstring path = event_sources + wide(name);
    LONG code =
        ::RegCreateKeyExW(HKEY_LOCAL_MACHINE, path.c_str(), 0, nullptr, 0, KEY_SET_VALUE, nullptr, &key, nullptr);
    if (code != ERROR_SUCCESS)
        return std::unexpected(service_error("making the source of events", static_cast<DWORD>(code)));
    // Its messages are the text that they are given; every Windows has it.
    constexpr std::wstring_view messages = L"%SystemRoot%\\System32\\EventCreate.exe";
    constexpr DWORD types = EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE;
    code = ::RegSetValueExW(key, L"EventMessageFile", 0, REG_EXPAND_SZ, reinterpret_cast<const BYTE*>(messages.data()),
                            static_cast<DWORD>((messages.size() + 1) * sizeof(wchar_t)));
    if (code == ERROR_SUCCESS)
        code =
            ::RegSetValueExW(key, L"TypesSupported", 0, REG_DWORD, reinterpret_cast<const BYTE*>(&types), sizeof types);
    ::RegCloseKey(key);
    if (code == ERROR_SUCCESS) return {};
    return std::unexpected(service_error("describing the source of events", static_cast<DWORD>(code)));
}

/// Sets one part of how a service is run; what this Windows does not know is said, and the rest goes on.
class Details {
public:
    explicit Details(SC_HANDLE service) : service_(service) {}
    void set(DWORD which, void* value, const char* what) {
        if (::ChangeServiceConfig2W(service_, which, value) == 0)
            warnings.push_back(std::string("the service has no ") + what + ": " + last_error());
    }
    std::vector<std::string> warnings;

private:
    SC_HANDLE service_;
};

std::vector<std::string> set_details(SC_HANDLE service, int stop_ms) {
    Details details(service);
    std::wstring text = L"Lurus Switch: a gateway between AI clients and model vendors";
    SERVICE_DESCRIPTIONW description{text.data()};
    details.set(SERVICE_CONFIG_DESCRIPTION, &description, "description");
    SERVICE_DELAYED_AUTO_START_INFO delayed{TRUE};
    details.set(SERVICE_CONFIG_DELAYED_AUTO_START_INFO, &delayed, "delayed start");
    SC_ACTION restarts[] = {{SC_ACTION_RESTART, 5'000}, {SC_ACTION_RESTART, 30'000}, {SC_ACTION_RESTART, 60'000}};
    SERVICE_FAILURE_ACTIONSW recovery{};
    recovery.dwResetPeriod = 24 * 3600;
    recovery.cActions = std::size(restarts);
    recovery.lpsaActions = restarts;
    details.set(SERVICE_CONFIG_FAILURE_ACTIONS, &recovery, "recovery after it crashed");
    SERVICE_FAILURE_ACTIONS_FLAG also_errors{TRUE};
    details.set(SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, &also_errors, "recovery after it ended with an error");
    SERVICE_PRESHUTDOWN_INFO before_shutdown{static_cast<DWORD>(stop_ms)};
    details.set(SERVICE_CONFIG_PRESHUTDOWN_INFO, &before_shutdown, "time of its own before a shutdown");
    return std::move(details.warnings);
}

std::vector<std::string> words_of_command(const std::string& command) {
    int count = 0;
    const windows::Local<wchar_t*> words(::CommandLineToArgvW(wide(command).c_str(), &count));
    std::vector<std::string> out;
    for (int i = 0; words && i < count; ++i) out.push_back(windows::utf8(words.get()[i]));
    return out;
}

UnixMicros started_at(DWORD pid) {
    const windows::Handle process(::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    FILETIME made{}, ended{}, kernel{}, user{};
    if (!process.valid() || ::GetProcessTimes(process.get(), &made, &ended, &kernel, &user) == 0) return 0;
    constexpr std::int64_t from_1601_us = 11'644'473'600'000'000;
    return ((std::int64_t{made.dwHighDateTime} << 32) | made.dwLowDateTime) / 10 - from_1601_us;
}

ServiceState::Run run_of_status(DWORD state) {
    using Run = ServiceState::Run;
    switch (state) {
        case SERVICE_START_PENDING: return Run::starting;
        case SERVICE_RUNNING:
        case SERVICE_PAUSED:
        case SERVICE_PAUSE_PENDING:
        case SERVICE_CONTINUE_PENDING: return Run::running;
        case SERVICE_STOP_PENDING: return Run::stopping;
        default: return Run::stopped;
    }
}

// `2026-12-01T08:00:00.123456Z error text`: the last such line of the service's log.
std::string last_log_error(const std::string& name) {
    std::ifstream in(service_log_file(name), std::ios::binary);
    std::string found;
    for (std::string line; std::getline(in, line);) {
        const auto level = line.find(' ');
        if (level != std::string::npos && line.compare(level + 1, 5, "error") == 0)
            found = trim(line.substr(level + 7));
    }
    return found;
}

std::string state_problem(const SERVICE_STATUS_PROCESS& status, const std::string& name) {
    if (status.dwCurrentState != SERVICE_STOPPED || status.dwWin32ExitCode == NO_ERROR ||
        status.dwWin32ExitCode == ERROR_SERVICE_NEVER_STARTED)
        return {};
    if (status.dwWin32ExitCode != ERROR_SERVICE_SPECIFIC_ERROR) return windows::text_of_error(status.dwWin32ExitCode);
    const std::string said = last_log_error(name);
    return said.empty()
               ? "it ended with " + std::to_string(status.dwServiceSpecificExitCode) + "; see: lurus service logs"
               : said;
}

/// Until it has left `pending`, or the time is over.
Result<SERVICE_STATUS_PROCESS> wait_while(SC_HANDLE service, DWORD pending, int timeout_ms) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        const auto status = status_of(service);
        if (!status || status->dwCurrentState != pending || std::chrono::steady_clock::now() >= until) return status;
        std::this_thread::sleep_for(look_pause);
    }
}

Result<ServiceHandle> make_service(const ServiceWanted& wanted, const std::string& account) {
    const auto manager = open_manager(SC_MANAGER_CONNECT | SC_MANAGER_CREATE_SERVICE, "installing a service");
    if (!manager) return std::unexpected(manager.error());
    const std::wstring name = wide(wanted.name), command = wide(command_of(wanted)), who = wide(account),
                       password = wide(wanted.password.reveal());
    const wchar_t* secret = password.empty() ? nullptr : password.c_str();
    const std::wstring shown = wanted.name == "lurus" ? L"Lurus Switch" : L"Lurus Switch (" + name + L")";
    constexpr DWORD access = SERVICE_ALL_ACCESS;
    ServiceHandle service(::OpenServiceW(manager->get(), name.c_str(), access));
    if (!service && ::GetLastError() != ERROR_SERVICE_DOES_NOT_EXIST)
        return std::unexpected(service_error("opening the service " + wanted.name));
    if (!service) {
        service.reset(::CreateServiceW(manager->get(), name.c_str(), shown.c_str(), access, SERVICE_WIN32_OWN_PROCESS,
                                       SERVICE_AUTO_START, SERVICE_ERROR_NORMAL, command.c_str(), nullptr, nullptr,
                                       nullptr, who.c_str(), secret));
        if (!service) return std::unexpected(service_error("making the service " + wanted.name));
        return service;
    }
    if (auto ours = check_service_ours(service.get(), wanted.name); !ours) return std::unexpected(ours.error());
    if (::ChangeServiceConfigW(service.get(), SERVICE_WIN32_OWN_PROCESS, SERVICE_AUTO_START, SERVICE_ERROR_NORMAL,
                               command.c_str(), nullptr, nullptr, nullptr, who.c_str(), secret, shown.c_str()) == 0)
        return std::unexpected(service_error("changing the service " + wanted.name));
    return service;
}

}  // namespace

ServicePlaces service_places(const std::string& name) {
    const fs::path folder = service_folder(name);
    return {folder / "lurus.toml", folder / "data"};
}

Result<std::vector<std::string>> install_service(const ServiceWanted& wanted) {
    const std::string account = wanted.account.empty() ? "NT SERVICE\\" + wanted.name : wanted.account;
    const auto sid = account_sid(account);
    if (!sid) return std::unexpected(sid.error());
    const auto service = make_service(wanted, account);
    if (!service) return std::unexpected(service.error());
    if (account_has_password(account)) {
        if (auto allowed = allow_service_logon(*sid); !allowed) return std::unexpected(allowed.error());
    }
    for (const auto& dir :
         {service_folder(wanted.name), service_log_file(wanted.name).parent_path(), wanted.data_dir}) {
        if (auto made = make_service_folder(dir, *sid); !made) return std::unexpected(made.error());
    }
    std::error_code error;
    if (!fs::exists(wanted.config_file, error)) {
        if (auto written = write_private_file(wanted.config_file, wanted.default_config); !written)
            return std::unexpected(written.error());
    }
    if (auto added = add_event_source(wanted.name); !added) return std::unexpected(added.error());
    return set_details(service->get(), wanted.stop_ms);
}

Result<void> uninstall_service(const std::string& name) {
    const auto service = open_service(name, SERVICE_QUERY_CONFIG | DELETE, "removing the service");
    if (!service) return std::unexpected(service.error());
    if (auto ours = check_service_ours(service->get(), name); !ours) return ours;
    if (::DeleteService(service->get()) == 0) return std::unexpected(service_error("removing the service " + name));
    ::RegDeleteKeyW(HKEY_LOCAL_MACHINE, (event_sources + wide(name)).c_str());
    return {};
}

Result<void> start_service(const std::string& name, int timeout_ms) {
    const auto service = open_service(name, SERVICE_START | SERVICE_QUERY_STATUS, "starting the service");
    if (!service) return std::unexpected(service.error());
    if (::StartServiceW(service->get(), 0, nullptr) == 0 && ::GetLastError() != ERROR_SERVICE_ALREADY_RUNNING)
        return std::unexpected(service_error("starting the service " + name));
    const auto status = wait_while(service->get(), SERVICE_START_PENDING, timeout_ms);
    if (!status) return std::unexpected(status.error());
    if (status->dwCurrentState == SERVICE_RUNNING) return {};
    const std::string why = status->dwCurrentState == SERVICE_START_PENDING
                                ? "it is still starting after " + std::to_string(timeout_ms / 1000) + " s"
                                : state_problem(*status, name);
    return fail(ErrorCode::unavailable,
                name + " does not start: " + (why.empty() ? "it has ended; see: lurus service logs" : why));
}

Result<void> stop_service(const std::string& name, int timeout_ms) {
    const auto service = open_service(name, SERVICE_STOP | SERVICE_QUERY_STATUS, "stopping the service");
    if (!service) return std::unexpected(service.error());
    // One that is starting takes no controls yet.
    auto status = wait_while(service->get(), SERVICE_START_PENDING, timeout_ms);
    if (!status) return std::unexpected(status.error());
    SERVICE_STATUS now{};
    if (::ControlService(service->get(), SERVICE_CONTROL_STOP, &now) == 0) {
        const DWORD code = ::GetLastError();
        const bool ending = code == ERROR_SERVICE_CANNOT_ACCEPT_CTRL || code == ERROR_SERVICE_NOT_ACTIVE;
        if (!ending) return std::unexpected(service_error("stopping the service " + name, code));
    }
    status = wait_while(service->get(), SERVICE_STOP_PENDING, timeout_ms);
    if (!status) return std::unexpected(status.error());
    if (status->dwCurrentState == SERVICE_STOPPED) return {};
    return fail(ErrorCode::timeout,
                name + " has not ended within " + std::to_string(timeout_ms / 1000) + " s: its answers still run");
}

Result<ServiceState> service_state(const std::string& name) {
    const auto service = open_service(name, SERVICE_QUERY_STATUS | SERVICE_QUERY_CONFIG, "asking for the service");
    if (!service) return std::unexpected(service.error());
    const auto status = status_of(service->get());
    if (!status) return std::unexpected(status.error());
    const auto config = config_of(service->get());
    if (!config) return std::unexpected(config.error());
    ServiceState state;
    state.run = run_of_status(status->dwCurrentState);
    state.problem = state_problem(*status, name);
    if (!state.problem.empty()) state.run = ServiceState::Run::failed;
    state.at_boot = config->at_boot;
    state.pid = status->dwProcessId;
    if (state.run == ServiceState::Run::running) state.since = started_at(status->dwProcessId);
    state.account = config->account;
    state.unit = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\" + name;
    const auto words = words_of_command(config->command);
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i == 0) state.executable = wide(words[i]);
        if (i > 0 && words[i - 1] == "--config") state.config_file = wide(words[i]);
        if (i > 0 && words[i - 1] == "--data-dir") state.data_dir = wide(words[i]);
    }
    return state;
}

Result<ServiceLog> service_log(const std::string& name, int, bool, bool) {
    ServiceLog log;
    log.file = service_log_file(name);
    return log;
}

std::string updated_by(const fs::path& program) {
    for (const auto& part : program) {
        if (iequals(windows::utf8(part.native()), "node_modules")) return "npm install -g lurus-switch@latest";
    }
    return {};
}

}  // namespace platform

}  // namespace lurus
