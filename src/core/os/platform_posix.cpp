#include "core/os/platform.hpp"

#include <fcntl.h>
#include <link.h>
#include <malloc.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>

#include "core/os/control_group.hpp"
#include "core/os/open_to_read.hpp"

extern char** environ;
// There where the program is linked with jemalloc.
extern "C" int mallctl(const char* name, void* old, size_t* old_size, void* given, size_t given_size)
    __attribute__((weak));

namespace lurus::platform {
namespace {

std::string reason() {
    return std::strerror(errno);
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }

private:
    int fd_;
};

class PosixLock final : public FileLock {
public:
    explicit PosixLock(int fd) : fd_(fd) {}

private:
    Descriptor fd_;
};

// "0::/system.slice/lurus.service" of /proc/self/cgroup
std::filesystem::path own_control_group() {
    std::ifstream file("/proc/self/cgroup");
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("0::/")) return line.substr(3);
    }
    return "/";
}

int open_retrying(const std::filesystem::path& file, int flags, mode_t mode = 0) {
    int fd = -1;
    do {
        fd = ::open(file.c_str(), flags | O_CLOEXEC, mode);
    } while (fd < 0 && errno == EINTR);
    return fd;
}

}  // namespace

std::map<std::string, std::string> environment(std::string_view prefix) {
    std::map<std::string, std::string> found;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view line(*entry);
        const auto equals = line.find('=');
        if (equals == std::string_view::npos || !line.starts_with(prefix)) continue;
        found.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    return found;
}

std::optional<std::string> variable(const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

void set_variable(const std::string& name, const std::string& value) {
    ::setenv(name.c_str(), value.c_str(), 1);
}

std::vector<std::string> arguments(int count, const char* const* values) {
    return {values, values + count};
}

std::filesystem::path home_dir() {
    const char* home = std::getenv("HOME");
    return home == nullptr ? std::filesystem::path() : std::filesystem::path(home);
}

StandardFolders standard_folders() {
    return {{}, {}, "/etc/lurus", "/var/lib/lurus"};
}

std::filesystem::path executable() {
    std::error_code error;
    auto path = std::filesystem::read_symlink("/proc/self/exe", error);
    return error ? std::filesystem::path() : path;
}

std::int64_t process_id() {
    return ::getpid();
}

bool process_alive(std::int64_t pid) {
    if (pid <= 0) return false;
    return ::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM;
}

int usable_processors() {
    cpu_set_t bound;
    CPU_ZERO(&bound);
    int count = ::sched_getaffinity(0, sizeof bound, &bound) == 0 ? CPU_COUNT(&bound)
                                                                  : static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
    if (const auto quota = processor_quota("/sys/fs/cgroup", own_control_group()))
        count = std::min(count, static_cast<int>(*quota));
    return std::max(count, 1);
}

std::uint64_t usable_memory() {
    const long pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
    std::uint64_t bytes = pages > 0 && page > 0 ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page)
                                                : std::uint64_t{1} << 30;
    if (const auto quota = memory_quota("/sys/fs/cgroup", own_control_group())) bytes = std::min(bytes, *quota);
    for (const auto which : {RLIMIT_AS, RLIMIT_DATA}) {
        rlimit limit{};
        if (::getrlimit(which, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY)
            bytes = std::min<std::uint64_t>(bytes, limit.rlim_cur);
    }
    return std::max<std::uint64_t>(bytes, 1);
}

bool has_local_sockets() {
    return true;
}

void wake_without_preempting() {
#ifdef SCHED_BATCH
    if (::sched_getscheduler(0) != SCHED_OTHER) return;  // somebody has chosen
    const sched_param none{};
    ::sched_setscheduler(0, SCHED_BATCH, &none);  // of the thread, on Linux
#endif
}

std::uint64_t raise_open_files(std::uint64_t wanted) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    if (limit.rlim_cur >= wanted) return limit.rlim_cur;
    rlimit more{wanted, std::max<rlim_t>(wanted, limit.rlim_max)};
    if (::setrlimit(RLIMIT_NOFILE, &more) == 0) return wanted;
    // Only a privileged process may go above the hard limit.
    more = {std::min<rlim_t>(wanted, limit.rlim_max), limit.rlim_max};
    return ::setrlimit(RLIMIT_NOFILE, &more) == 0 ? more.rlim_cur : limit.rlim_cur;
}

void send_unpaced(int socket) {
    static constexpr std::string_view reno = "reno";  // the one that every kernel has and lets anybody choose
    setsockopt(socket, IPPROTO_TCP, TCP_CONGESTION, reno.data(), reno.size());
}

void release_startup_memory() {
    if (mallctl != nullptr) {
        mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0);  // of all arenas
    } else {
        ::malloc_trim(0);
    }
    const auto drop = [](dl_phdr_info* program, std::size_t, void*) {
        const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
        for (int i = 0; i < program->dlpi_phnum; ++i) {
            const auto& part = program->dlpi_phdr[i];
            // What can be written differs from the file.
            if (part.p_type != PT_LOAD || (part.p_flags & PF_W) != 0) continue;
            const std::uintptr_t begin = (program->dlpi_addr + part.p_vaddr) / page * page;
            const std::uintptr_t end = (program->dlpi_addr + part.p_vaddr + part.p_memsz) / page * page;
            if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
        }
        return 1;  // the program itself comes first; the libraries are shared with others
    };
    ::dl_iterate_phdr(drop, nullptr);
}

