#pragma once
// The stores of who may do what, over one SQLite file.

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>

#include "core/db/sql_sqlite.hpp"
#include "lurus/store/audit.hpp"
#include "lurus/store/credentials.hpp"
#include "lurus/store/keys.hpp"
#include "lurus/store/people.hpp"

namespace lurus::test {

inline std::unique_ptr<sql::Database> open_database(const std::filesystem::path& file) {
    auto opened = sql::open_sqlite(file, {"identity", "limits", "tenancy", "audit", "signin"});
    REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().message));
    return *std::move(opened);
}

struct IdentityStores {
    std::unique_ptr<sql::Database> database;
    std::unique_ptr<KeyStore> keys = make_key_store(*database);
    std::unique_ptr<PeopleStore> people = make_people_store(*database);
    std::unique_ptr<AuditStore> audit = make_audit_store(*database);

    explicit IdentityStores(const std::filesystem::path& file) : database(open_database(file)) {}
};

}  // namespace lurus::test
