#pragma once
// SQLite files as this project uses them: WAL, checksummed migrations. The only place, with *_sqlite.cpp, that sees
// SQLiteCpp.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "lurus/result.hpp"

struct sqlite3_stmt;

namespace lurus {

struct SqliteOptions {
    bool strict = false;  // synchronous=FULL: a commit survives power loss
    int page_size = 4096;
    int busy_timeout_ms = 2000;
    bool one_thread = false;      // the connection stays on one thread: SQLite takes no locks of its own
    bool auto_checkpoint = true;  // false: the caller checkpoints
};

/// A connection that has read the first page already. `flags` are SQLite::OPEN_*; what SQLite says is thrown. Where the
/// disk has no room for the index of a write-ahead log (-shm, 32 KiB), this process keeps that index in its memory:
/// then no other process can use the file until all connections of this one are closed.
std::unique_ptr<SQLite::Database> connect_sqlite(const std::filesystem::path& file, int flags, int busy_timeout_ms);

/// Opens or makes `file` (mode 0600, its folder must exist) and applies `migrations/sqlite/<set>/NNNN_*.sql` in order.
/// `corrupt`: not a database or another program's, a migration changed after it ran, or the file comes from a newer
/// program.
Result<std::unique_ptr<SQLite::Database>> open_sqlite(const std::filesystem::path& file, std::string_view set,
                                                      const SqliteOptions& options = {});

/// Brings one more set of migrations of an open database up to date. `file` is its name, for messages.
Result<void> migrate_sqlite(SQLite::Database& db, std::string_view set, const std::filesystem::path& file);

/// A second connection for reading; the file must exist. One thread at a time.
Result<std::unique_ptr<SQLite::Database>> open_sqlite_reader(const std::filesystem::path& file);

/// A prepared statement for hot paths: no allocation, no reference counting. Lives within its database's life; one
/// thread. Parameters count from 1, columns from 0. Failure throws SQLite::Exception.
class SqliteStatement {
public:
    SqliteStatement(SQLite::Database& db, std::string_view sql);
    ~SqliteStatement();
    SqliteStatement(SqliteStatement&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
    SqliteStatement& operator=(SqliteStatement&&) = delete;

    /// Every parameter becomes NULL.
    void clear() noexcept;
    [[nodiscard]] int parameter_count() const noexcept;
    /// As it is written, such as `$1`; empty for `?`.
    [[nodiscard]] std::string_view parameter_name(int at) const noexcept;
    void bind(int at, std::int64_t value);
    /// Not copied: the bytes must stay until the statement is bound again or reset.
    void bind_text(int at, std::string_view text);
    void bind_blob(int at, const void* data, std::size_t size);

    /// True when there is a row. After false, and after an exception, it is reset.
    bool step();
    /// Steps to the end and resets.
    void run();
    /// The same. False when it failed, without a word of why.
    [[nodiscard]] bool try_run() noexcept;
    /// Ends a read that was not stepped to its end.
    void reset() noexcept;

    [[nodiscard]] bool is_null(int column) const;
    [[nodiscard]] std::int64_t integer(int column) const;
    [[nodiscard]] std::optional<std::int64_t> integer_if_any(int column) const;
    /// Valid until the next step or reset; NULL is empty.
    [[nodiscard]] std::string_view text(int column) const;
    [[nodiscard]] std::span<const std::uint8_t> blob(int column) const;

private:
    void check(int code) const;

    sqlite3_stmt* statement_ = nullptr;
};

/// What SQLite said, as our Error: busy and I/O become `unavailable`, a damaged file `corrupt`.
Error sqlite_error(std::string_view doing, const SQLite::Exception& e);

/// Runs `work`, which returns a Result; what SQLite throws becomes an Error that says `doing`.
template <class Work>
auto with_sqlite(std::string_view doing, Work&& work) -> decltype(work()) {
    try {
        return work();
    } catch (const SQLite::Exception& e) {
        return std::unexpected(sqlite_error(doing, e));
    }
}

/// The same with a file: the Error says `doing` and its name, which costs nothing while all goes well.
/// `seen(exception)` is told first, for who must know SQLite's own code.
template <class Work, class Seen>
auto with_sqlite(std::string_view doing, const std::filesystem::path& file, Work&& work, Seen&& seen)
    -> decltype(work()) {
    try {
        return work();
    } catch (const SQLite::Exception& e) {
        seen(e);
        return std::unexpected(sqlite_error(std::string(doing) + " " + file.string(), e));
    }
}
template <class Work>
auto with_sqlite(std::string_view doing, const std::filesystem::path& file, Work&& work) -> decltype(work()) {
    return with_sqlite(doing, file, std::forward<Work>(work), [](const SQLite::Exception&) {});
}

}  // namespace lurus
