#include "app/wiring.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "app/backend.hpp"
#include "control/state/backup.hpp"
#include "core/io/outside_pool.hpp"
#include "core/os/embedded.hpp"
#include "core/os/files.hpp"
#include "core/os/server_file.hpp"
#include "lurus/store/background.hpp"

namespace lurus::app {
namespace {

constexpr std::string_view stop_or_elsewhere = "stop it, or give this one another --data-dir";

Result<control::MainDatabase> choose_database(const std::filesystem::path& dir, control::Use use) {
    if (use == control::Use::server) {
        if (auto done = control::finish_restore(dir); !done) return std::unexpected(done.error());
        return control::choose_main_database(dir);
    }
    if (control::restore_is_unfinished(dir)) {
        const auto lock = lock_folder(dir, stop_or_elsewhere);
        if (!lock) return std::unexpected(lock.error());
        if (auto done = control::finish_restore(dir); !done) return std::unexpected(done.error());
    }
    if (auto there = control::check_not_lost(dir); !there) return std::unexpected(there.error());
    return control::MainDatabase{dir / control::main_database_name, {}};
}

Result<void> make_people(control::Modules& made, const config::Config& config, const Clock& clock) {
    IdentitySettings identity;
    identity.key_prefix = config.key_prefix;
    auto made_identity = make_identity(identity, made.backend->keys(), made.backend->people(), clock);
    if (!made_identity) return std::unexpected(made_identity.error());
    made.identity = std::move(*made_identity);

    made.audit = make_audit(made.backend->audit(), clock);

    SignInSettings settings;
    settings.data_dir = config.data_dir;
    settings.master_key = config.master_key;
    settings.outside = made.outside.get();
    auto sign_in = make_sign_in(settings, made.backend->credentials(), made.identity->users(), clock);
    if (!sign_in) return std::unexpected(sign_in.error());
    made.sign_in = std::move(*sign_in);
    return {};
}

Result<void> make_vendors(control::Modules& made, const config::Config& config, const Clock& clock) {
    BillingSettings billing;
    billing.builtin_prices = std::string(embedded_file("config/prices.json"));
    auto made_billing = make_billing(billing, made.backend->prices(), clock);
    if (!made_billing) return std::unexpected(made_billing.error());
    made.billing = std::move(*made_billing);

    ProviderSettings provider;
    provider.data_dir = config.data_dir;
    provider.master_key = config.master_key;
    provider.demo = config.demo;
    provider.outside = made.outside.get();
    auto made_providers = make_providers(provider, made.backend->providers(), clock);
    if (!made_providers) return std::unexpected(made_providers.error());
    made.providers = std::move(*made_providers);
    return {};
}

// A process that died between claiming a background answer and writing its record booked nothing.
void settle_claims(BackgroundStore& answers, RequestLog& log) {
    const auto claims = answers.claims(log.node_id());
    if (!claims) return spdlog::warn("{}", claims.error().message);
    for (const BackgroundClaim& claim : *claims) {
        const auto record = log.find(claim.record_id, nullptr);
        if (!record && record.error().code != ErrorCode::not_found) {
            spdlog::warn("{}", record.error().message);
            continue;
        }
        const auto settled = record ? answers.booked(claim.id) : answers.release(claim.id);
        if (!settled) spdlog::warn("{}", settled.error().message);
    }
}

struct ScratchFolder {
    std::filesystem::path path;

