#include "core/os/terminal.hpp"

// before windows.h, which the next ones include
#include <winsock2.h>
// after it
#include <iphlpapi.h>
#include <winternl.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/os/platform.hpp"
#include "core/os/windows_api.hpp"

namespace lurus {
namespace {

using windows::Handle;

bool has_console(DWORD which) {
    DWORD mode = 0;
    return ::GetConsoleMode(::GetStdHandle(which), &mode) != 0;
}

// For as long as the process lives: the console may call back while a guard goes.
HANDLE interrupt_event() {
    static const HANDLE event = ::CreateEventW(nullptr, TRUE, FALSE, nullptr);
    return event;
}
std::atomic<bool> console_interrupt = false;

BOOL WINAPI note_console_interrupt(DWORD event) {
    console_interrupt = true;
    ::SetEvent(interrupt_event());
    // After the others the process ends when this returns, at the latest after five seconds.
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) ::Sleep(INFINITE);
    return TRUE;
}

/// Echo off while it lives, and what was typed before is forgotten.
class QuietConsole {
public:
    QuietConsole() : input_(::GetStdHandle(STD_INPUT_HANDLE)), ok_(::GetConsoleMode(input_, &before_) != 0) {
        if (!ok_) return;
        ::FlushConsoleInputBuffer(input_);
        ::SetConsoleMode(input_, (before_ | ENABLE_LINE_INPUT | ENABLE_PROCESSED_INPUT) & ~DWORD{ENABLE_ECHO_INPUT});
    }
    ~QuietConsole() {
        if (ok_) ::SetConsoleMode(input_, before_);
    }
    QuietConsole(const QuietConsole&) = delete;
    QuietConsole& operator=(const QuietConsole&) = delete;

private:
    HANDLE input_;
    DWORD before_ = 0;
    bool ok_;
};

void say_to_console(std::string_view text) {
    const HANDLE to = ::GetStdHandle(STD_ERROR_HANDLE);
    DWORD written = 0;
    if (has_console(STD_ERROR_HANDLE)) {
        const std::wstring shown = windows::wide(text);
        ::WriteConsoleW(to, shown.data(), static_cast<DWORD>(shown.size()), &written, nullptr);
    } else {
        ::WriteFile(to, text.data(), static_cast<DWORD>(text.size()), &written, nullptr);
    }
}

/// Standard input, a byte at a time, so that nothing after a line is taken; a console's as UTF-8.
class Input {
public:
    /// Empty at the end.
    std::optional<char> next() {
        if (at_ == bytes_.size() && !more()) return std::nullopt;
        return bytes_[at_++];
    }

private:
    bool more() {
        const HANDLE from = ::GetStdHandle(STD_INPUT_HANDLE);
        DWORD size = 0;
        at_ = 0;
        bytes_.clear();
        if (!has_console(STD_INPUT_HANDLE)) {
            char byte = 0;
            if (::ReadFile(from, &byte, 1, &size, nullptr) != 0 && size == 1) bytes_.assign(1, byte);
            return !bytes_.empty();
        }
        std::wstring line(4096, L'\0');
        if (::ReadConsoleW(from, line.data(), static_cast<DWORD>(line.size()), &size, nullptr) == 0) return false;
        line.resize(size);
        if (line.starts_with(L'\x1a')) return false;  // Ctrl-Z: the end
        bytes_ = windows::utf8(line);
        return !bytes_.empty();
    }

    std::string bytes_;
    std::size_t at_ = 0;
};

/// Whether standard output is a pipe of which the other end is closed.
bool nobody_reads_output() {
    struct PipeInformation {  // FILE_PIPE_LOCAL_INFORMATION
        ULONG type, configuration, most_instances, instances, in_quota, readable, out_quota, writable, state, end;
    };
    constexpr ULONG pipe_local_information = 24;
    constexpr ULONG closing = 4;
    using Query = NTSTATUS(NTAPI*)(HANDLE, IO_STATUS_BLOCK*, void*, ULONG, ULONG);
    static const auto query = reinterpret_cast<Query>(
        reinterpret_cast<void*>(::GetProcAddress(::GetModuleHandleW(L"ntdll.dll"), "NtQueryInformationFile")));
    IO_STATUS_BLOCK status{};
    PipeInformation pipe{};
    const HANDLE output = ::GetStdHandle(STD_OUTPUT_HANDLE);
    return ::GetFileType(output) == FILE_TYPE_PIPE && query != nullptr &&
           query(output, &status, &pipe, sizeof pipe, pipe_local_information) == 0 && pipe.state == closing;
}

/// Processes that listen on the port, from the table of one family.
template <class Table>
std::vector<DWORD> listeners_of(ULONG family, int port) {
    std::vector<DWORD> out;
    DWORD size = 0;
    std::vector<unsigned char> room;
    DWORD code = ERROR_INSUFFICIENT_BUFFER;
    while (code == ERROR_INSUFFICIENT_BUFFER) {
        room.resize(size);
        code = ::GetExtendedTcpTable(room.data(), &size, FALSE, family, TCP_TABLE_OWNER_PID_LISTENER, 0);
    }
    if (code != NO_ERROR || room.size() < sizeof(DWORD)) return out;
    const auto* table = reinterpret_cast<const Table*>(room.data());
    for (DWORD i = 0; i < table->dwNumEntries; ++i) {
        const auto& row = table->table[i];
        if (::ntohs(static_cast<u_short>(row.dwLocalPort)) == port) out.push_back(row.dwOwningPid);
    }
    return out;
}

std::string program_of(DWORD pid) {
    const Handle process(::OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, pid));
    std::wstring file(32768, L'\0');
    auto size = static_cast<DWORD>(file.size());
    if (!process.valid() || ::QueryFullProcessImageNameW(process.get(), 0, file.data(), &size) == 0) return "a process";
    file.resize(size);
    return std::filesystem::path(file).filename().string();
}

