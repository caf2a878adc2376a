#pragma once
// The PostgreSQL driver of sql.hpp.

#include <chrono>
#include <memory>
#include <string>

#include "core/db/postgres_url.hpp"
#include "core/db/sql.hpp"

namespace lurus::sql {

struct PostgresSettings {
    PostgresAddress address;
    int connections = 4;                     // at most so many; each is made when it is first needed
    std::chrono::milliseconds wait{1000};    // for one of them to be free
    std::chrono::milliseconds answer{5000};  // for a statement's end; a server that says nothing for longer is away
};

/// A database that may be away at any moment, and comes back: every use tries anew. Texts sort by their bytes, as
/// SQLite's do. What pgbouncer's transaction mode takes away is not used: prepared statements, session settings and
/// locks.
class PostgresDatabase : public Database {
public:
    /// Brings migrations/postgres up to date; of several programs at once one does it. `corrupt`: a newer program's, or
    /// another one's migrations.
    virtual Result<void> migrate() = 0;
    /// Closes the connections that nobody uses, so that the next use tells whether the server is there.
    virtual void drop_idle() = 0;
};

/// Connects to nothing yet. Readers see one moment of the database; writers come one after another, whichever process
/// they are of. A commit whose end could not be seen is looked up; where that fails too, `unavailable` says that it is
/// not known whether it was stored.
std::unique_ptr<PostgresDatabase> open_postgres(PostgresSettings settings);

}  // namespace lurus::sql