    explicit ScratchFolder(std::filesystem::path p) : path(std::move(p)) {}
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
};

// Whether all its targets are at providers that the configuration declares.
bool names_declared(const config::Config& config, const RouteSpec& route) {
    return std::ranges::all_of(route.to, [&](const std::string& target) {
        const std::string_view provider = std::string_view(target).substr(0, target.find('/'));
        return std::ranges::find(config.providers, provider, &ProviderSpec::name) != config.providers.end();
    });
}

}  // namespace

// A command probes the lock for a moment; a second server holds it for good.
Result<std::unique_ptr<platform::FileLock>> lock_folder(const std::filesystem::path& data_dir,
                                                        std::string_view instead) {
    auto lock = platform::FileLock::exclusive(data_dir / lock_file_name);
    for (int i = 0; i < 10 && !lock && lock.error().code == ErrorCode::conflict; ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        lock = platform::FileLock::exclusive(data_dir / lock_file_name);
    }
    if (lock || lock.error().code != ErrorCode::conflict) return lock;
    std::string who = "another lurus";
    if (const auto server = read_server_file(data_dir)) {
        who += " (pid " + std::to_string(server->pid) +
               (server->addresses.empty() ? "" : ", " + server->addresses.front()) + ")";
    }
    return fail(ErrorCode::conflict,
                who + " serves the data folder " + data_dir.string() + " already; " + std::string(instead));
}

Result<Secret> admin_token_of(const std::filesystem::path& data_dir) {
    const auto file = data_dir / token_file_name;
    auto text = read_file(file, 4096);
    if (!text && text.error().code == ErrorCode::not_found) {
        auto made = random_hex(32);
        if (!made) return std::unexpected(made.error());
        const Secret token(*made);
        if (auto written = write_private_file(file, *made + "\n"); !written) return std::unexpected(written.error());
        return token;
    }
    if (!text) return std::unexpected(text.error());
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r' || text->back() == ' ')) text->pop_back();
    if (text->size() < 32) {
        return fail(ErrorCode::corrupt,
                    file.string() + " holds no admin token (32 characters or more); remove it to get a new one");
    }
    if (platform::readable_by_others(file))
        spdlog::warn("{} may be read by other users: {}", file.string(), platform::private_hint(file));
    return Secret(*text);
}

Result<control::Modules> make_modules(const config::Config& config, control::Use use, const Clock& clock) {
    control::Modules made;
    const auto& dir = config.data_dir;
    if (auto folder = make_private_dir(dir); !folder) return std::unexpected(folder.error());
    if (use == control::Use::server) {
        auto lock = lock_folder(dir, stop_or_elsewhere);
        if (!lock) return std::unexpected(lock.error());
        made.lock = std::move(*lock);
        auto token = admin_token_of(dir);
        if (!token) return std::unexpected(token.error());
        made.admin_token = std::move(*token);
    }
    auto main = choose_database(dir, use);
    if (!main) return std::unexpected(main.error());
    made.main = *std::move(main);
    made.outside = std::make_unique<OutsidePool>();
    auto backend = make_backend(made.main.file, config.postgres, config.master_key, clock);
    if (!backend) return std::unexpected(backend.error());
    made.backend = std::move(*backend);
    if (auto done = make_people(made, config, clock); !done) return std::unexpected(done.error());
    if (auto done = make_vendors(made, config, clock); !done) return std::unexpected(done.error());

    LogSettings log;
    log.file = dir / "log.db";
    log.strict = config.log_strict;
    log.retention_days = use == control::Use::server ? config.log_retention_days : 0;
    auto made_log = make_request_log_sqlite(log, clock);
    if (!made_log) return std::unexpected(made_log.error());
    made.log = std::move(*made_log);
    if (use == control::Use::server) settle_claims(made.backend->background(), *made.log);

    auto databases = control::Databases::open(dir, made.main, use == control::Use::server, clock);
    if (!databases) return std::unexpected(databases.error());
    made.databases = std::move(*databases);
    return made;
}

Result<std::unique_ptr<control::ControlPlane>> open_control_plane(config::Config config, control::Use use,
                                                                  control::ConfigLoader loader, const Clock& clock) {
    auto modules = make_modules(config, use, clock);
    if (!modules) return std::unexpected(modules.error());
    return control::ControlPlane::open(std::move(config), use, *std::move(modules), std::move(loader), clock);
}

Result<std::unique_ptr<control::ControlPlane>> open_folder(const config::Config& config) {
    return open_control_plane(config, control::Use::command, [] { return config::load_config({}); }, system_clock());
}

Result<void> judge_configuration(const config::Config& config) {
    const auto suffix = random_hex(8);
    if (!suffix) return std::unexpected(suffix.error());
    std::error_code ec;
    const ScratchFolder scratch{std::filesystem::temp_directory_path(ec) / ("lurus-check-" + *suffix)};
    config::Config trial = config;
    trial.data_dir = scratch.path;
    trial.postgres.reset();  // of which nothing is asked here
    // What is stored there may have the providers that a route names.
    if (std::filesystem::exists(config.data_dir / control::main_database_name, ec))
        std::erase_if(trial.routes, [&](const RouteSpec& route) { return !names_declared(config, route); });
    auto opened = open_folder(trial);
    return opened ? Result<void>() : std::unexpected(opened.error());
}

}  // namespace lurus::app
