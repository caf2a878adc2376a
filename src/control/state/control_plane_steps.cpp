// The management API over the modules: their routes, and the steps around every handler.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "control/state/backend_routes.hpp"
#include "control/state/control_plane.hpp"
#include "control/state/limit_routes.hpp"
#include "control/steps/export.hpp"
#include "control/steps/following.hpp"
#include "control/steps/versions.hpp"
#include "core/os/server_file.hpp"
#include "lurus/log.hpp"
#include "lurus/statistics.hpp"

namespace lurus::control {

Result<void> ControlPlane::assemble() {
    api_audit_ = std::make_unique<ApiAudit>(*audit_, identity_->users(), clock_);
    listen_to_sign_in();
    flags_ = std::make_unique<StoredFlags>(backend_->flags());
    if (auto read = flags_->refresh(); !read) return std::unexpected(read.error());
    if (auto taken = take(config_); !taken) return taken;
    if (!main_.problem.empty()) databases_->look();  // told from the first snapshot on
    auto box =
        config_.master_key.empty() ? SecretBox::from_file(config_.data_dir) : SecretBox::from_text(config_.master_key);
    if (!box) return std::unexpected(box.error());
    idempotency_ = std::make_unique<Idempotency>(backend_->idempotency(), std::move(*box), clock_);
    guards_ = std::make_unique<ApiGuards>(*databases_, *idempotency_);
    gate_.rate = [this](std::string_view caller) { return rate_.take(caller, clock_.monotonic_us()); };
    std::vector<ApiRoute> routes = own_routes();
    const auto visible = [this](const Principal& who) { return identity_->visible_users(who); };
    const auto names = [this] { return identity_->users().names(); };
    for (auto part :
         {flag_routes(), identity_->api(), audit_->api(), sign_in_->api(), providers_->api(), billing_->api(),
          log_api(*log_, *log_, clock_, visible, names), statistics_api(*log_, clock_, visible, names),
          limit_routes([this] { return snapshot_with_spent(); },
                       [this](Subject subject, std::string_view id, const Limits& limits) {
                           return limit_use(subject, id, limits);
                       },
                       names, clock_),
          backend_routes(backend_->sync(), clock_)})
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

void ControlPlane::listen_to_sign_in() {
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
}

}  // namespace lurus::control
