#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "core/os/terminal.hpp"

namespace lurus {
namespace {

volatile sig_atomic_t interrupted_flag = 0;
struct sigaction old_int, old_term;

void note_interrupt(int) {
    interrupted_flag = 1;
}

/// Echo off while it lives.
class QuietTerminal {
public:
    QuietTerminal() {
        ok_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!ok_) return;
        termios quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    ~QuietTerminal() {
        if (ok_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }
    QuietTerminal(const QuietTerminal&) = delete;
    QuietTerminal& operator=(const QuietTerminal&) = delete;

private:
    termios before_{};
    bool ok_ = false;
};

void say(std::string_view text) {
    while (!text.empty()) {
        ssize_t n = ::write(STDERR_FILENO, text.data(), text.size());
        if (n <= 0) return;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

/// Inodes of listening sockets on the port, from one of /proc/net's tables.
std::vector<std::string> listening_inodes(const char* table, int port) {
    std::vector<std::string> inodes;
    std::ifstream in(table);
    std::string line;
    std::getline(in, line);
    while (std::getline(in, line)) {
        std::istringstream fields(line);
        std::string slot, local, remote, state, queues, timer, retransmits, uid, timeout, inode;
        fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> uid >> timeout >> inode;
        auto colon = local.rfind(':');
        if (state != "0A" || colon == std::string::npos) continue;
        if (std::strtol(local.c_str() + colon + 1, nullptr, 16) == port) inodes.push_back(inode);
    }
    return inodes;
}

bool holds_socket(const std::filesystem::path& process, const std::vector<std::string>& inodes) {
    std::error_code ec;
    for (std::filesystem::directory_iterator it(process / "fd", ec), end; !ec && it != end; it.increment(ec)) {
        std::error_code gone;
        std::string target = std::filesystem::read_symlink(it->path(), gone).string();
        for (const auto& inode : inodes) {
            if (target == "socket:[" + inode + "]") return true;
        }
    }
    return false;
}

}  // namespace

bool stdout_is_terminal() {
    return ::isatty(STDOUT_FILENO) == 1;
}
bool stdin_is_terminal() {
    return ::isatty(STDIN_FILENO) == 1;
}

int terminal_width() {
    if (!stdout_is_terminal()) return 0;
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

Result<std::string> read_secret(std::string_view prompt) {
    std::string text;
    bool interactive = stdin_is_terminal();
    {
        std::optional<QuietTerminal> quiet;
        if (interactive) {
            quiet.emplace();  // first: it discards what was typed before
            say(prompt);
        }
        char c = 0;
        while (true) {
            ssize_t n = ::read(STDIN_FILENO, &c, 1);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0 || (interactive && c == '\n')) break;
            text.push_back(c);
            if (text.size() > 65536)
                return fail(ErrorCode::invalid_argument,
                            "standard input: more than 64 KiB came where a key was expected");
        }
    }
    if (interactive) say("\n");
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ')) text.pop_back();
    if (text.empty())
        return fail(ErrorCode::invalid_argument,
                    "standard input: nothing came: pipe the key in, or type it at the prompt");
    return text;
}

Result<std::string> read_line(std::string_view prompt) {
    constexpr std::size_t most = 4096;
    say(prompt);
    std::string text;
    for (;;) {
        char c = 0;
        const ssize_t n = ::read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0 && text.empty()) return fail(ErrorCode::invalid_argument, "standard input: nothing came");
        if (n <= 0 || c == '\n') break;
        text.push_back(c);
        if (text.size() > most) return fail(ErrorCode::invalid_argument, "standard input: the line is too long");
    }
    while (!text.empty() && (text.back() == '\r' || text.back() == ' ')) text.pop_back();
    return text;
}

InterruptGuard::InterruptGuard() {
    interrupted_flag = 0;
    struct sigaction action{};
    action.sa_handler = note_interrupt;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(SIGINT, &action, &old_int);
    ::sigaction(SIGTERM, &action, &old_term);
}

InterruptGuard::~InterruptGuard() {
    ::sigaction(SIGINT, &old_int, nullptr);
    ::sigaction(SIGTERM, &old_term, nullptr);
}

bool InterruptGuard::interrupted() {
    return interrupted_flag != 0;
}

void InterruptGuard::sleep_ms(int ms) {
    if (interrupted()) return;
    pollfd out{STDOUT_FILENO, 0, 0};  // no events: only that the reader of a pipe is gone
    if (::poll(&out, 1, ms) > 0 && (out.revents & (POLLERR | POLLNVAL)) != 0) interrupted_flag = 1;
}

LocalTime local_time(UnixMicros time) {
    std::time_t seconds = static_cast<std::time_t>(time / 1'000'000 - (time % 1'000'000 < 0 ? 1 : 0));
    std::tm tm{};
    ::localtime_r(&seconds, &tm);
    return {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec};
}

std::string port_owner(int port) {
    std::vector<std::string> inodes = listening_inodes("/proc/net/tcp", port);
    for (auto& inode : listening_inodes("/proc/net/tcp6", port)) inodes.push_back(std::move(inode));
    if (inodes.empty()) return {};
    std::error_code ec;
    for (std::filesystem::directory_iterator it("/proc", ec), end; !ec && it != end; it.increment(ec)) {
        std::string pid = it->path().filename().string();
        if (pid.find_first_not_of("0123456789") != std::string::npos || !holds_socket(it->path(), inodes)) continue;
        std::string name;
        std::ifstream comm(it->path() / "comm");
        std::getline(comm, name);
        return name + " (pid " + pid + ")";
    }
    return {};
}

bool program_exists(std::string_view name) {
    const char* path = std::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "";
    while (!rest.empty()) {
        std::string_view folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
        std::string candidate = std::string(folder) + "/" + std::string(name);
        std::error_code ec;
        if (std::filesystem::is_regular_file(candidate, ec) && ::access(candidate.c_str(), X_OK) == 0) return true;
    }
    return false;
}

}  // namespace lurus
