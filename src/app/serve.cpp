#include "app/serve.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <utility>

#include "app/kept_file.hpp"
#include "app/serve_banner.hpp"
#include "app/wiring.hpp"
#include "control/state/control_plane.hpp"
#include "control/state/reload.hpp"
#include "core/http/url.hpp"
#include "core/os/files.hpp"
#include "core/os/log_setup.hpp"
#include "core/os/platform.hpp"
#include "core/os/server_file.hpp"
#include "core/os/service_link.hpp"
#include "core/os/terminal.hpp"
#include "core/os/version.hpp"

namespace lurus::app {
namespace {

// A mistake a line.
int refuse(const Error& error) {
    service_link::refused(error.message);
    std::fflush(stdout);
    std::string_view rest = error.message;
    while (!rest.empty()) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        std::fprintf(stderr, "lurus: %.*s\n", static_cast<int>(line.size()), line.data());
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    return 1;
}

std::vector<std::string> urls_of(const Gateway& gateway, const GatewaySettings& settings) {
    std::vector<std::string> urls;
    const auto addresses = gateway.addresses();
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        urls.push_back(
            url_of(addresses[i], i < settings.listeners.size() && !settings.listeners[i].certificate_file.empty()));
    }
    return urls;
}

// With no key at all nobody could use what was just started.
Result<std::string> first_key(control::ControlPlane& plane, const GatewaySettings& settings) {
    // A node that has not seen its installation makes nothing of its own; nor is there a key to be made while it cannot
    // be.
    if (const Sync* sync = plane.sync(); sync != nullptr && (!sync->joined() || !sync->state().reason.empty()))
        return std::string();
    const bool open = std::ranges::all_of(settings.listeners, &ListenerSettings::open);
    auto keys = plane.identity().list_keys();
    if (!keys) return std::unexpected(keys.error());
    if (open || !keys->empty() || !plane.database_problem().empty()) return std::string();
    NewKey wanted;
    wanted.name = "default";
    wanted.note = "made at the first start";
    auto made = plane.identity().create_key(wanted);
    // Of two nodes of one installation that start at once, one makes it.
    if (!made && plane.sync() != nullptr && made.error().code == ErrorCode::conflict) return std::string();
    if (!made) return std::unexpected(made.error());
    return std::string(made->key.reveal());
}

// The command as this person can type it: by name when it is in PATH, else by its path, short when it is below here.
std::string typed_program(const config::Environment& environment) {
    if (program_exists("lurus")) return "lurus";
    const auto executable = platform::executable();
    if (executable.empty()) return "lurus";
    const auto relative = executable.lexically_relative(environment.working_dir);
    const bool below = !relative.empty() && *relative.begin() != "..";
    return program_word(below ? ("." / relative).make_preferred().string() : executable.string());
}

// A fresh one at each start, while nobody owns the installation.
std::string owner_link(control::ControlPlane& plane, const config::Config& config,
                       const std::vector<std::string>& urls) {
    if (const Sync* sync = plane.sync(); sync != nullptr && !sync->state().reason.empty()) return {};
    const auto token = plane.users().new_setup_token();
    if (!token) {
        if (token.error().code != ErrorCode::conflict) spdlog::warn("no link for an owner: {}", token.error().message);
        return {};
    }
    std::string base = config.auth.public_url;
    if (base.empty() && !urls.empty() && !urls.front().starts_with("unix:")) base = reachable_url(urls.front());
    while (base.ends_with('/')) base.pop_back();
    return base + "/console/setup#token=" + percent_encode(token->reveal());
}

// A secret for who started it goes onto their terminal. What is no terminal (a service's journal, a container's log) is
// kept and read by others: there it is a file that only the owner of the data folder can read.
std::string put_aside(const std::filesystem::path& file, std::string& secret) {
    if (secret.empty()) return {};
    if (const auto written = write_private_file(file, secret + "\n"); !written) {
        spdlog::warn("{}", written.error().message);
        secret.clear();
        return {};
    }
    secret.clear();
    return file.string();
}

void print_banner(control::ControlPlane& plane, const config::ConfigFlags& flags, bool for_script,
                  const config::Environment& environment, std::vector<std::string> urls, const std::string& new_key) {
    const config::Config config = plane.config();
    BannerFacts facts;
    facts.problem = plane.database_problem();
    if (!for_script && facts.problem.empty()) facts.owner_link = owner_link(plane, config, urls);
    facts.version = version();
    facts.urls = std::move(urls);
    for (const auto& listener : config.gateway.listeners) {
        if (facts.certificate.empty()) facts.certificate = listener.certificate_file;
    }
    facts.new_key = new_key;
    const auto link_file = config.data_dir / "owner-link.txt";
    std::error_code ignored;
    // The link before counts no more, or there is an owner.
    if (!for_script && facts.problem.empty()) std::filesystem::remove(link_file, ignored);
    if (!stdout_is_terminal()) {
        facts.key_file = put_aside(config.data_dir / "first-key.txt", facts.new_key);
        facts.owner_file = put_aside(link_file, facts.owner_link);
    }
    facts.needs_key = !std::ranges::all_of(config.gateway.listeners, &ListenerSettings::open);
    facts.program = typed_program(environment);
    if (flags.data_dir || environment.variables.contains("LURUS_DATA_DIR"))
        facts.options = " --data-dir " + shell_word(config.data_dir.string());
    if (flags.config_file) facts.options += " --config " + shell_word(config.file.string());
    facts.data_dir = config.data_dir.string();
    facts.config_file = config.file.string();
    const auto snapshot = plane.snapshot();
    const auto& providers = snapshot->catalog->providers();
    facts.demo_only =
        !providers.empty() && std::ranges::all_of(providers, [](const auto& p) { return p->local != nullptr; });
    choose_example(*snapshot->catalog, facts);
    const std::string text = banner(facts, stdout_is_terminal() ? Colour::terminal : Colour::none);
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return;
    std::clearerr(stdout);
    spdlog::warn("what is shown at the start could not be written to standard output");
    if (new_key.empty()) return;
    // It is shown this once, and nobody has seen it, nor where its file is.
    if (!facts.key_file.empty()) std::filesystem::remove(facts.key_file, ignored);
    const auto gone = plane.local("DELETE", "/api/v1/keys/default", {});
    spdlog::warn(gone.status < 300 ? "the first key was revoked again; make one with: lurus key create --name NAME"
                                   : "nobody has seen the first key; make another one: lurus key create --name NAME");
}

/// Drains while it goes on listening for the second signal, which ends everything at once.
int drain(Gateway& gateway, platform::Signals& signals, int drain_timeout_ms) {
    // What comes after the answers (the log's last records, closing the databases) is the rest.
    constexpr int rest_ms = 15'000;
    constexpr auto between = std::chrono::seconds(1);
    auto tell_at = std::chrono::steady_clock::now();
    const auto until = tell_at + std::chrono::milliseconds(drain_timeout_ms + rest_ms);
    std::atomic<bool> done = false;
    std::thread drainer([&] {
        gateway.drain();
        done = true;
    });
    int code = 0;
    while (!done) {
        if (const auto now = std::chrono::steady_clock::now(); now >= tell_at && now < until) {
            tell_at = now + between;
            service_link::stopping("ending: running answers may finish", rest_ms);
        }
        const auto signal = signals.wait(50);
        if (!signal || *signal == platform::StopSignal::hangup || code != 0) continue;
        spdlog::warn("stopping at once");
        code = *signal == platform::StopSignal::interrupt ? 130 : 143;
        gateway.stop();
    }
    drainer.join();
    service_link::stopping("ending: closing the databases", rest_ms);
    return code;
}

/// Gives the service manager its sign of life while all shards give theirs: one that hangs is not hidden by the others.
class Watchdog {
public:
    void look(Gateway& gateway, std::chrono::steady_clock::time_point now) {
        if (!period_ || now < next_) return;
        next_ = now + *period_ / 2;
        if (gateway.shards_live()) service_link::alive();
    }

private:
    const std::optional<std::chrono::microseconds> period_ = service_link::watchdog();
    std::chrono::steady_clock::time_point next_;
};

/// To the other nodes, where there are any.
void announce(control::ControlPlane& plane, const std::vector<std::string>& urls) {
    if (plane.sync() == nullptr) return;
    NodeInfo self;
    self.id = plane.log().node_id().hex();
    self.started = system_clock().now();
    self.version = version();
    self.modules = "gateway,provider,log,billing";
    if (!urls.empty()) self.address = urls.front();
    plane.sync()->announce(std::move(self));
}

std::string serving_on(const std::vector<std::string>& urls) {
    std::string text = "serving on";
    for (const auto& url : urls) text += " " + url;
    return text;
}

/// Where commands find this server. A full disk does not keep it from serving: it is written when there is room.
class ServerNote {
public:
    ServerNote(std::filesystem::path data_dir, ServerFile server)
        : data_dir_(std::move(data_dir)), server_(std::move(server)) {}
    void write_if_due() {
        if (written_) return;
        const auto done = write_server_file(data_dir_, server_);
        written_ = done.has_value();
        if (done && told_) spdlog::warn("commands find this server again");
        if (!done && !std::exchange(told_, true))
            spdlog::error("{}; until it can be written, commands do not find this server", done.error().message);
    }

private:
    const std::filesystem::path data_dir_;
    const ServerFile server_;
    bool written_ = false, told_ = false;
};

int serve_until_told(control::ControlPlane& plane, Gateway& gateway, platform::Signals& signals,
                     control::ConfigWatch& watch, ServerNote& note, const std::string& status) {
    Watchdog watchdog;
    auto upkeep_at = std::chrono::steady_clock::now(), look_at = upkeep_at;
    while (true) {
        // A key that another process revoked is refused here after as long.
        const auto signal = signals.wait(250);
        const auto now = std::chrono::steady_clock::now();
        watchdog.look(gateway, now);
        if (now >= upkeep_at) {
            plane.upkeep();
            upkeep_at = now + std::chrono::minutes(1);
        }
        if (signal && *signal != platform::StopSignal::hangup) break;
        plane.watch_clock();
        plane.follow_changes();
        if (!signal && now < look_at) continue;
        look_at = now + std::chrono::seconds(1);
        plane.watch_databases();
        note.write_if_due();
        plane.follow_files(gateway.follow_certificates(signal.has_value()));
        if (signal) watch.take_as_known();
        const auto seen = signal ? WatchedFile::Look::changed : watch.look();
        if (seen == WatchedFile::Look::away) plane.miss_file(watch.file());
        if (seen != WatchedFile::Look::changed) continue;
        spdlog::info(signal ? "SIGHUP: reading the configuration again" : "the configuration file changed");
        service_link::reloading();
        // A refusal is logged, and shown by the API and /health.
        if (signal) {
            plane.reload_because("SIGHUP");
        } else {
            plane.follow_file(watch.load());
        }
        service_link::ready(status);
    }
    spdlog::info("ending: running answers may finish; a second signal stops at once");
    return drain(gateway, signals, plane.config().gateway.drain_timeout_ms);
}

}  // namespace

