#include <algorithm>

#include "modules/identity/people/directory_sqlite.hpp"

namespace lurus::identity {
namespace {

Error no_org() {
    return Error(ErrorCode::not_found, "there is no such organisation");
}

Org org_from(SQLite::Statement& row) {
    Org org;
    org.id = row.getColumn(0).getString();
    org.name = row.getColumn(1).getString();
    org.created = row.getColumn(2).getInt64();
    org.limits = limits_in(row.getColumn(3));
    return org;
}

Result<Org> find_org(SQLite::Database& db, std::string_view id_or_name) {
    SQLite::Statement select(
        db, "SELECT id, name, created_us, limits FROM org WHERE (id = ?1 OR name = ?1) AND removed_us IS NULL");
    bind_text(select, 1, id_or_name);
    if (!select.executeStep()) return std::unexpected(no_org());
    return org_from(select);
}

Result<void> check_org_name_free(SQLite::Database& db, std::string_view name, std::string_view id) {
    const auto taken = find_org(db, name);
    if (taken && taken->id != id)
        return fail(ErrorCode::conflict, "an organisation named `" + std::string(name) + "` exists already");
    return {};
}

}  // namespace

Result<void> check_org_name(std::string_view name) {
    const auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
    // Shorter than an id, so that one is never taken for the other.
    if (name.empty() || name.size() > 30 || !std::ranges::all_of(name, fits) || name.front() == '-') {
        return fail(ErrorCode::invalid_argument, "`name` must have 1 to 30 of a-z, 0-9 and -, and not start with -");
    }
    return {};
}

Result<std::vector<Org>> SqliteDirectory::orgs() {
    return with("reading organisations", [&](auto& db) -> Result<std::vector<Org>> {
        std::vector<Org> all;
        SQLite::Statement select(db,
                                 "SELECT id, name, created_us, limits FROM org WHERE removed_us IS NULL ORDER BY name");
        while (select.executeStep()) all.push_back(org_from(select));
        return all;
    });
}

Result<Org> SqliteDirectory::org(std::string_view id_or_name) {
    return with("reading an organisation", [&](auto& db) { return find_org(db, id_or_name); });
}

Result<Org> SqliteDirectory::create_org(std::string_view name) {
    if (auto ok = check_org_name(name); !ok) return std::unexpected(ok.error());
    return with("storing an organisation", [&](auto& db) -> Result<Org> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        if (auto ok = check_org_name_free(db, name, ""); !ok) return std::unexpected(ok.error());
        Org org;
        org.id = new_id();
        org.name = name;
        org.created = clock_.now();
        SQLite::Statement insert(db, "INSERT INTO org (id, name, created_us) VALUES (?, ?, ?)");
        insert.bind(1, org.id);
        insert.bind(2, org.name);
        insert.bind(3, org.created);
        insert.exec();
        transaction.commit();
        return org;
    });
}

Result<Org> SqliteDirectory::change_org(std::string_view id, std::optional<std::string> name,
                                        const LimitsChange& limits) {
    if (name) {
        if (auto ok = check_org_name(*name); !ok) return std::unexpected(ok.error());
    }
    return told(with("changing an organisation", [&](auto& db) -> Result<Org> {
        SQLite::Transaction transaction(db, SQLite::TransactionBehavior::IMMEDIATE);
        const auto now = find_org(db, id);
        if (!now) return now;
        if (name) {
            if (auto ok = check_org_name_free(db, *name, now->id); !ok) return std::unexpected(ok.error());
        }
        Limits wanted = now->limits;
        limits.apply(wanted);
        SQLite::Statement update(db, "UPDATE org SET name = ?, limits = ? WHERE id = ? AND removed_us IS NULL");
        update.bind(1, name.value_or(now->name));
        update.bind(2, stored_limits(wanted));
        update.bind(3, now->id);
        update.exec();
        auto changed = find_org(db, now->id);
        transaction.commit();
        return changed;
    }));
}

Result<void> SqliteDirectory::remove_org(std::string_view id) {
    if (id == default_org) return fail(ErrorCode::conflict, "the default organisation stays");
    return told(with("removing an organisation", [&](auto& db) -> Result<void> {
        SQLite::Statement update(db, "UPDATE org SET removed_us = ? WHERE id = ? AND removed_us IS NULL");
        update.bind(1, clock_.now());
        bind_text(update, 2, id);
        if (update.exec() == 0) return std::unexpected(no_org());
        return {};
    }));
}

}  // namespace lurus::identity
