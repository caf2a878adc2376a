#include "core/os/service.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <map>

#include "core/os/child.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/service_unit.hpp"
#include "core/text/shell_word.hpp"

namespace lurus::platform {
namespace {

namespace fs = std::filesystem;

constexpr const char* unit_folder = "/etc/systemd/system";
constexpr const char* package_folders[] = {"/usr/lib/systemd/system", "/lib/systemd/system",
                                           "/usr/local/lib/systemd/system"};
constexpr const char* usual_account = "lurus";
constexpr int manager_timeout_ms = 30'000;

fs::path unit_file(const std::string& name) {
    return fs::path(unit_folder) / (name + ".service");
}

std::string error_text() {
    return std::strerror(errno);
}

std::string last_line(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
    const auto start = text.rfind('\n');
    return std::string(start == std::string_view::npos ? text : text.substr(start + 1));
}

Result<void> as_root(std::string_view verb) {
    if (::geteuid() == 0) return {};
    return fail(ErrorCode::permission_denied, "services of the system are root's: sudo " +
                                                  shell_word(executable().string()) + " service " + std::string(verb));
}

Result<ChildEnd> ask_systemd(std::vector<std::string> words, int timeout_ms = manager_timeout_ms) {
    words.insert(words.begin(), "systemctl");
    auto end = run_child(words, timeout_ms);
    if (!end && end.error().code == ErrorCode::not_found)
        return fail(ErrorCode::unavailable,
                    "there is no systemctl here: let what starts this machine's services run `lurus serve`");
    if (end && end->out.find("has not been booted with systemd") != std::string::npos)
        return fail(ErrorCode::unavailable,
                    "systemd does not run here: let what starts this machine's services run `lurus serve`");
    return end;
}

Result<void> tell_systemd(std::vector<std::string> words, int timeout_ms = manager_timeout_ms) {
    std::string command = "systemctl";
    for (const auto& word : words) command += " " + word;
    const auto end = ask_systemd(std::move(words), timeout_ms);
    if (!end) return std::unexpected(end.error());
    if (end->exit_code == 0) return {};
    return fail(ErrorCode::unavailable,
                command + ": " + (end->out.empty() ? "exit " + std::to_string(end->exit_code) : last_line(end->out)));
}

/// Of `unit_file(name)`, or nothing; `conflict` where it is somebody else's.
Result<void> check_ours(const std::string& name) {
    const fs::path file = unit_file(name);
    std::error_code ignored;
    if (fs::exists(file, ignored)) {
        const auto text = read_file(file, 1 << 20);
        if (!text) return std::unexpected(text.error());
        if (text->starts_with(unit_mark)) return {};
        return fail(ErrorCode::conflict, file.string() +
                                             " was not written by `lurus service install`: give another "
                                             "--name, or change it by: systemctl edit --full " +
                                             name);
    }
    for (const char* folder : package_folders) {
        if (!fs::exists(fs::path(folder) / (name + ".service"), ignored)) continue;
        return fail(ErrorCode::conflict, "the service " + name + " is of a package (" + folder + "/" + name +
                                             ".service), which installs and removes it; change it by: systemctl edit " +
                                             name + "; for another one give --name");
    }
    return {};
}

// The unit shows these folders to nobody, or empty ones.
Result<void> check_visible(const fs::path& path, const char* what, const std::string& fix) {
    for (const fs::path hidden : {"/home", "/root", "/run/user", "/tmp", "/var/tmp"}) {
        const auto relative = path.lexically_relative(hidden);
        if (relative.empty() || *relative.begin() == "..") continue;
        return fail(ErrorCode::invalid_argument, std::string(what) + " " + path.string() + " is in " + hidden.string() +
                                                     ", which the service does not see: " + fix);
    }
    return {};
}

struct Account {
    uid_t user = 0;
    gid_t group = 0;
    std::string group_name;
};

std::optional<Account> known_account(const std::string& name) {
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr) return std::nullopt;
    Account account{entry->pw_uid, entry->pw_gid, std::to_string(entry->pw_gid)};
    if (const group* of = ::getgrgid(entry->pw_gid); of != nullptr) account.group_name = of->gr_name;
    return account;
}

Result<Account> account_for(const ServiceWanted& wanted) {
    if (const auto account = known_account(wanted.account)) return *account;
    if (wanted.account != usual_account)
        return fail(ErrorCode::not_found, "there is no user " + wanted.account + ": make it, or leave --user out");
    const auto end = run_child({"useradd", "--system", "--user-group", "--no-create-home", "--home-dir",
                                service_places(usual_account).data_dir.string(), "--shell", "/usr/sbin/nologin",
                                "--comment", "Lurus Switch", usual_account},
                               manager_timeout_ms);
    if (!end) return std::unexpected(end.error());
    const auto account = known_account(wanted.account);
    if (end->exit_code == 0 && account) return *account;
    return fail(ErrorCode::unavailable, "cannot make the user " + wanted.account + ": " + last_line(end->out));
}

Result<void> give(const fs::path& path, uid_t user, gid_t group, mode_t mode) {
    if (::chown(path.c_str(), user, group) == 0 && ::chmod(path.c_str(), mode) == 0) return {};
    return fail(ErrorCode::unavailable, "cannot set the owner of " + path.string() + ": " + error_text());
}

Result<void> make_data_folder(const fs::path& dir, const Account& account, const std::string& name) {
    struct stat info{};
    if (::stat(dir.c_str(), &info) == 0) {
        if (info.st_uid == account.user) return {};
        return fail(ErrorCode::conflict, "the data folder " + dir.string() + " is another user's: chown -R " + name +
                                             ": " + shell_word(dir.string()));
    }
    std::error_code error;
    fs::create_directories(dir.parent_path(), error);
    if (auto made = make_private_dir(dir); !made) return made;
    return give(dir, account.user, account.group, 0700);
}

Result<void> make_config_file(const ServiceWanted& wanted, const Account& account) {
    std::error_code error;
    if (fs::exists(wanted.config_file, error)) return {};
    const fs::path dir = wanted.config_file.parent_path();
    if (!fs::exists(dir, error)) {
        if (auto made = make_private_dir(dir); !made) return made;
        if (auto given = give(dir, 0, account.group, 0750); !given) return given;
    }
    if (auto written = write_private_file(wanted.config_file, wanted.default_config); !written) return written;
    return give(wanted.config_file, 0, account.group, 0640);
}

std::map<std::string, std::string> properties_of(std::string_view text) {
    std::map<std::string, std::string> out;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (const auto equals = line.find('='); equals != std::string_view::npos)
            out[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    }
    return out;
}

std::int64_t whole_number(const std::string& text) {
    std::int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

ServiceState::Run run_of(const std::string& active) {
    using Run = ServiceState::Run;
    if (active == "active" || active == "reloading" || active == "refreshing") return Run::running;
    if (active == "activating") return Run::starting;
    if (active == "deactivating") return Run::stopping;
    return active == "failed" ? Run::failed : Run::stopped;
}

// systemd's moments are of the clock that stands still while the machine sleeps.
UnixMicros moment_of(const std::string& monotonic) {
    const std::int64_t then = whole_number(monotonic);
    if (then == 0) return 0;
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return system_clock().now() - (now.tv_sec * 1'000'000ll + now.tv_nsec / 1000 - then);
}

void read_command(std::string_view unit, ServiceState& state) {
    const auto words = unit_words(unit_value(unit, "ExecStart"));
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i == 0) state.executable = words[i];
        if (i > 0 && words[i - 1] == "--config") state.config_file = words[i];
        if (i > 0 && words[i - 1] == "--data-dir") state.data_dir = words[i];
    }
}

}  // namespace

