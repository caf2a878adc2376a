#include <nlohmann/json.hpp>

#include "core/db/sql.hpp"
#include "core/db/sql_feed.hpp"
#include "lurus/store/providers.hpp"

namespace lurus {
namespace provider {
namespace {

using nlohmann::json;

constexpr std::string_view provider_feed = "provider";

std::string dump(const json& value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

json options_of(const ProviderSpec& spec) {
    json out = json::object();
    if (!spec.api_version.empty()) out["api_version"] = spec.api_version;
    if (spec.connect_timeout_ms) out["connect_timeout_ms"] = *spec.connect_timeout_ms;
    if (spec.first_byte_timeout_ms) out["first_byte_timeout_ms"] = *spec.first_byte_timeout_ms;
    if (spec.idle_timeout_ms) out["idle_timeout_ms"] = *spec.idle_timeout_ms;
    if (!spec.on_client_gone.empty()) out["on_client_gone"] = spec.on_client_gone;
    if (spec.ask_usage) out["ask_usage"] = *spec.ask_usage;
    if (spec.tls_verify) out["tls_verify"] = *spec.tls_verify;
    if (!spec.ca_file.empty()) out["ca_file"] = spec.ca_file;
    if (spec.disabled) out["disabled"] = true;
    if (!spec.groups.empty()) out["groups"] = spec.groups;
    return out;
}

void read_options(const json& in, ProviderSpec& spec) {
    const auto number = [&](const char* name) -> std::optional<int> {
        const auto found = in.find(name);
        return found == in.end() ? std::nullopt : std::optional<int>(found->get<int>());
    };
    spec.api_version = in.value("api_version", "");
    spec.connect_timeout_ms = number("connect_timeout_ms");
    spec.first_byte_timeout_ms = number("first_byte_timeout_ms");
    spec.idle_timeout_ms = number("idle_timeout_ms");
    spec.on_client_gone = in.value("on_client_gone", "");
    if (in.contains("ask_usage")) spec.ask_usage = in["ask_usage"].get<bool>();
    if (in.contains("tls_verify")) spec.tls_verify = in["tls_verify"].get<bool>();
    spec.ca_file = in.value("ca_file", "");
    spec.disabled = in.value("disabled", false);
    spec.groups = in.value("groups", std::vector<std::string>());
}

/// Of a column that holds JSON.
template <class T>
Result<T> parsed(std::string_view text, const std::function<T(const json&)>& read) {
    try {
        return read(json::parse(text));
    } catch (const json::exception& e) {
        return fail(ErrorCode::corrupt, std::string("a stored value is not what was written: ") + e.what());
    }
}

Result<std::vector<std::string>> texts_from(std::string_view text) {
    return parsed<std::vector<std::string>>(text,
                                            [](const json& value) { return value.get<std::vector<std::string>>(); });
}

std::string family_text(std::optional<Family> family) {
    return family ? std::string(name_of(*family)) : std::string();
}

// What the feed calls them: three kinds of thing share it.
std::string provider_key(std::string_view name) {
    return "provider/" + std::string(name);
}
std::string route_key(std::string_view model, std::optional<Family> family) {
    return "route/" + family_text(family) + "/" + std::string(model);
}
std::string list_key(std::string_view provider) {
    return "list/" + std::string(provider);
}

Result<StoredProvider> provider_from(const sql::Row& row) {
    StoredProvider out;
    out.spec.name = row.text(0);
    out.spec.kind = row.text(1);
    out.spec.base_url = row.text(2);
    out.spec.api_key_env = row.text(3);
    out.spec.api_key_file = row.text(4);
    out.sealed = row.bytes(5);
    auto models = texts_from(row.text(6));
    if (!models) return std::unexpected(models.error());
    out.spec.models = *std::move(models);
    auto options = parsed<ProviderSpec>(row.text(7), [&](const json& value) {
        read_options(value, out.spec);
        return out.spec;
    });
    if (!options) return std::unexpected(options.error());
    out.version = row.integer(8);
    return out;
}

Result<StoredRoute> route_from(const sql::Row& row) {
    StoredRoute out;
    out.spec.model = row.text(0);
    out.spec.family = family_from(row.text(1));
    auto targets = texts_from(row.text(2));
    if (!targets) return std::unexpected(targets.error());
    out.spec.to = *std::move(targets);
    out.version = row.integer(3);
    return out;
}

Result<StoredModelList> list_from(const sql::Row& row) {
    StoredModelList out;
    out.provider = row.text(0);
    out.base_url = row.text(1);
    out.fetched = row.integer(2);
    using Models = std::vector<StoredModelList::Model>;
    auto models = parsed<Models>(row.text(3), [](const json& value) {
        Models all;
        for (const auto& item : value)
            all.push_back({item.at("id").get<std::string>(), item.value("created_us", UnixMicros{0})});
        return all;
    });
    if (!models) return std::unexpected(models.error());
    out.models = *std::move(models);
    return out;
}

sql::Values values_of(const StoredProvider& provider) {
    const ProviderSpec& spec = provider.spec;
    return {
        spec.name,         spec.kind,
        spec.base_url,     spec.api_key_env,
        spec.api_key_file, provider.sealed.empty() ? sql::Value(std::nullopt) : sql::Value(sql::Bytes(provider.sealed)),
        dump(spec.models), dump(options_of(spec))};
}

class SqlProviders final : public ProviderStore {
public:
    explicit SqlProviders(sql::Database& database)
        : database_(database), changes_(database, std::string(provider_feed)) {}

    Result<StoredProviders> all() override {
        return database_.read("reading the providers", [](sql::Connection& db) -> Result<StoredProviders> {
            auto providers = db.all(
                "SELECT name, kind, base_url, api_key_env, api_key_file, sealed, models, options, version "
                "FROM provider ORDER BY position",
                {}, provider_from);
            if (!providers) return std::unexpected(providers.error());
            auto routes = db.all("SELECT model, family, targets, version FROM route ORDER BY position", {}, route_from);
            if (!routes) return std::unexpected(routes.error());
            auto lists = db.all("SELECT provider, base_url, fetched_us, models FROM model_list", {}, list_from);
            if (!lists) return std::unexpected(lists.error());
            StoredProviders all;
            all.providers = *std::move(providers);
            all.routes = *std::move(routes);
            all.lists = *std::move(lists);
            return all;
        });
    }

    Result<std::int64_t> add_provider(const StoredProvider& provider, UnixMicros now) override {
        const std::string& name = provider.spec.name;
        return database_.write("storing provider '" + name + "'", [&](sql::Transaction& db) -> Result<std::int64_t> {
            auto values = values_of(provider);
            values.emplace_back(now);
            const auto done = db.execute(
                "INSERT INTO provider (name, kind, base_url, api_key_env, api_key_file, sealed, models, options, "
                "created_us, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)",
                values);
            if (!done) return std::unexpected(done.error());
            // A list that another provider of this name left behind is not this one's.
            if (auto cleared = remove_list(db, name); !cleared) return std::unexpected(cleared.error());
            db.changed(provider_feed, provider_key(name));
            return now;
        });
    }

    Result<std::int64_t> replace_provider(const StoredProvider& provider) override {
        const std::string& name = provider.spec.name;
        return database_.write("changing provider '" + name + "'", [&](sql::Transaction& db) -> Result<std::int64_t> {
            auto values = values_of(provider);
            values.emplace_back(provider.version);
            const auto done = db.execute_versioned(
                "UPDATE provider SET kind = $2, base_url = $3, api_key_env = $4, api_key_file = $5, sealed = $6, "
                "models = $7, options = $8, version = version + 1 WHERE name = $1 AND version = $9",
                values, "provider '" + name + "'");
            if (!done) return std::unexpected(done.error());
            db.changed(provider_feed, provider_key(name));
            return provider.version + 1;
        });
    }

    Result<void> remove_provider(std::string_view name, std::int64_t version) override {
        const std::string what = "provider '" + std::string(name) + "'";
        return database_.write("removing " + what, [&](sql::Transaction& db) -> Result<void> {
            if (auto done = remove_list(db, name); !done) return done;
            auto done =
                db.execute_versioned("DELETE FROM provider WHERE name = $1 AND version = $2", {name, version}, what);
            if (done) db.deleted(provider_feed, provider_key(name));
            return done;
        });
    }

    Result<std::int64_t> add_route(const RouteSpec& route, UnixMicros now) override {
        return database_.write(
            "storing the route '" + route.model + "'", [&](sql::Transaction& db) -> Result<std::int64_t> {
                const auto done = db.execute(
                    "INSERT INTO route (model, family, targets, created_us, version) VALUES ($1, $2, $3, $4, $4)",
                    {route.model, family_text(route.family), dump(route.to), now});
                if (!done) return std::unexpected(done.error());
                db.changed(provider_feed, route_key(route.model, route.family));
                return now;
            });
    }

    Result<std::int64_t> replace_route(const StoredRoute& route) override {
        const RouteSpec& spec = route.spec;
        const std::string what = "the route '" + spec.model + "'";
        return database_.write("changing " + what, [&](sql::Transaction& db) -> Result<std::int64_t> {
            const auto done = db.execute_versioned(
                "UPDATE route SET targets = $1, version = version + 1 WHERE model = $2 AND family = $3 AND version = "
                "$4",
                {dump(spec.to), spec.model, family_text(spec.family), route.version}, what);
            if (!done) return std::unexpected(done.error());
            db.changed(provider_feed, route_key(spec.model, spec.family));
            return route.version + 1;
        });
    }

    Result<void> remove_route(std::string_view model, std::optional<Family> family, std::int64_t version) override {
        const std::string what = "the route '" + std::string(model) + "'";
        return database_.write("removing " + what, [&](sql::Transaction& db) -> Result<void> {
            auto done = db.execute_versioned("DELETE FROM route WHERE model = $1 AND family = $2 AND version = $3",
                                             {model, family_text(family), version}, what);
            if (done) db.deleted(provider_feed, route_key(model, family));
            return done;
        });
    }

    Result<void> put_model_list(const StoredModelList& list) override {
        json models = json::array();
        for (const auto& model : list.models) models.push_back({{"id", model.id}, {"created_us", model.created}});
        return database_.write("storing the models of '" + list.provider + "'",
                               [&](sql::Transaction& db) -> Result<void> {
                                   const auto done = db.execute(
                                       "INSERT INTO model_list (provider, base_url, fetched_us, models) "
                                       "VALUES ($1, $2, $3, $4) ON CONFLICT (provider) DO UPDATE SET "
                                       "base_url = excluded.base_url, fetched_us = excluded.fetched_us, "
                                       "models = excluded.models",
                                       {list.provider, list.base_url, list.fetched, dump(models)});
                                   if (!done) return std::unexpected(done.error());
                                   db.changed(provider_feed, list_key(list.provider));
                                   return {};
                               });
    }

    ChangeFeed& changes() override { return changes_; }

private:
    static Result<void> remove_list(sql::Transaction& db, std::string_view provider) {
        const auto removed = db.execute("DELETE FROM model_list WHERE provider = $1", {provider});
        if (!removed) return std::unexpected(removed.error());
        if (*removed > 0) db.deleted(provider_feed, list_key(provider));
        return {};
    }

    sql::Database& database_;
    sql::SqlFeed changes_;
};

}  // namespace
}  // namespace provider

std::unique_ptr<ProviderStore> make_provider_store(sql::Database& database) {
    return std::make_unique<provider::SqlProviders>(database);
}

}  // namespace lurus
