// The service's stored providers.
#include <algorithm>

#include "modules/provider/catalog/build.hpp"
#include "modules/provider/sealed.hpp"
#include "modules/provider/service.hpp"

namespace lurus::provider {
namespace {

bool leads_to(const RouteSpec& route, std::string_view provider) {
    return std::ranges::any_of(
        route.to, [&](const std::string& target) { return target.substr(0, target.find('/')) == provider; });
}

auto row_named(std::string_view name) {
    return [name](const StoredProvider& row) { return row.spec.name == name; };
}

}  // namespace

Result<StoredProvider> ProviderService::sealed_row(const ProviderSpec& spec, const std::string& kind) const {
    StoredProvider row;
    row.spec = spec;
    row.spec.kind = kind;
    auto sealed = seal_secrets(box_, row.spec);
    if (!sealed) return std::unexpected(sealed.error());
    row.sealed = std::move(*sealed);
    return row;
}

Result<void> ProviderService::add(const ProviderSpec& spec) {
    auto built = build_provider(spec, "store");
    if (!built) return std::unexpected(built.error());
    auto row = sealed_row(spec, built->kind);
    if (!row) return std::unexpected(row.error());
    const auto added = std::make_shared<const Provider>(*std::move(built));
    const auto done = change([&]() -> Result<void> {
        for (const auto* list : {&state_.configured, &state_.stored}) {
            for (const ProviderPtr& provider : *list) {
                if (provider->name != spec.name) continue;
                return fail(ErrorCode::conflict,
                            "there is a provider '" + spec.name + "' already" +
                                (provider->source == "config" ? ", in the configuration file" : "; remove it first"),
                            ErrorSubject("provider", spec.name));
            }
        }
        State next = state_;
        next.stored.push_back(added);
        next.rows.push_back(*row);
        next.lists.erase(spec.name);
        return become(std::move(next), [&](State& state) -> Result<void> {
            const auto version = store_.add_provider(*row, clock_.now());
            if (!version) return std::unexpected(version.error());
            state.rows.back().version = *version;
            return {};
        });
    });
    if (done) warn_about(*added);
    return done;
}

Result<GivenProvider> ProviderService::stored_spec(std::string_view name) const {
    const std::lock_guard lock(mutex_);
    const auto row = std::ranges::find_if(state_.rows, row_named(name));
    if (row == state_.rows.end()) {
        const auto& shown = catalog_->providers();
        if (std::ranges::none_of(shown, [&](const auto& p) { return p->name == name; })) return no_such_provider(name);
        return fail(ErrorCode::conflict,
                    "provider '" + std::string(name) + "' is not a stored one; change it in the configuration file",
                    ErrorSubject("provider", std::string(name)));
    }
    GivenProvider given;
    given.spec = row->spec;
    given.version = row->version;
    if (row->sealed.empty()) return given;
    if (auto opened = open_secrets(box_, row->sealed, given.spec); !opened) return std::unexpected(opened.error());
    return given;
}

Result<void> ProviderService::replace(const GivenProvider& given, IfVersion wanted) {
    const std::string& name = given.spec.name;
    auto built = build_provider(given.spec, "store", find(name).get());
    if (!built) return std::unexpected(built.error());
    auto row = sealed_row(given.spec, built->kind);
    if (!row) return std::unexpected(row.error());
    row->version = given.version;
    const auto replaced = std::make_shared<const Provider>(*std::move(built));
    const auto done = change([&]() -> Result<void> {
        State next = state_;
        const auto stored_row = std::ranges::find_if(next.rows, row_named(name));
        if (stored_row == next.rows.end()) return no_such_provider(name);
        if (auto same = check_version("provider '" + name + "'", stored_row->version, given.version, wanted); !same)
            return same;
        const auto at = static_cast<std::size_t>(stored_row - next.rows.begin());
        next.stored[at] = replaced;
        *stored_row = *row;
        return become(
            std::move(next),
            [&](State& state) -> Result<void> {
                const auto version = store_.replace_provider(*row);
                if (!version) return std::unexpected(version.error());
                state.rows[at].version = *version;
                return {};
            },
            wanted);
    });
    if (done) warn_about(*replaced);
    return done;
}

Result<void> ProviderService::remove(std::string_view name) {
    return remove_stored(name, std::nullopt);
}

Result<void> ProviderService::remove_stored(std::string_view name, IfVersion wanted) {
    return change([&]() -> Result<void> {
        const auto named = [&](const ProviderPtr& provider) { return provider->name == name; };
        if (std::ranges::any_of(state_.configured, named)) {
            return fail(ErrorCode::conflict,
                        "provider '" + std::string(name) + "' is declared in the configuration file; remove it there",
                        ErrorSubject("provider", std::string(name)));
        }
        const auto row = std::ranges::find_if(state_.rows, row_named(name));
        if (row == state_.rows.end()) {
            const auto& shown = catalog_->providers();
            if (std::ranges::any_of(shown, named)) {
                return fail(ErrorCode::conflict,
                            "provider '" + std::string(name) + "' is built in; it goes away when another one is added",
                            ErrorSubject("provider", std::string(name)));
            }
            return no_such_provider(name);
        }
        if (auto same = check_version("provider '" + std::string(name) + "'", row->version, row->version, wanted);
            !same)
            return same;
        std::string users;
        const auto add_user = [&](const RouteSpec& route) {
            if (leads_to(route, name)) users += (users.empty() ? "'" : ", '") + route.model + "'";
        };
        for (const RouteSpec& route : state_.configured_routes) add_user(route);
        for (const StoredRoute& route : state_.routes) add_user(route.spec);
        if (!users.empty()) {
            return fail(ErrorCode::conflict,
                        "provider '" + std::string(name) + "' is used by the routes " + users + "; remove those first",
                        ErrorSubject("provider", std::string(name)));
        }
        State next = state_;
        std::erase_if(next.stored, named);
        std::erase_if(next.rows, row_named(name));
        if (const auto list = next.lists.find(name); list != next.lists.end()) next.lists.erase(list);
        return become(std::move(next), [&](State&) { return store_.remove_provider(name, row->version); }, wanted);
    });
}

ProviderService::ProviderPtr ProviderService::find(std::string_view name) const {
    const auto catalog = snapshot();
    const auto found = std::ranges::find_if(catalog->providers(), [&](const auto& p) { return p->name == name; });
    return found == catalog->providers().end() ? nullptr : *found;
}

std::optional<std::int64_t> ProviderService::version_of(const Provider& provider) const {
    if (provider.source != "store") return std::nullopt;
    const std::lock_guard lock(mutex_);
    const auto row = std::ranges::find_if(state_.rows, row_named(provider.name));
    return row == state_.rows.end() ? std::nullopt : std::optional(row->version);
}

}  // namespace lurus::provider
