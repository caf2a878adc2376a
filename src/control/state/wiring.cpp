// The modules over one data folder, made in order.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "control/state/backend.hpp"
#include "control/state/control_plane.hpp"
#include "control/steps/export.hpp"
#include "control/steps/following.hpp"
#include "control/steps/versions.hpp"
#include "core/os/embedded.hpp"
#include "core/os/files.hpp"
#include "core/os/log_setup.hpp"
#include "core/os/server_file.hpp"
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

}  // namespace

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
    auto backend = make_backend_sqlite(main_.file);
    if (!backend) return std::unexpected(backend.error());
    backend_ = std::move(*backend);
    IdentitySettings identity;
    identity.key_prefix = config_.key_prefix;
    auto made_identity = make_identity(identity, backend_->keys(), backend_->people(), clock_);
    if (!made_identity) return std::unexpected(made_identity.error());
    identity_ = std::move(*made_identity);

    if (auto made = build_sign_in(); !made) return made;

    BillingSettings billing;
    billing.builtin_prices = std::string(embedded_file("config/prices.json"));
    auto made_billing = make_billing(billing, backend_->prices(), clock_);
    if (!made_billing) return std::unexpected(made_billing.error());
    billing_ = std::move(*made_billing);

    ProviderSettings provider;
    provider.data_dir = dir;
    provider.master_key = config_.master_key;
    provider.demo = config_.demo;
    provider.outside = &outside_;
    auto made_providers = make_providers(provider, backend_->providers(), clock_);
    if (!made_providers) return std::unexpected(made_providers.error());
    providers_ = std::move(*made_providers);

    LogSettings log;
    log.file = dir / "log.db";
    log.strict = config_.log_strict;
    log.retention_days = use_ == Use::server ? config_.log_retention_days : 0;
    auto made_log = make_request_log_sqlite(log, clock_);
    if (!made_log) return std::unexpected(made_log.error());
    log_ = std::move(*made_log);

    flags_ = std::make_unique<StoredFlags>(backend_->flags());
    if (auto read = flags_->refresh(); !read) return std::unexpected(read.error());
    if (auto taken = take(config_); !taken) return taken;
    if (auto made = build_guards(); !made) return made;
    std::vector<ApiRoute> routes = own_routes();
    const auto visible = [this](const Principal& who) { return identity_->visible_users(who); };
    const auto names = [this] { return identity_->users().names(); };
    for (auto part :
         {flag_routes(), identity_->api(), audit_->api(), sign_in_->api(), providers_->api(), billing_->api(),
          log_api(*log_, *log_, clock_, visible, names), statistics_api(*log_, clock_, visible, names)})
        std::ranges::move(part, std::back_inserter(routes));
    complete_exports(routes, *audit_);
    for (auto part : {version_routes(routes, *audit_), following_routes(routes, clock_)})
        routes.insert(routes.begin(), part.begin(), part.end());
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
    auto box =
        config_.master_key.empty() ? SecretBox::from_file(config_.data_dir) : SecretBox::from_text(config_.master_key);
    if (!box) return std::unexpected(box.error());
    idempotency_ = std::make_unique<Idempotency>(backend_->idempotency(), std::move(*box), clock_);
    guards_ = std::make_unique<ApiGuards>(*databases_, *idempotency_);
    gate_.rate = [this](std::string_view caller) { return rate_.take(caller, clock_.monotonic_us()); };
    return {};
}

Result<void> ControlPlane::build_sign_in() {
    audit_ = make_audit(backend_->audit(), clock_);
    api_audit_ = std::make_unique<ApiAudit>(*audit_, identity_->users(), clock_);
    SignInSettings settings;
    settings.data_dir = config_.data_dir;
    settings.master_key = config_.master_key;
    settings.outside = &outside_;
    auto made = make_sign_in(settings, backend_->credentials(), identity_->users(), clock_);
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

}  // namespace lurus::app
