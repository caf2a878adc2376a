#include "control/state/control_plane.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <utility>

#include "control/state/reload.hpp"
#include "control/state/spent.hpp"
#include "core/os/log_setup.hpp"
#include "core/os/server_file.hpp"
#include "core/os/service_link.hpp"
#include "core/os/version.hpp"

namespace lurus::control {
namespace {

/// Takes out what the error is about, so that the rest can be judged; false when there is no such thing.
bool leave_out(config::Config& config, const ErrorSubject& subject) {
    const auto& name = subject.name;
    const auto at_provider = [&](const std::string& target) {
        return target == name || target.starts_with(name + "/");
    };
    if (subject.kind == "provider") {
        // What is wrong with a provider is no mistake of the routes to it.
        std::erase_if(config.routes,
                      [&](const RouteSpec& route) { return std::ranges::any_of(route.to, at_provider); });
        return std::erase_if(config.providers, [&](const ProviderSpec& p) { return p.name == name; }) > 0;
    }
    if (subject.kind == "route")
        return std::erase_if(config.routes, [&](const RouteSpec& r) { return !r.family && r.model == name; }) > 0;
    if (subject.kind == "key")
        return std::erase_if(config.keys, [&](const ConfiguredKey& key) { return key.name == name; }) > 0;
    return false;
}

/// What is said of a refused file, a mistake each.
std::vector<std::string> refusals(const std::string& mistakes) {
    std::vector<std::string> out;
    for (std::string_view rest = mistakes; !rest.empty();) {
        const std::string_view line = rest.substr(0, rest.find('\n'));
        out.push_back("configuration refused, the old one goes on: " + std::string(line));
        rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    }
    return out;
}

}  // namespace

std::vector<std::string> start_only_differences(const config::Config& started_with, const config::Config& now) {
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
    const auto reached = [](const config::Config& of) {
        return of.postgres ? std::string(of.postgres->url.reveal()) : std::string();
    };
    const auto mode = [](const config::Config& of) { return of.postgres ? name_of(of.postgres->mode) : ""; };
    changed(reached(started_with) != reached(now) || mode(started_with) != mode(now), "[postgres]");
    return out;
}

Error with_position(const config::Config& config, Error error) {
    if (error.subject) {
        const auto declared = config.positions.find(error.subject->kind + " " + error.subject->name);
        if (declared != config.positions.end()) {
            error.message = declared->second + ": " + error.message;
            return error;
        }
    }
    if (!config.file.empty()) error.message = config.file.string() + ": " + error.message;
    return error;
}

ControlPlane::ControlPlane(config::Config config, Use use, Modules modules, ConfigLoader loader, const Clock& clock)
    : use_(use),
      loader_(std::move(loader)),
      clock_(clock),
      started_(clock.now()),
      started_us_(clock.monotonic_us()),
      config_(std::move(config)),
      read_config_(config_),
      start_config_(config_),
      lock_(std::move(modules.lock)),
      main_(std::move(modules.main)),
      clock_offset_(started_ - started_us_),
      outside_(std::move(modules.outside)),
      backend_(std::move(modules.backend)),
      identity_(std::move(modules.identity)),
      sign_in_(std::move(modules.sign_in)),
      audit_(std::move(modules.audit)),
      billing_(std::move(modules.billing)),
      providers_(std::move(modules.providers)),
      log_(std::move(modules.log)),
      databases_(std::move(modules.databases)) {
    gate_.admin_token = std::move(modules.admin_token);
}

// The dispatcher's handlers refer to the modules, the log is drained last.
ControlPlane::~ControlPlane() {
    outside_->stop();
    outside_->settle();
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
    flags_.reset();
    backend_.reset();
    if (!main_.problem.empty()) remove_stand_in(config_.data_dir);
}

Result<std::unique_ptr<ControlPlane>> ControlPlane::open(config::Config config, Use use, Modules modules,
                                                         ConfigLoader loader, const Clock& clock) {
    std::unique_ptr<ControlPlane> plane(
        new ControlPlane(std::move(config), use, std::move(modules), std::move(loader), clock));
    if (auto done = plane->assemble(); !done) return std::unexpected(done.error());
    return plane;
}

Result<ControlPlane::Prepared> ControlPlane::prepare(const config::Config& config) const {
    // A command lacks the variables that hold the users' passwords, and needs none of them.
    const auto users = use_ == Use::server ? config.users : std::vector<ConfiguredUser>();
    Prepared prepared;
    config::Config sound = config;
    std::optional<Error> mistakes;
    // Each part is judged again without what is wrong in it, until all its mistakes are known.
    const auto add = [&](const std::function<Result<std::unique_ptr<PreparedConfiguration>>()>& judge) {
        for (;;) {
            auto part = judge();
            if (part) return prepared.push_back(*std::move(part));
            Error error = with_position(config, part.error());
            // Two of a name are a mistake of the file here, whatever they would be to who makes the second.
            if (error.subject && error.code == ErrorCode::conflict) error.code = ErrorCode::invalid_argument;
            if (mistakes) error.message = mistakes->message + "\n" + error.message;
            mistakes = std::move(error);
            if (!part.error().subject || !leave_out(sound, *part.error().subject)) return;
        }
    };
    add([&] { return providers_->prepare(sound.providers, sound.routes); });
    add([&] { return identity_->prepare(sound.keys); });
    if (!mistakes) add([&] { return sign_in_->prepare(config.auth, users); });
    if (mistakes) return std::unexpected(*std::move(mistakes));
    for (const auto& part : prepared) {
        auto done = part->store();
        if (!done && done.error().code == ErrorCode::unavailable && sync() != nullptr) {
            spdlog::warn("{}; it is tried again when PostgreSQL is back", with_position(config, done.error()).message);
            store_again_ = true;
            continue;
        }
        if (!done) return std::unexpected(with_position(config, done.error()));
    }
    return prepared;
}

Result<void> ControlPlane::take(config::Config read) {
    config::Config next = read;
    take_stored(*flags_, next);
    auto prepared = prepare(next);
    if (!prepared) return std::unexpected(prepared.error());
    // Nobody publishes while some have committed and others have not.
    const std::scoped_lock order(publish_mutex_);
    for (const auto& part : *prepared) part->commit();
    rate_.set(next.api_rpm);
    flags_->in_force();
    const std::scoped_lock lock(mutex_);
    config_ = std::move(next);
    read_config_ = std::move(read);
    if (use_ == Use::server) set_log_level(config_.log_level);
    return {};
}

Result<Reloaded> ControlPlane::reload() {
    const std::scoped_lock one(reload_mutex_);
    return take_or_refuse(loader_());
}

Result<Reloaded> ControlPlane::take_or_refuse(Result<config::Config> read) {
    const Result<void> applied = read ? take(*std::move(read)) : std::unexpected(read.error());
    if (!applied) {
        {
            const std::scoped_lock lock(mutex_);
            problem_ = applied.error().message;
        }
        for (const auto& refusal : refusals(applied.error().message)) spdlog::error("{}", refusal);
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

void ControlPlane::follow_file(Result<config::Config> read) {
    const std::scoped_lock one(reload_mutex_);
    if (read) {
        std::string lost;
        {
            const std::scoped_lock lock(mutex_);
            lost = what_is_lost(read_config_, *read);
        }
        if (!lost.empty()) {
            read = fail(ErrorCode::invalid_argument, read->file.string() + " " + lost + "; if it is meant so, " +
                                                         std::string(service_link::how_to_reload()) + " or restart");
        }
    }
    const auto done = take_or_refuse(std::move(read));
    api_audit_->note_own("reload", done ? "the file changed" : "the file changed: " + done.error().message,
                         done ? 200 : 400);
}

void ControlPlane::miss_file(const std::string& file) {
    const std::scoped_lock one(reload_mutex_);
    {
        const std::scoped_lock lock(mutex_);
        problem_ = file + " is gone, and a start without it would fail: put it back";
    }
    spdlog::error("configuration file gone, the old one goes on: {}", file);
    publish();
}

void ControlPlane::follow_files(std::vector<std::string> others) {
    std::vector<std::string> problems = providers_->follow_files();
    std::ranges::move(others, std::back_inserter(problems));
    {
        const std::scoped_lock lock(mutex_);
        if (problems == file_problems_) return;
        file_problems_ = std::move(problems);
    }
    publish();
}

void ControlPlane::upkeep() {
    if (auto done = identity_->upkeep(); !done) spdlog::warn("upkeep of keys: {}", done.error().message);
    if (Sync* sync = backend_->sync(); sync != nullptr) sync->upkeep();
    const std::scoped_lock lock(publish_mutex_);
    free_retired();
}

void ControlPlane::publish() {
    publish_counting(Counting::on);
}

void ControlPlane::publish_counting(Counting counting) {
    const std::scoped_lock order(publish_mutex_);
    auto next = std::make_shared<GatewaySnapshot>();
    next->keys = identity_->snapshot();
    next->catalog = providers_->snapshot();
    next->tariffs = billing_->snapshot();
    next->refresh_models = [this](std::function<void()> done) { providers_->refresh_model_lists(std::move(done)); };
    {
        const std::scoped_lock lock(mutex_);
        next->settings = config_.gateway;
        next->settings.listeners = start_config_.gateway.listeners;
        next->settings.threads = start_config_.gateway.threads;
        next->problems = refusals(problem_);
        std::ranges::copy(file_problems_, std::back_inserter(next->problems));
    }
    std::ranges::move(databases_->problems(), std::back_inserter(next->problems));
    next->sync = backend_->sync();
    if (use_ == Use::server) {
        next->spent = spent_so_far(
            *next->keys, next->settings.limits, *log_,
            [this](std::string_view org) { return identity_->record_users(org); }, clock_.now(),
            snapshot_ && counting == Counting::on ? snapshot_->spent.get() : nullptr);
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

void ControlPlane::watch_clock() {
    constexpr std::int64_t step_us = 1'000'000;
    const std::int64_t offset = clock_.now() - clock_.monotonic_us();
    if (std::abs(offset - std::exchange(clock_offset_, offset)) < step_us) return;
    publish_counting(Counting::anew);
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

void ControlPlane::set_limit_use(LimitUseSource source) {
    const std::scoped_lock lock(limit_use_mutex_);
    limit_use_ = std::move(source);
}

std::vector<LimitUse> ControlPlane::limit_use(Subject subject, std::string_view id, const Limits& limits) const {
    const std::scoped_lock lock(limit_use_mutex_);
    return limit_use_ ? limit_use_(subject, id, limits) : unused_limits(limits, clock_.now());
}

// A command's snapshot is not served, so its budgets were not asked of the log yet.
std::shared_ptr<const GatewaySnapshot> ControlPlane::snapshot_with_spent() const {
    auto there = snapshot();
    if (use_ == Use::server) return there;
    auto with = std::make_shared<GatewaySnapshot>(*there);
    with->spent = spent_so_far(
        *with->keys, with->settings.limits, *log_,
        [this](std::string_view org) { return identity_->record_users(org); }, clock_.now(), nullptr);
    return with;
}

std::string ControlPlane::problem() const {
    const std::scoped_lock lock(mutex_);
    return problem_;
}

config::Config ControlPlane::config() const {
    const std::scoped_lock lock(mutex_);
    return config_;
}

void ControlPlane::set_addresses(std::vector<std::string> urls) {
    const std::scoped_lock lock(mutex_);
    if (!urls.empty()) sign_in_->set_address(reachable_url(urls.front()));
    urls_ = std::move(urls);
}

}  // namespace lurus::control