ServicePlaces service_places(const std::string& name) {
    return {fs::path("/etc") / name / "lurus.toml", fs::path("/var/lib") / name};
}

bool account_has_password(const std::string&) {
    return false;  // root starts whom it likes
}

Result<std::vector<std::string>> install_service(const ServiceWanted& asked) {
    if (auto root = as_root("install"); !root) return std::unexpected(root.error());
    ServiceWanted wanted = asked;
    if (wanted.account.empty()) wanted.account = usual_account;
    const auto seen = check_visible(wanted.executable, "the program",
                                    "sudo install -m 755 " + shell_word(wanted.executable.string()) +
                                        " /usr/local/bin/lurus, then: sudo /usr/local/bin/lurus service install");
    if (!seen) return std::unexpected(seen.error());
    for (const auto& path : {wanted.config_file, wanted.data_dir}) {
        if (auto ok = check_visible(path, "the place", "choose another place, such as /etc/lurus or /srv"); !ok)
            return std::unexpected(ok.error());
    }
    if (auto ours = check_ours(wanted.name); !ours) return std::unexpected(ours.error());
    // Before anything is made: its answer comes from the running manager.
    if (auto there = tell_systemd({"show", "--property=Version"}); !there) return std::unexpected(there.error());
    const auto account = account_for(wanted);
    if (!account) return std::unexpected(account.error());
    if (auto made = make_data_folder(wanted.data_dir, *account, wanted.account); !made)
        return std::unexpected(made.error());
    if (auto made = make_config_file(wanted, *account); !made) return std::unexpected(made.error());
    const fs::path file = unit_file(wanted.name);
    if (auto written = write_private_file(file, unit_text(wanted, account->group_name)); !written)
        return std::unexpected(written.error());
    if (auto given = give(file, 0, 0, 0644); !given) return std::unexpected(given.error());
    if (auto done = tell_systemd({"daemon-reload"}); !done) return std::unexpected(done.error());
    if (auto done = tell_systemd({"enable", wanted.name + ".service"}); !done) return std::unexpected(done.error());
    return std::vector<std::string>();
}

