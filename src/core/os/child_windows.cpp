#include <algorithm>
#include <array>
#include <chrono>

#include "core/os/child.hpp"
#include "core/os/windows_api.hpp"

namespace lurus::platform {
namespace {

using windows::Handle;
using windows::last_error;

constexpr std::size_t most_child_bytes = 1 << 20;

// As CommandLineToArgvW and the C library take it apart again.
std::wstring quoted_argument(std::string_view word) {
    std::wstring out = L"\"";
    std::size_t slashes = 0;
    for (const wchar_t c : windows::wide(word)) {
        if (c == L'"') out.append(slashes + 1, L'\\');
        slashes = c == L'\\' ? slashes + 1 : 0;
        out += c;
    }
    out.append(slashes, L'\\');
    return out + L"\"";
}

/// Ends all that the child has started when it is closed.
Handle make_job() {
    Handle job(::CreateJobObjectW(nullptr, nullptr));
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    limits.BasicLimitInformation.LimitFlags = JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE;
    ::SetInformationJobObject(job.get(), JobObjectExtendedLimitInformation, &limits, sizeof limits);
    return job;
}

/// What has come; a pipe has no wait with a timeout.
void take_output(HANDLE from, std::string& out) {
    std::array<char, 4096> piece{};
    for (;;) {
        DWORD there = 0, got = 0;
        if (::PeekNamedPipe(from, nullptr, 0, nullptr, &there, nullptr) == 0 || there == 0) return;
        if (::ReadFile(from, piece.data(), std::min<DWORD>(there, piece.size()), &got, nullptr) == 0 || got == 0)
            return;
        if (out.size() < most_child_bytes) out.append(piece.data(), got);
    }
}

}  // namespace

Result<ChildEnd> run_child(const std::vector<std::string>& command, int timeout_ms, ChildOutput output) {
    const bool kept = output == ChildOutput::kept;
    std::wstring line;
    for (const auto& word : command) line += (line.empty() ? L"" : L" ") + quoted_argument(word);
    SECURITY_ATTRIBUTES inherited{sizeof inherited, nullptr, TRUE};
    Handle read_end, write_end, nothing;
    if (kept) {
        if (::CreatePipe(read_end.out(), write_end.out(), &inherited, 0) == 0)
            return fail(ErrorCode::unavailable, "cannot make a pipe: " + last_error());
        ::SetHandleInformation(read_end.get(), HANDLE_FLAG_INHERIT, 0);
        *nothing.out() = ::CreateFileW(L"NUL", GENERIC_READ, windows::share_all, &inherited, OPEN_EXISTING, 0, nullptr);
    }
    STARTUPINFOW start{};
    start.cb = sizeof start;
    start.dwFlags = kept ? STARTF_USESTDHANDLES : 0;
    start.hStdInput = nothing.get();
    start.hStdOutput = start.hStdError = write_end.get();
    PROCESS_INFORMATION made{};
    // Nothing is looked for in the folder where somebody happens to be.
    if (::CreateProcessW(windows::wide(command.front()).c_str(), line.data(), nullptr, nullptr, kept ? TRUE : FALSE,
                         CREATE_SUSPENDED | (kept ? CREATE_NO_WINDOW : 0), nullptr, nullptr, &start, &made) == 0) {
        const DWORD code = ::GetLastError();
        const bool absent = code == ERROR_FILE_NOT_FOUND || code == ERROR_PATH_NOT_FOUND;
        return fail(absent ? ErrorCode::not_found : ErrorCode::unavailable,
                    "cannot run " + command.front() + ": " + windows::text_of_error(code));
    }
    const Handle process(made.hProcess), thread(made.hThread), job = make_job();
    ::AssignProcessToJobObject(job.get(), process.get());
    ::ResumeThread(thread.get());
    ChildEnd end;
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    constexpr DWORD look_ms = 10;
    while (::WaitForSingleObject(process.get(), kept ? look_ms : INFINITE) == WAIT_TIMEOUT) {
        take_output(read_end.get(), end.out);
        if (std::chrono::steady_clock::now() < until) continue;
        ::TerminateJobObject(job.get(), 1);
        return fail(ErrorCode::timeout, command.front() + " did not end within " +
                                            std::to_string((timeout_ms + 999) / 1000) + " s, and was ended");
    }
    if (kept) take_output(read_end.get(), end.out);
    DWORD code = 0;
    ::GetExitCodeProcess(process.get(), &code);
    end.exit_code = static_cast<int>(code);
    std::erase(end.out, '\r');
    return end;
}

}  // namespace lurus::platform
