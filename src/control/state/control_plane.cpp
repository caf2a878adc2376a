#include "control/state/control_plane.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "control/state/spent.hpp"
#include "control/steps/export.hpp"
#include "control/steps/versions.hpp"
#include "core/os/embedded.hpp"
#include "core/os/files.hpp"
#include "core/os/log_setup.hpp"
#include "core/os/server_file.hpp"
#include "core/os/version.hpp"
#include "lurus/statistics.hpp"

namespace lurus::app {
namespace {

// A command probes the lock for a moment; a second server holds it for good.
Result<std::unique_ptr<platform::FileLock>> lock_folder(const std::filesystem::path& data_dir) {
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
    return fail(ErrorCode::conflict, who + " serves the data folder " + data_dir.string() +
                                         " already; stop it, or give this one another --data-dir");
}

std::string quoted_name(std::string_view message, std::string_view name) {
    for (const char quote : {'`', '"', '\''}) {
        const std::string form = quote + std::string(name) + quote;
        if (message.find(form) != std::string_view::npos) return form;
    }
    return {};
}

}  // namespace

std::vector<std::string> start_only_differences(const Config& started_with, const Config& now) {
    std::vector<std::string> out;
    const auto changed = [&](bool differs, const char* name) {
        if (differs) out.emplace_back(name);
    };
    const auto& a = started_with.gateway;
    const auto& b = now.gateway;
    const auto same = [](const ListenerSettings& x, const ListenerSettings& y) {
        return x.address == y.address && x.open == y.open && x.certificate_file == y.certificate_file &&
               x.private_key_file == y.private_key_file;
    };
    changed(!std::ranges::equal(a.listeners, b.listeners, same), "[server] listen, open, tls, listener");
    changed(a.threads != b.threads, "[server] threads");
    changed(started_with.data_dir != now.data_dir, "data_dir");
    changed(started_with.demo != now.demo, "demo");
    changed(started_with.log_strict != now.log_strict, "[billing] durability");
    changed(started_with.log_retention_days != now.log_retention_days, "[log] retention_days");
    changed(started_with.key_prefix != now.key_prefix, "[keys] prefix");
    return out;
}

Error with_position(const Config& config, Error error) {
    for (const auto& [what, position] : config.positions) {
        const auto space = what.find(' ');
        if (quoted_name(error.message, std::string_view(what).substr(space + 1)).empty()) continue;
        error.message = position + ": " + error.message;
        return error;
    }
    if (!config.file.empty()) error.message = config.file.string() + ": " + error.message;
    return error;
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
    if (platform::readable_by_others(file)) spdlog::warn("{} may be read by other users; chmod 600 it", file.string());
    return Secret(*text);
}

ControlPlane::ControlPlane(Config config, Use use, ConfigLoader loader, const Clock& clock)
    : use_(use),
      loader_(std::move(loader)),
      clock_(clock),
      started_(clock.now()),
      config_(std::move(config)),
      read_config_(config_),
      start_config_(config_) {}

// The dispatcher's handlers refer to the modules, the log is drained last.
ControlPlane::~ControlPlane() {
    dispatcher_.reset();
    databases_.reset();
    sign_in_.reset();
    api_audit_.reset();
    audit_.reset();
    providers_.reset();
    billing_.reset();
    identity_.reset();
    log_.reset();
    idempotency_.reset();
    if (!main_.problem.empty()) remove_stand_in(config_.data_dir);
}

Result<std::unique_ptr<ControlPlane>> ControlPlane::open(Config config, Use use, ConfigLoader loader,
                                                         const Clock& clock) {
    std::unique_ptr<ControlPlane> plane(new ControlPlane(std::move(config), use, std::move(loader), clock));
    if (auto built = plane->build(); !built) return std::unexpected(built.error());
    return plane;
}

Result<void> ControlPlane::build() {
    const auto& dir = config_.data_dir;
    if (auto made = make_private_dir(dir); !made) return made;
    if (use_ == Use::server) {
        auto lock = lock_folder(dir);
        if (!lock) return std::unexpected(lock.error());
        lock_ = std::move(*lock);
        auto token = admin_token_of(dir);
        if (!token) return std::unexpected(token.error());
        gate_.admin_token = std::move(*token);
    }
    if (auto chosen = choose_database(); !chosen) return chosen;
    IdentitySettings identity;
    identity.file = main_.file;
    identity.key_prefix = config_.key_prefix;
    auto made_identity = make_identity_sqlite(identity, clock_);
    if (!made_identity) return std::unexpected(made_identity.error());
    identity_ = std::move(*made_identity);

    if (auto made = build_sign_in(); !made) return made;

    BillingSettings billing;
    billing.file = main_.file;
    billing.builtin_prices = std::string(embedded_file("config/prices.json"));
    auto made_billing = make_billing_sqlite(billing, clock_);
    if (!made_billing) return std::unexpected(made_billing.error());
    billing_ = std::move(*made_billing);

    ProviderSettings provider;
    provider.file = main_.file;
    provider.data_dir = dir;
    provider.master_key = config_.master_key;
    provider.demo = config_.demo;
    auto made_providers = make_providers_sqlite(provider, clock_);
    if (!made_providers) return std::unexpected(made_providers.error());
    providers_ = std::move(*made_providers);

    LogSettings log;
    log.file = dir / "log.db";
    log.strict = config_.log_strict;
    log.retention_days = use_ == Use::server ? config_.log_retention_days : 0;
    auto made_log = make_request_log_sqlite(log, clock_);
    if (!made_log) return std::unexpected(made_log.error());
    log_ = std::move(*made_log);

    auto stored_flags = open_flag_store_sqlite(main_.file);
    if (!stored_flags) return std::unexpected(stored_flags.error());
    flags_ = *std::move(stored_flags);
    take_stored(*flags_, config_);
    if (auto applied = apply(config_); !applied) return applied;
    if (use_ == Use::server) set_log_level(config_.log_level);
    if (auto made = build_guards(); !made) return made;
    std::vector<ApiRoute> routes = own_routes();
    const auto visible = [this](const Principal& who) { return identity_->visible_users(who); };
    const auto names = [this] { return identity_->users().names(); };
    for (auto part :
         {flag_routes(), identity_->api(), audit_->api(), sign_in_->api(), providers_->api(), billing_->api(),
          log_api(*log_, *log_, clock_, visible, names), statistics_api(*log_, clock_, visible, names)})
        std::ranges::move(part, std::back_inserter(routes));
    complete_exports(routes, *audit_);
    std::vector<ApiRoute> versions = version_routes(routes, *audit_);
    routes.insert(routes.begin(), versions.begin(), versions.end());
    const auto guarded = [this](const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next) {
        return guards_->run(route, request, next);
    };
    const auto audited = [this](const ApiRoute& route, const ApiRequest& request, const ApiDispatcher::Handler& next) {
        return api_audit_->run(route, request, next);
    };
    dispatcher_ = std::make_unique<ApiDispatcher>(std::move(routes), 16 << 20,
                                                  std::vector<ApiDispatcher::Step>{guarded, audited});
    api_audit_->set_routes(dispatcher_->routes());
    guards_->set_routes(dispatcher_->routes());
    publish();
    identity_->on_change([this] { publish(); });
    billing_->on_change([this] { publish(); });
    providers_->on_change([this] { publish(); });
    return {};
}

Result<void> ControlPlane::choose_database() {
    const auto& dir = config_.data_dir;
    if (use_ == Use::command) {
        main_.file = dir / main_database_name;
        return check_not_lost(dir);
    }
    auto chosen = choose_main_database(dir);
    if (!chosen) return std::unexpected(chosen.error());
    main_ = *std::move(chosen);
    return {};
}

Result<void> ControlPlane::build_guards() {
    auto databases = Databases::open(config_.data_dir, main_, use_ == Use::server, clock_);
    if (!databases) return std::unexpected(databases.error());
    databases_ = std::move(*databases);
    if (!main_.problem.empty()) databases_->look();  // told from the first snapshot on
    auto store = open_idempotency_sqlite(main_.file);
    if (!store) return std::unexpected(store.error());
    auto box =
        config_.master_key.empty() ? SecretBox::from_file(config_.data_dir) : SecretBox::from_text(config_.master_key);
    if (!box) return std::unexpected(box.error());
    idempotency_ = std::make_unique<Idempotency>(std::move(*store), std::move(*box), clock_);
    guards_ = std::make_unique<ApiGuards>(*databases_, *idempotency_);
    gate_.rate = [this](std::string_view caller) { return rate_.take(caller, clock_.monotonic_us()); };
    return {};
}

Result<void> ControlPlane::build_sign_in() {
    auto audit = make_audit_sqlite(main_.file, clock_);
    if (!audit) return std::unexpected(audit.error());
    audit_ = std::move(*audit);
    api_audit_ = std::make_unique<ApiAudit>(*audit_, identity_->users(), clock_);
    SignInSettings settings;
    settings.file = main_.file;
    settings.data_dir = config_.data_dir;
    settings.master_key = config_.master_key;
    auto made = make_sign_in_sqlite(settings, identity_->users(), clock_);
    if (!made) return std::unexpected(made.error());
    sign_in_ = std::move(*made);
    sign_in_->on_event([this](const SignInEvent& event) {
        api_audit_->note(event);
        // An address is whatever somebody typed: it must not begin a line of its own.
        std::string who = event.email.empty() ? event.user : event.email;
        std::ranges::replace_if(who, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
        spdlog::info("{}: {} from {}{}{}", event.what, who, event.address, event.detail.empty() ? "" : ", ",
                     event.detail);
    });
    sign_in_->before_change([this](const SignInEvent& event) { return api_audit_->begin(event); });
    // A link that a command prints is for the server that will listen there.
    const auto& listeners = config_.gateway.listeners;
    if (use_ == Use::command && !listeners.empty() && !listeners.front().address.starts_with("unix:")) {
        const bool tls = !listeners.front().certificate_file.empty();
        sign_in_->set_address(reachable_url(url_of(listeners.front().address, tls)));
    }
    gate_.source = [this](const ApiRequest& request, std::string_view bearer) {
        return sign_in_->principal(request, bearer);
    };
    gate_.in_organisation = [this](Principal who, std::string_view org) {
        return identity_->users().in_organisation(std::move(who), org);
    };
    return {};
}

Result<void> ControlPlane::apply(const Config& config) {
    if (auto done = providers_->configure(config.providers, config.routes); !done) {
        return std::unexpected(with_position(config, done.error()));
    }
    if (auto done = identity_->configure(config.keys); !done)
        return std::unexpected(with_position(config, done.error()));
    // A command lacks the variables that hold the users' passwords, and needs none of them.
    const auto users = use_ == Use::server ? config.users : std::vector<ConfiguredUser>();
    if (auto done = sign_in_->configure(config.auth, users); !done)
        return std::unexpected(with_position(config, done.error()));
    rate_.set(config.api_rpm);
    return {};
}

Result<void> ControlPlane::take(Config read) {
    Config next = read;
    take_stored(*flags_, next);
    if (auto applied = apply(next); !applied) {
        // The providers may have been taken before the keys were refused.
        if (auto back = apply(config()); !back)
            spdlog::error("going back to the old configuration: {}", back.error().message);
        return applied;
    }
    const std::scoped_lock lock(mutex_);
    config_ = std::move(next);
    read_config_ = std::move(read);
    if (use_ == Use::server) set_log_level(config_.log_level);
    return {};
}

Result<Reloaded> ControlPlane::reload() {
    const std::scoped_lock one(reload_mutex_);
    auto loaded = loader_();
    const Result<void> applied = loaded ? take(*std::move(loaded)) : std::unexpected(loaded.error());
    if (!applied) {
        {
            const std::scoped_lock lock(mutex_);
            problem_ = applied.error().message;
        }
        spdlog::error("configuration refused, the old one goes on: {}", applied.error().message);
        publish();
        return std::unexpected(applied.error());
    }
    Reloaded result;
    {
        const std::scoped_lock lock(mutex_);
        problem_.clear();
        needs_restart_ = start_only_differences(start_config_, config_);
        result.needs_restart = needs_restart_;
        result.warnings = config_.warnings;
    }
    spdlog::info("configuration reloaded");
    for (const auto& name : result.needs_restart) spdlog::warn("{} changed: it takes effect at the next start", name);
    for (const auto& warning : result.warnings) spdlog::warn("{}", warning);
    publish();
    return result;
}

void ControlPlane::reload_because(const std::string& why) {
    const auto done = reload();
    api_audit_->note_own("reload", done ? why : why + ": " + done.error().message, done ? 200 : 400);
}

void ControlPlane::upkeep() {
    if (auto done = identity_->upkeep(); !done) spdlog::warn("upkeep of keys: {}", done.error().message);
    const std::scoped_lock lock(publish_mutex_);
    free_retired();
}

void ControlPlane::publish() {
    const std::scoped_lock order(publish_mutex_);
    auto next = std::make_shared<GatewaySnapshot>();
    next->keys = identity_->snapshot();
    next->catalog = providers_->snapshot();
    next->tariffs = billing_->snapshot();
    next->refresh_models = [this] { providers_->refresh_model_lists(); };
    {
        const std::scoped_lock lock(mutex_);
        next->settings = config_.gateway;
        next->settings.listeners = start_config_.gateway.listeners;
        next->settings.threads = start_config_.gateway.threads;
        if (!problem_.empty()) next->problems.push_back("configuration refused, the old one goes on: " + problem_);
    }
    std::ranges::move(databases_->problems(), std::back_inserter(next->problems));
    if (use_ == Use::server) {
        next->spent = spent_so_far(
            *next->keys, next->settings.limits, *log_,
            [this](std::string_view org) { return identity_->record_users(org); }, clock_.now(),
            snapshot_ ? snapshot_->spent.get() : nullptr);
    }
    if (snapshot_) retired_.push_back(std::move(snapshot_));
    snapshot_ = std::move(next);
    if (publisher_) publisher_(snapshot_);
    free_retired();
}

void ControlPlane::free_retired() {
    std::erase_if(retired_, [](const auto& snapshot) { return snapshot.use_count() == 1; });
}

void ControlPlane::watch_databases() {
    if (databases_->look()) publish();
}

std::shared_ptr<const GatewaySnapshot> ControlPlane::snapshot() const {
    const std::scoped_lock lock(publish_mutex_);
    return snapshot_;
}

void ControlPlane::on_publish(std::function<void(std::shared_ptr<const GatewaySnapshot>)> publisher) {
    const std::scoped_lock lock(publish_mutex_);
    publisher_ = std::move(publisher);
    if (publisher_) publisher_(snapshot_);
}

std::string ControlPlane::problem() const {
    const std::scoped_lock lock(mutex_);
    return problem_;
}

Config ControlPlane::config() const {
    const std::scoped_lock lock(mutex_);
    return config_;
}

void ControlPlane::set_addresses(std::vector<std::string> urls) {
    const std::scoped_lock lock(mutex_);
    if (!urls.empty()) sign_in_->set_address(reachable_url(urls.front()));
    urls_ = std::move(urls);
}

}  // namespace lurus::app