/// The parts of a list such as PATH.
std::vector<std::string> parts_of(const std::string& list) {
    std::vector<std::string> out;
    for (std::size_t at = 0; at <= list.size();) {
        const auto end = std::min(list.find(';', at), list.size());
        if (end > at) out.push_back(list.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

}  // namespace

bool stdout_is_terminal() {
    return has_console(STD_OUTPUT_HANDLE);
}
bool stdin_is_terminal() {
    return has_console(STD_INPUT_HANDLE);
}

int terminal_width() {
    if (!stdout_is_terminal()) return 0;
    CONSOLE_SCREEN_BUFFER_INFO info{};
    if (::GetConsoleScreenBufferInfo(::GetStdHandle(STD_OUTPUT_HANDLE), &info) == 0) return 80;
    const int columns = info.srWindow.Right - info.srWindow.Left + 1;
    return columns > 0 ? columns : 80;
}

Result<std::string> read_secret(std::string_view prompt) {
    std::string text;
    const bool interactive = stdin_is_terminal();
    {
        std::optional<QuietConsole> quiet;
        if (interactive) {
            quiet.emplace();  // first: it discards what was typed before
            say_to_console(prompt);
        }
        Input input;
        while (const auto c = input.next()) {
            if (interactive && *c == '\n') break;
            text.push_back(*c);
            if (text.size() > 65536)
                return fail(ErrorCode::invalid_argument,
                            "standard input: more than 64 KiB came where a key was expected");
        }
    }
    if (interactive) say_to_console("\r\n");
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (text.empty())
        return fail(ErrorCode::invalid_argument,
                    "standard input: nothing came: pipe the key in, or type it at the prompt");
    return text;
}

Result<std::string> read_line(std::string_view prompt) {
    constexpr std::size_t most = 4096;
    say_to_console(prompt);
    std::string text;
    Input input;
    for (;;) {
        const auto c = input.next();
        if (!c && text.empty()) return fail(ErrorCode::invalid_argument, "standard input: nothing came");
        if (!c || *c == '\n') break;
        text.push_back(*c);
        if (text.size() > most) return fail(ErrorCode::invalid_argument, "standard input: the line is too long");
    }
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
    return text;
}

InterruptGuard::InterruptGuard() {
    console_interrupt = false;
    ::ResetEvent(interrupt_event());
    ::SetConsoleCtrlHandler(&note_console_interrupt, TRUE);
}

InterruptGuard::~InterruptGuard() {
    ::SetConsoleCtrlHandler(&note_console_interrupt, FALSE);
}

bool InterruptGuard::interrupted() {
    return console_interrupt;
}

void InterruptGuard::sleep_ms(int ms) {
    constexpr int look = 200;  // nothing wakes who waits for the end of a pipe's reader
    for (int left = ms; left > 0 && !interrupted(); left -= look) {
        ::WaitForSingleObject(interrupt_event(), static_cast<DWORD>(std::min(left, look)));
        if (nobody_reads_output()) console_interrupt = true;
    }
}

LocalTime local_time(UnixMicros time) {
    const std::time_t seconds = static_cast<std::time_t>(time / 1'000'000 - (time % 1'000'000 < 0 ? 1 : 0));
    std::tm tm{};
    ::localtime_s(&tm, &seconds);
    return {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
}

std::string port_owner(int port) {
    auto found = listeners_of<MIB_TCPTABLE_OWNER_PID>(AF_INET, port);
    if (found.empty()) found = listeners_of<MIB_TCP6TABLE_OWNER_PID>(AF_INET6, port);
    if (found.empty()) return {};
    return program_of(found.front()) + " (pid " + std::to_string(found.front()) + ")";
}

bool program_exists(std::string_view name) {
    std::vector<std::string> ends = parts_of(platform::variable("PATHEXT").value_or(".COM;.EXE;.BAT;.CMD"));
    ends.emplace_back();  // a name that has its end already
    for (const auto& folder : parts_of(platform::variable("PATH").value_or(""))) {
        for (const auto& end : ends) {
            const auto file = std::filesystem::path(folder) / (std::string(name) + end);
            const bool runs = !end.empty() || file.has_extension();
            std::error_code ec;
            if (runs && std::filesystem::is_regular_file(file, ec)) return true;
        }
    }
    return false;
}

}  // namespace lurus
