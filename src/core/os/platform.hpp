#pragma once
// What an operating system does its own way; one source file for each (platform_posix.cpp, platform_windows.cpp).

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "core/os/files.hpp"
#include "lurus/result.hpp"

namespace lurus::platform {

/// The process's environment variables whose names start with `prefix`.
std::map<std::string, std::string> environment(std::string_view prefix = {});
/// One of them; empty when it is not set. Names of other case are the same variable on Windows alone.
std::optional<std::string> variable(const std::string& name);
/// For this process and what it starts. Not while other threads read variables.
void set_variable(const std::string& name, const std::string& value);
/// What main was given, in UTF-8.
std::vector<std::string> arguments(int count, const char* const* values);
/// The user's home folder from HOME (on Windows else from USERPROFILE); empty when there is none.
std::filesystem::path home_dir();
/// Where programs keep their settings and data on this system. The user's are empty where XDG's rules say where they
/// are, below the home folder.
struct StandardFolders {
    std::filesystem::path user_config, user_data;
    std::filesystem::path system_config, system_data;  // of lurus
};
StandardFolders standard_folders();
/// The running executable; empty when the system does not say.
std::filesystem::path executable();

std::int64_t process_id();
/// True also for a process of another user.
bool process_alive(std::int64_t pid);

/// How many processors the calling thread may use: those it is bound to, and no more than the quota of its control
/// group, on Windows of its job (whole ones). At least 1.
int usable_processors();

/// How many bytes of memory the process may use: the machine's, or less where its control group, those above it, its
/// job, or a limit of its address space or data say so. At least 1.
std::uint64_t usable_memory();

/// Whether the gateway can listen on a socket that a file names, `unix:/run/lurus.sock`. Not on Windows.
bool has_local_sockets();

/// From now on the calling thread, when it is woken, waits for its turn and does not interrupt who runs. What it is
/// given meanwhile gathers. Best effort.
void wake_without_preempting();

/// Lets the process have that many files and sockets open, or as many as the system allows. Returns how many.
std::uint64_t raise_open_files(std::uint64_t wanted);

/// What this TCP socket will send is not paced, whatever the system's congestion control does: for a peer on this
/// machine, where there is no network to pace for and each pause costs a timer. Before it is connected. Best effort.
void send_unpaced(int socket);

/// Gives back the memory that only starting up needed: freed heap, and pages of the program that are read again from
/// its file when they are used next. Best effort; once, when the start is over.
void release_startup_memory();

/// Gives back free memory that the calling thread keeps for its next allocations. Best effort; tens of microseconds and
/// more, so when the thread has nothing to do.
void release_thread_memory();

/// A new file of mode 0600 that did not exist before; on Windows for its maker, the system and administrators, and for
/// the accounts that a folder of its way was made for.
Result<void> write_new_private_file(const std::filesystem::path& file, std::string_view bytes,
                                    Synced synced = Synced::yes);
/// The bytes at the end of a file that is there; then the whole file is on the disk.
Result<void> append_synced(const std::filesystem::path& file, std::string_view bytes);
/// A name's change (create, rename, remove) in this folder survives power loss.
void sync_dir(const std::filesystem::path& dir);
/// One folder, whose parent is there: mode 0700, on Windows for whom a private file is, and so is what is made in it.
/// An error also when something is there already.
std::error_code make_private_folder(const std::filesystem::path& dir);
/// Makes a file that is there as private as `write_new_private_file` does.
std::error_code make_private(const std::filesystem::path& file);
/// What a person types to do the same: `chmod 600 FILE`.
std::string private_hint(const std::filesystem::path& file);
/// Gives a file another name, in one step in the place of the file that has it. On Windows a file that somebody has
/// open is waited for, up to two seconds.
std::error_code rename_over(const std::filesystem::path& from, const std::filesystem::path& to);
/// True when this process may write the file: its mode, its owner and its file system let it.
bool may_write(const std::filesystem::path& file);
/// True when others than the owner may read it. Administrators may read everything.
bool readable_by_others(const std::filesystem::path& file);

/// A lock on a file that ends with the process. The file stays.
class FileLock {
public:
    virtual ~FileLock() = default;
    /// `conflict` when another process holds it.
    static Result<std::unique_ptr<FileLock>> exclusive(const std::filesystem::path& file);
    /// Whether some process holds it right now. False when the file does not exist.
    static bool held(const std::filesystem::path& file);
};

enum class StopSignal : std::uint8_t { interrupt, terminate, hangup };

/// Takes over SIGINT, SIGTERM and SIGHUP for the whole process while it lives; ignores SIGPIPE, SIGUSR1 and their like.
/// Make it before any thread is started: threads inherit that the signals are blocked. On Windows Ctrl-C and Ctrl-Break
/// are `interrupt`; a console that is closed and the end of the session are `terminate`, for which the system gives a
/// process five seconds; nothing is `hangup`.
class Signals {
public:
    Signals();
    ~Signals();
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;
    /// The next signal, or nothing when `timeout_ms` passed. One thread at a time.
    std::optional<StopSignal> wait(int timeout_ms);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// As if that signal had come to this process. Any thread; on Windows also before there are `Signals`, which find it.
void raise_stop(StopSignal signal);

/// Microseconds since the machine's start, also those in which it slept. On Windows in steps of 16 milliseconds.
std::int64_t since_boot_us();

/// Tells the service manager (systemd's NOTIFY_SOCKET), if there is one: `READY=1`, `RELOADING=1`, `STOPPING=1`. Does
/// nothing on Windows, where a service reports to its manager by handles of its own.
void notify_service_manager(std::string_view state);

}  // namespace lurus::platform
