#pragma once
// Where a PostgreSQL is, as libpq understands it.

#include <string>

#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus::sql {

struct PostgresAddress {
    Secret conninfo;    // keyword=value, with what this program wants said where the caller did not
    std::string shown;  // host:port/database, for messages: no user's password
};

/// `url`: postgresql://… or keyword=value, as https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING
/// has them. `connect_seconds`: how long connecting may take where it does not say. `invalid_argument` says what libpq
/// does not understand.
Result<PostgresAddress> read_postgres_url(const Secret& url, int connect_seconds);

}  // namespace lurus::sql