void release_thread_memory() {
    if (mallctl == nullptr) return;
    mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
    unsigned arena = 0;
    std::size_t size = sizeof arena;
    if (mallctl("thread.arena", &arena, &size, nullptr, 0) != 0) return;
    mallctl(("arena." + std::to_string(arena) + ".purge").c_str(), nullptr, nullptr, nullptr, 0);
}

namespace {

Result<void> write_bytes(int fd, const std::filesystem::path& file, std::string_view bytes, Synced synced) {
    while (!bytes.empty()) {
        const auto n = ::write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(ErrorCode::unavailable, "cannot write " + file.string() + ": " + reason());
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    if (synced == Synced::yes && ::fsync(fd) != 0)
        return fail(ErrorCode::unavailable, "cannot sync " + file.string() + ": " + reason());
    return {};
}

}  // namespace

Result<void> write_new_private_file(const std::filesystem::path& file, std::string_view bytes, Synced synced) {
    const Descriptor fd(open_retrying(file, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    if (!fd.valid()) {
        return fail(errno == EEXIST ? ErrorCode::conflict : ErrorCode::unavailable,
                    "cannot make " + file.string() + ": " + reason());
    }
    return write_bytes(fd.get(), file, bytes, synced);
}

Result<void> append_synced(const std::filesystem::path& file, std::string_view bytes) {
    const Descriptor fd(open_retrying(file, O_WRONLY | O_APPEND | O_NOFOLLOW));
    if (!fd.valid()) return fail(ErrorCode::unavailable, "cannot open " + file.string() + ": " + reason());
    return write_bytes(fd.get(), file, bytes, Synced::yes);
}

void sync_dir(const std::filesystem::path& dir) {
    const Descriptor fd(open_retrying(dir, O_RDONLY | O_DIRECTORY));
    if (fd.valid()) ::fsync(fd.get());
}

std::error_code make_private_folder(const std::filesystem::path& dir) {
    if (::mkdir(dir.c_str(), 0700) == 0) return {};
    return {errno, std::generic_category()};
}

std::error_code make_private(const std::filesystem::path& file) {
    std::error_code error;
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, error);
    return error;
}

std::string private_hint(const std::filesystem::path& file) {
    return "chmod 600 " + file.string();
}

std::error_code rename_over(const std::filesystem::path& from, const std::filesystem::path& to) {
    std::error_code error;
    std::filesystem::rename(from, to, error);
    return error;
}

std::ifstream open_to_read(const std::filesystem::path& file) {
    return std::ifstream(file, std::ios::binary);
}

bool may_write(const std::filesystem::path& file) {
    return ::faccessat(AT_FDCWD, file.c_str(), W_OK, AT_EACCESS) == 0;
}

bool readable_by_others(const std::filesystem::path& file) {
    struct stat info{};
    return ::stat(file.c_str(), &info) == 0 && (info.st_mode & (S_IRGRP | S_IROTH)) != 0;
}

Result<std::unique_ptr<FileLock>> FileLock::exclusive(const std::filesystem::path& file) {
    const int fd = open_retrying(file, O_RDWR | O_CREAT, 0600);
    if (fd < 0) return fail(ErrorCode::unavailable, "cannot open " + file.string() + ": " + reason());
    std::unique_ptr<FileLock> lock = std::make_unique<PosixLock>(fd);
    if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
        return fail(errno == EWOULDBLOCK ? ErrorCode::conflict : ErrorCode::unavailable,
                    "cannot lock " + file.string() + ": " + reason());
    }
    return lock;
}

bool FileLock::held(const std::filesystem::path& file) {
    const Descriptor fd(open_retrying(file, O_RDONLY));
    return fd.valid() && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

struct Signals::State {
    sigset_t waited{};
    sigset_t before{};
};

Signals::Signals() : state_(std::make_unique<State>()) {
    sigemptyset(&state_->waited);
    for (int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&state_->waited, number);
    pthread_sigmask(SIG_BLOCK, &state_->waited, &state_->before);
    // What would end the process, and is sent to daemons of other kinds to make them do something.
    for (int number : {SIGPIPE, SIGUSR1, SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGXFSZ})
        ::signal(number, SIG_IGN);
}

Signals::~Signals() {
    pthread_sigmask(SIG_SETMASK, &state_->before, nullptr);
}

std::optional<StopSignal> Signals::wait(int timeout_ms) {
    timespec timeout{};
    timeout.tv_sec = timeout_ms / 1000;
    timeout.tv_nsec = (timeout_ms % 1000) * 1'000'000l;
    switch (::sigtimedwait(&state_->waited, nullptr, &timeout)) {
        case SIGINT: return StopSignal::interrupt;
        case SIGTERM: return StopSignal::terminate;
        case SIGHUP: return StopSignal::hangup;
        default: return std::nullopt;
    }
}

void raise_stop(StopSignal signal) {
    ::kill(::getpid(), signal == StopSignal::interrupt ? SIGINT : signal == StopSignal::hangup ? SIGHUP : SIGTERM);
}

std::int64_t since_boot_us() {
#ifdef CLOCK_BOOTTIME
    constexpr clockid_t clock = CLOCK_BOOTTIME;
#else
    constexpr clockid_t clock = CLOCK_MONOTONIC;
#endif
    timespec time{};
    ::clock_gettime(clock, &time);
    return time.tv_sec * 1'000'000ll + time.tv_nsec / 1000;
}

void notify_service_manager(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::size_t length = std::strlen(path);
    if (length >= sizeof address.sun_path) return;
    std::memcpy(address.sun_path, path, length);
    if (path[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
    const Descriptor fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd.valid()) return;
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
    ::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace lurus::platform
