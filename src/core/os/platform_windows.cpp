#include "core/os/platform.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <string>

#include "core/os/windows_api.hpp"

namespace lurus::platform {
namespace {

using windows::utf8;
using windows::wide;

// The share of all processors that the job of this process leaves to it; 1 where there is no job, or no limit.
double job_share() {
    JOBOBJECT_CPU_RATE_CONTROL_INFORMATION rate{};
    if (::QueryInformationJobObject(nullptr, JobObjectCpuRateControlInformation, &rate, sizeof rate, nullptr) == 0 ||
        (rate.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_ENABLE) == 0)
        return 1;
    constexpr double whole = 10'000;
    constexpr DWORD min_max_rate = 0x10;  // JOB_OBJECT_CPU_RATE_CONTROL_MIN_MAX_RATE: two words, the upper the most
    if ((rate.ControlFlags & min_max_rate) != 0) return HIWORD(rate.CpuRate) / whole;
    if ((rate.ControlFlags & JOB_OBJECT_CPU_RATE_CONTROL_HARD_CAP) != 0) return rate.CpuRate / whole;
    return 1;
}

int count_of(KAFFINITY mask) {
    return std::popcount(static_cast<std::uint64_t>(mask));
}

}  // namespace

std::map<std::string, std::string> environment(std::string_view prefix) {
    std::map<std::string, std::string> found;
    const std::unique_ptr<wchar_t, decltype(&::FreeEnvironmentStringsW)> block(::GetEnvironmentStringsW(),
                                                                               &::FreeEnvironmentStringsW);
    for (const wchar_t* at = block.get(); at != nullptr && *at != L'\0';) {
        const std::wstring_view entry(at);
        at += entry.size() + 1;
        const std::string line = utf8(entry);
        const auto equals = line.find('=', 1);  // `=C:=C:\Users`, a drive's folder, is none
        if (line.front() == '=' || equals == std::string::npos || !line.starts_with(prefix)) continue;
        found.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return found;
}

std::optional<std::string> variable(const std::string& name) {
    const std::wstring wanted = wide(name);
    std::wstring value(256, L'\0');
    for (;;) {
        ::SetLastError(ERROR_SUCCESS);
        const DWORD size = ::GetEnvironmentVariableW(wanted.c_str(), value.data(), static_cast<DWORD>(value.size()));
        if (size == 0 && ::GetLastError() == ERROR_ENVVAR_NOT_FOUND) return std::nullopt;
        const bool fits = size < value.size();
        value.resize(size);
        if (fits) return utf8(value);
    }
}

void set_variable(const std::string& name, const std::string& value) {
    ::SetEnvironmentVariableW(wide(name).c_str(), wide(value).c_str());
}

// What main gets is in a code page that may lack letters of it.
std::vector<std::string> arguments(int count, const char* const* values) {
    int found = 0;
    const windows::Local<wchar_t*> all(::CommandLineToArgvW(::GetCommandLineW(), &found));
    if (!all || found != count) return {values, values + count};
    std::vector<std::string> out;
    for (int i = 0; i < found; ++i) out.push_back(utf8(all.get()[i]));
    return out;
}

std::filesystem::path home_dir() {
    for (const char* name : {"HOME", "USERPROFILE"}) {
        if (const auto home = variable(name); home && !home->empty()) return *home;
    }
    return {};
}

StandardFolders standard_folders() {
    const auto named = [](const char* name) { return std::filesystem::path(variable(name).value_or("")); };
    const std::filesystem::path all = named("ProgramData").empty() ? "C:\\ProgramData" : named("ProgramData");
    return {named("APPDATA"), named("LOCALAPPDATA"), all / "Lurus", all / "Lurus" / "data"};
}

std::filesystem::path executable() {
    std::wstring file(32768, L'\0');  // the most that a path has
    const DWORD size = ::GetModuleFileNameW(nullptr, file.data(), static_cast<DWORD>(file.size()));
    file.resize(size < file.size() ? size : 0);
    return file;
}

std::int64_t process_id() {
    return ::GetCurrentProcessId();
}

bool process_alive(std::int64_t pid) {
    if (pid <= 0 || pid > MAXDWORD) return false;
    const windows::Handle process(::OpenProcess(SYNCHRONIZE, FALSE, static_cast<DWORD>(pid)));
    // One that ended goes on having its number while somebody holds a handle.
    if (process.valid()) return ::WaitForSingleObject(process.get(), 0) == WAIT_TIMEOUT;
    return ::GetLastError() == ERROR_ACCESS_DENIED;
}

int usable_processors() {
    const int all = static_cast<int>(std::max<DWORD>(::GetActiveProcessorCount(ALL_PROCESSOR_GROUPS), 1));
    int count = all;
    GROUP_AFFINITY bound{};
    DWORD_PTR of_process = 0;
    DWORD_PTR of_system = 0;
    if (::GetThreadGroupAffinity(::GetCurrentThread(), &bound) != 0) {
        // A thread that nobody has bound may go to other groups where there are several.
        const bool whole = static_cast<DWORD>(count_of(bound.Mask)) == ::GetActiveProcessorCount(bound.Group);
        if (!whole || ::GetActiveProcessorGroupCount() == 1) count = count_of(bound.Mask);
        if (::GetActiveProcessorGroupCount() == 1 &&
            ::GetProcessAffinityMask(::GetCurrentProcess(), &of_process, &of_system) != 0 && of_process != 0)
            count = std::min(count, count_of(of_process));
    }
    return std::max(std::min(count, static_cast<int>(job_share() * all)), 1);
}

std::uint64_t usable_memory() {
    MEMORYSTATUSEX memory{};
    memory.dwLength = sizeof memory;
    std::uint64_t bytes = ::GlobalMemoryStatusEx(&memory) != 0 ? memory.ullTotalPhys : std::uint64_t{1} << 30;
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION job{};
    if (::QueryInformationJobObject(nullptr, JobObjectExtendedLimitInformation, &job, sizeof job, nullptr) != 0) {
        const DWORD limits = job.BasicLimitInformation.LimitFlags;
        if ((limits & JOB_OBJECT_LIMIT_PROCESS_MEMORY) != 0)
            bytes = std::min<std::uint64_t>(bytes, job.ProcessMemoryLimit);
        if ((limits & JOB_OBJECT_LIMIT_JOB_MEMORY) != 0) bytes = std::min<std::uint64_t>(bytes, job.JobMemoryLimit);
    }
    return std::max<std::uint64_t>(bytes, 1);
}

bool has_local_sockets() {
    return false;
}

// Without the boost that Windows gives to a thread whose wait is over.
void wake_without_preempting() {
    ::SetThreadPriorityBoost(::GetCurrentThread(), TRUE);
}

// Sockets and files are kernel handles here, of which a process may have 16 million.
std::uint64_t raise_open_files(std::uint64_t wanted) {
    return std::min<std::uint64_t>(wanted, 1 << 24);
}

// Windows does not pace what goes to this machine.
void send_unpaced(int) {}

void release_startup_memory() {
    ::HeapCompact(::GetProcessHeap(), 0);
    ::SetProcessWorkingSetSize(::GetCurrentProcess(), static_cast<SIZE_T>(-1), static_cast<SIZE_T>(-1));
}

// The heap keeps nothing for one thread alone.
void release_thread_memory() {}

std::int64_t since_boot_us() {
    return static_cast<std::int64_t>(::GetTickCount64()) * 1000;
}

void notify_service_manager(std::string_view) {}

}  // namespace lurus::platform
