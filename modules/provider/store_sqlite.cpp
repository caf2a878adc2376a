#include "modules/provider/store_sqlite.hpp"

#include <nlohmann/json.hpp>

#include "core/db/sqlite.hpp"

namespace lurus::provider {
namespace {

using nlohmann::json;

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
    if (in.contains("tls_verify")) spec.tls_verify = in["tls_verify"].get<bool>();
    spec.ca_file = in.value("ca_file", "");
    spec.disabled = in.value("disabled", false);
    spec.groups = in.value("groups", std::vector<std::string>());
}

class SqliteStore final : public ProviderStore {
public:
    explicit SqliteStore(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {}

    Result<std::vector<StoredProvider>> providers() override {
        return guarded<std::vector<StoredProvider>>("reading the providers", [&] {
            std::vector<StoredProvider> out;
            SQLite::Statement rows(
                *db_,
                "SELECT name, kind, base_url, api_key_env, api_key_file, sealed, models, options FROM provider "
                "ORDER BY position");
            while (rows.executeStep()) {
                StoredProvider row;
                row.spec.name = rows.getColumn(0).getString();
                row.spec.kind = rows.getColumn(1).getString();
                row.spec.base_url = rows.getColumn(2).getString();
                row.spec.api_key_env = rows.getColumn(3).getString();
                row.spec.api_key_file = rows.getColumn(4).getString();
                row.sealed = rows.getColumn(5).getString();
                row.spec.models = json::parse(rows.getColumn(6).getString()).get<std::vector<std::string>>();
                read_options(json::parse(rows.getColumn(7).getString()), row.spec);
                out.push_back(std::move(row));
            }
            return out;
        });
    }

    Result<std::vector<RouteSpec>> routes() override {
        return guarded<std::vector<RouteSpec>>("reading the routes", [&] {
            std::vector<RouteSpec> out;
            SQLite::Statement rows(*db_, "SELECT model, family, targets FROM route ORDER BY position");
            while (rows.executeStep()) {
                RouteSpec route;
                route.model = rows.getColumn(0).getString();
                route.family = family_from(rows.getColumn(1).getString());
                route.to = json::parse(rows.getColumn(2).getString()).get<std::vector<std::string>>();
                out.push_back(std::move(route));
            }
            return out;
        });
    }

    Result<std::vector<StoredModelList>> model_lists() override {
        return guarded<std::vector<StoredModelList>>("reading the model lists", [&] {
            std::vector<StoredModelList> out;
            SQLite::Statement rows(*db_, "SELECT provider, base_url, fetched_us, models FROM model_list");
            while (rows.executeStep()) {
                StoredModelList list;
                list.provider = rows.getColumn(0).getString();
                list.base_url = rows.getColumn(1).getString();
                list.fetched = rows.getColumn(2).getInt64();
                for (const auto& item : json::parse(rows.getColumn(3).getString())) {
                    ListedModel model;
                    model.id = item.at("id").get<std::string>();
                    model.created = item.value("created_us", UnixMicros{0});
                    list.models.push_back(std::move(model));
                }
                out.push_back(std::move(list));
            }
            return out;
        });
    }

    Result<void> add_provider(const StoredProvider& provider, UnixMicros now) override {
        const auto& spec = provider.spec;
        return guarded<void>("storing provider '" + spec.name + "'", [&] {
            SQLite::Statement insert(
                *db_,
                "INSERT INTO provider (name, kind, base_url, api_key_env, api_key_file, sealed, models, options, "
                "created_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
            insert.bind(1, spec.name);
            insert.bind(2, spec.kind);
            insert.bind(3, spec.base_url);
            insert.bind(4, spec.api_key_env);
            insert.bind(5, spec.api_key_file);
            if (!provider.sealed.empty())
                insert.bind(6, provider.sealed.data(), static_cast<int>(provider.sealed.size()));
            insert.bind(7, dump(spec.models));
            insert.bind(8, dump(options_of(spec)));
            insert.bind(9, now);
            insert.exec();
        });
    }

    Result<void> replace_provider(const StoredProvider& provider) override {
        const auto& spec = provider.spec;
        int changed = 0;
        auto done = guarded<void>("changing provider '" + spec.name + "'", [&] {
            SQLite::Statement update(*db_,
                                     "UPDATE provider SET kind = ?, base_url = ?, api_key_env = ?, api_key_file = ?, "
                                     "sealed = ?, models = ?, options = ? WHERE name = ?");
            update.bind(1, spec.kind);
            update.bind(2, spec.base_url);
            update.bind(3, spec.api_key_env);
            update.bind(4, spec.api_key_file);
            if (!provider.sealed.empty())
                update.bind(5, provider.sealed.data(), static_cast<int>(provider.sealed.size()));
            update.bind(6, dump(spec.models));
            update.bind(7, dump(options_of(spec)));
            update.bind(8, spec.name);
            changed = update.exec();
        });
        if (done && changed == 0) return fail(ErrorCode::not_found, "there is no stored provider '" + spec.name + "'");
        return done;
    }

    Result<void> remove_provider(std::string_view name) override {
        int removed = 0;
        auto done = guarded<void>("removing provider '" + std::string(name) + "'", [&] {
            SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
            SQLite::Statement list(*db_, "DELETE FROM model_list WHERE provider = ?");
            list.bind(1, std::string(name));
            list.exec();
            SQLite::Statement row(*db_, "DELETE FROM provider WHERE name = ?");
            row.bind(1, std::string(name));
            removed = row.exec();
            transaction.commit();
        });
        if (done && removed == 0)
            return fail(ErrorCode::not_found, "there is no stored provider '" + std::string(name) + "'");
        return done;
    }

    Result<void> add_route(const RouteSpec& route, UnixMicros now) override {
        return guarded<void>("storing the route '" + route.model + "'", [&] {
            SQLite::Statement insert(*db_,
                                     "INSERT INTO route (model, family, targets, created_us) VALUES (?, ?, ?, ?)");
            insert.bind(1, route.model);
            insert.bind(2, route.family ? std::string(name_of(*route.family)) : std::string());
            insert.bind(3, dump(route.to));
            insert.bind(4, now);
            insert.exec();
        });
    }

    Result<void> replace_route(const RouteSpec& route) override {
        int changed = 0;
        auto done = guarded<void>("changing the route '" + route.model + "'", [&] {
            SQLite::Statement update(*db_, "UPDATE route SET targets = ? WHERE model = ? AND family = ?");
            update.bind(1, dump(route.to));
            update.bind(2, route.model);
            update.bind(3, route.family ? std::string(name_of(*route.family)) : std::string());
            changed = update.exec();
        });
        if (done && changed == 0) return fail(ErrorCode::not_found, "there is no stored route '" + route.model + "'");
        return done;
    }

    Result<void> remove_route(std::string_view model, std::optional<Family> family) override {
        int removed = 0;
        auto done = guarded<void>("removing the route '" + std::string(model) + "'", [&] {
            SQLite::Statement row(*db_, "DELETE FROM route WHERE model = ? AND family = ?");
            row.bind(1, std::string(model));
            row.bind(2, family ? std::string(name_of(*family)) : std::string());
            removed = row.exec();
        });
        if (done && removed == 0)
            return fail(ErrorCode::not_found, "there is no stored route '" + std::string(model) + "'");
        return done;
    }

    Result<void> save_model_list(const StoredModelList& list) override {
        json models = json::array();
        for (const ListedModel& model : list.models)
            models.push_back({{"id", model.id}, {"created_us", model.created}});
        return guarded<void>("storing the models of '" + list.provider + "'", [&] {
            SQLite::Statement insert(
                *db_, "INSERT OR REPLACE INTO model_list (provider, base_url, fetched_us, models) VALUES (?, ?, ?, ?)");
            insert.bind(1, list.provider);
            insert.bind(2, list.base_url);
            insert.bind(3, list.fetched);
            insert.bind(4, dump(models));
            insert.exec();
        });
    }

private:
    template <class T, class Work>
    Result<T> guarded(const std::string& doing, Work&& work) {
        try {
            if constexpr (std::is_void_v<T>) {
                work();
                return {};
            } else {
                return work();
            }
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error(doing, e));
        } catch (const json::exception& e) {
            return fail(ErrorCode::corrupt, doing + ": a stored value is not what was written: " + e.what());
        }
    }

    std::unique_ptr<SQLite::Database> db_;
};

}  // namespace

Result<std::unique_ptr<ProviderStore>> open_provider_store(const std::filesystem::path& file) {
    auto db = open_sqlite(file, "provider");
    if (!db) return std::unexpected(db.error());
    return std::make_unique<SqliteStore>(std::move(*db));
}

}  // namespace lurus::provider