int run_serve(const config::ConfigFlags& flags, bool for_script) {
    platform::Signals signals;
    set_log_level("info");
    const config::Environment environment = config::Environment::of_process();
    control::ConfigWatch watch(flags, environment);
    auto config = config::load_config(flags, environment);
    if (!config) return refuse(config.error());
    set_log_level(config->log_level);
    for (const auto& warning : config->warnings) spdlog::warn("{}", warning);

    // The file that was found stays the one that counts: when it is away, another one does not take its place.
    config::ConfigFlags again = flags;
    if (!config->file.empty()) again.config_file = config->file;
    auto opened = open_control_plane(
        *config, control::Use::server, [again, environment] { return config::load_config(again, environment); },
        system_clock());
    if (!opened) return refuse(opened.error());
    control::ControlPlane& plane = **opened;

    const auto kept = make_kept_file(config->data_dir / "kept.db");
    auto gateway = make_gateway(
        plane.snapshot(), plane.log(), [&plane](const ApiCall& call) { return plane.handle(call); }, system_clock(),
        plane.outside(), [&plane](const ApiCall& call) { return plane.judge_body(call); }, kept.get(),
        plane.background());
    if (auto started = gateway->start(); !started) return refuse(started.error());
    plane.on_publish(
        [&gateway](std::shared_ptr<const GatewaySnapshot> snapshot) { gateway->publish(std::move(snapshot)); });
    plane.set_limit_use([&gateway](Subject subject, std::string_view id, const Limits& limits) {
        return gateway->limit_use(subject, id, limits);
    });
    const auto urls = urls_of(*gateway, config->gateway);
    plane.set_addresses(urls);

    announce(plane, urls);

    auto key = first_key(plane, config->gateway);
    if (!key) return refuse(key.error());
    ServerFile server;
    server.pid = platform::process_id();
    server.addresses = urls;
    server.started = system_clock().now();
    server.version = version();
    ServerNote note(config->data_dir, std::move(server));
    note.write_if_due();
    print_banner(plane, flags, for_script, environment, urls, *key);
    platform::release_startup_memory();
    const std::string status = serving_on(urls);
    service_link::ready(status);

    const int code = serve_until_told(plane, *gateway, signals, watch, note, status);
    plane.on_publish(nullptr);
    plane.set_limit_use(nullptr);
    plane.upkeep();
    plane.take_last_snapshot();
    remove_server_file(config->data_dir);
    gateway.reset();
    opened->reset();
    spdlog::info("ended");
    return code;
}

}  // namespace lurus::app
