#include "core/os/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

extern char** environ;

namespace lurus::platform {
namespace {

constexpr std::size_t most_child_output = 1 << 20;

/// A child has the signals that a program starts with: this process may block or ignore some.
class SpawnSettings {
public:
    explicit SpawnSettings(int out) {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        sigset_t none, defaults;
        sigemptyset(&none);
        sigemptyset(&defaults);
        for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGUSR1, SIGUSR2}) sigaddset(&defaults, number);
        posix_spawnattr_setsigmask(&attributes, &none);
        posix_spawnattr_setsigdefault(&attributes, &defaults);
        short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        if (out >= 0) {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
            posix_spawn_file_actions_adddup2(&actions, out, 1);
            posix_spawn_file_actions_adddup2(&actions, out, 2);
            // What it starts ends with it.
            flags |= POSIX_SPAWN_SETPGROUP;
            posix_spawnattr_setpgroup(&attributes, 0);
        }
        posix_spawnattr_setflags(&attributes, flags);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
};

Result<pid_t> spawn(const std::vector<std::string>& command, int out) {
    std::vector<char*> arguments;
    for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    const SpawnSettings settings(out);
    pid_t pid = 0;
    const int error =
        ::posix_spawnp(&pid, arguments.front(), &settings.actions, &settings.attributes, arguments.data(), environ);
    if (error == 0) return pid;
    return fail(error == ENOENT ? ErrorCode::not_found : ErrorCode::unavailable,
                "cannot run " + command.front() + ": " + std::strerror(error));
}

int exit_code_of(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// True once it has ended, which is left to be waited for.
bool ends_until(pid_t pid, std::chrono::steady_clock::time_point until) {
    for (;;) {
        siginfo_t info{};
        if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == pid)
            return true;
        if (std::chrono::steady_clock::now() >= until) return false;
        ::usleep(5000);
    }
}

/// Until the child and those who inherited its output have closed it. False when the time is over.
bool read_to_end(int fd, std::chrono::steady_clock::time_point until, std::string& out) {
    std::array<char, 4096> piece{};
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
        if (left <= 0) return false;
        pollfd wanted{fd, POLLIN, 0};
        const int ready = ::poll(&wanted, 1, static_cast<int>(left));
        if (ready < 0 && errno != EINTR) return true;
        if (ready <= 0) continue;
        const auto n = ::read(fd, piece.data(), piece.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return true;
        if (out.size() < most_child_output) out.append(piece.data(), static_cast<std::size_t>(n));
    }
}

}  // namespace

Result<ChildEnd> run_child(const std::vector<std::string>& command, int timeout_ms, ChildOutput output) {
    ChildEnd end;
    if (output == ChildOutput::shown) {
        const auto pid = spawn(command, -1);
        if (!pid) return std::unexpected(pid.error());
        end.exit_code = exit_code_of(*pid);
        return end;
    }
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail(ErrorCode::unavailable, std::string("cannot make a pipe: ") + std::strerror(errno));
    const auto pid = spawn(command, ends[1]);
    ::close(ends[1]);
    bool ended = true;
    if (pid) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
        ended = read_to_end(ends[0], until, end.out) && ends_until(*pid, until);
        if (!ended) ::kill(-*pid, SIGKILL);
        end.exit_code = exit_code_of(*pid);
    }
    ::close(ends[0]);
    if (!pid) return std::unexpected(pid.error());
    if (!ended)
        return fail(ErrorCode::timeout, command.front() + " did not end within " +
                                            std::to_string((timeout_ms + 999) / 1000) + " s, and was ended");
    return end;
}

}  // namespace lurus::platform