Result<void> uninstall_service(const std::string& name) {
    if (auto root = as_root("uninstall"); !root) return root;
    const fs::path file = unit_file(name);
    std::error_code error;
    if (auto ours = check_ours(name); !ours) return ours;
    if (!fs::exists(file, error)) return fail(ErrorCode::not_found, "there is no service " + name);
    if (auto done = tell_systemd({"disable", name + ".service"}); !done) return done;
    if (!fs::remove(file, error))
        return fail(ErrorCode::unavailable, "cannot remove " + file.string() + ": " + error.message());
    return tell_systemd({"daemon-reload"});
}

Result<void> start_service(const std::string& name, int timeout_ms) {
    if (auto root = as_root("start"); !root) return root;
    const auto done = tell_systemd({"start", name + ".service"}, timeout_ms);
    if (done) return {};
    if (done.error().code == ErrorCode::timeout)
        return fail(ErrorCode::timeout, name + " still starts after " + std::to_string(timeout_ms / 1000) + " s");
    const auto state = service_state(name);
    if (!state) return std::unexpected(state.error().code == ErrorCode::not_found ? state.error() : done.error());
    return fail(ErrorCode::unavailable,
                name + " does not start: " + (state->problem.empty() ? done.error().message : state->problem));
}

Result<void> stop_service(const std::string& name, int timeout_ms) {
    if (auto root = as_root("stop"); !root) return root;
    const auto done = tell_systemd({"stop", name + ".service"}, timeout_ms);
    if (done || done.error().code != ErrorCode::timeout) return done;
    return fail(ErrorCode::timeout,
                name + " has not ended within " + std::to_string(timeout_ms / 1000) + " s: its answers still run");
}

Result<ServiceState> service_state(const std::string& name) {
    const std::string unit = name + ".service";
    const auto shown = ask_systemd({"show", unit,
                                    "--property=LoadState,ActiveState,UnitFileState,MainPID,"
                                    "ActiveEnterTimestampMonotonic,FragmentPath,User,Result,"
                                    "ExecMainStatus,StatusText"});
    if (!shown) return std::unexpected(shown.error());
    const auto all = properties_of(shown->out);
    const auto value = [&](const char* key) {
        const auto found = all.find(key);
        return found == all.end() ? std::string() : found->second;
    };
    if (shown->exit_code != 0 || all.empty())
        return fail(ErrorCode::unavailable, "systemctl show " + unit + ": " + last_line(shown->out));
    if (value("LoadState") == "not-found")
        return fail(ErrorCode::not_found, "there is no service " + name + ": lurus service install");
    ServiceState state;
    state.run = run_of(value("ActiveState"));
    state.at_boot = value("UnitFileState").starts_with("enabled");
    state.pid = whole_number(value("MainPID"));
    if (state.run == ServiceState::Run::running) state.since = moment_of(value("ActiveEnterTimestampMonotonic"));
    state.account = value("User");
    state.unit = value("FragmentPath");
    if (state.run != ServiceState::Run::running && value("Result") != "success" && !value("Result").empty()) {
        state.problem = value("StatusText");
        if (state.problem.empty())
            state.problem = value("Result") + " (exit " + value("ExecMainStatus") + "); see: lurus service logs";
    }
    if (const auto text = ask_systemd({"cat", unit}); text && text->exit_code == 0) read_command(text->out, state);
    return state;
}

Result<ServiceLog> service_log(const std::string& name, int lines, bool follow, bool json) {
    ServiceLog log;
    log.command = {"journalctl", "--no-pager", "--unit", name + ".service", "--lines", std::to_string(lines)};
    if (json) log.command.insert(log.command.end(), {"--output", "json"});
    if (follow) log.command.emplace_back("--follow");
    return log;
}

Result<int> run_service(const std::string&, const std::function<int()>&) {
    return fail(ErrorCode::unavailable, "systemd starts `lurus serve`; `lurus service run` is for Windows");
}

std::string updated_by(const fs::path& program) {
    for (const auto& part : program) {
        if (part == "node_modules") return "npm install -g lurus-switch@latest";
    }
    const auto owner = run_child({"dpkg-query", "--search", program.string()}, manager_timeout_ms);
    if (!owner || owner->exit_code != 0) return {};
    return "sudo apt install ./" + owner->out.substr(0, owner->out.find_first_of(":,")) + "_VERSION_amd64.deb";
}

}  // namespace lurus::platform
