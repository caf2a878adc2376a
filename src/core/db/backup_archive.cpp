#include "core/db/backup_archive.hpp"

#include <sqlite3.h>

#include <array>
#include <fstream>

#include "core/crypto/sha256.hpp"
#include "core/db/backup_blocks.hpp"
#include "core/db/database_watch.hpp"
#include "core/db/sqlite.hpp"
#include "core/os/platform.hpp"

namespace lurus {
namespace {

namespace fs = std::filesystem;
using backup::BlockFile;
using backup::Digest;

constexpr int application_id = 0x4c525342;  // "LRSB"
constexpr int format = 1;

bool has_bytes(const fs::path& file) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    return !error && size > 0;
}

class SqliteMoment final : public DatabaseMoment {
public:
    // A connection that may only read leaves a -wal and a -shm behind when it is the last one.
    explicit SqliteMoment(const fs::path& file)
        : file_(file),
          logged_(has_bytes(file.string() + "-wal")),
          db_(connect_sqlite(file, SQLite::OPEN_READWRITE, 5000)) {
        db_->exec("PRAGMA query_only=1");
        // Reading a database does not move what its write-ahead log holds, least of all into a damaged one.
        if (logged_) sqlite3_db_config(db_->getHandle(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
        db_->exec("BEGIN");
        // From here on others' commits are not seen.
        db_->execAndGet("SELECT count(*) FROM sqlite_master");
        pages_ = static_cast<std::uint64_t>(db_->execAndGet("PRAGMA page_count").getInt64());
        page_size_ = static_cast<std::uint64_t>(db_->execAndGet("PRAGMA page_size").getInt64());
        if (!db_->tableExists("migration")) return;
        SQLite::Statement sets(*db_, "SELECT set_name, max(number) FROM migration GROUP BY set_name");
        while (sets.executeStep()) schema_.emplace(sets.getColumn(0).getString(), sets.getColumn(1).getInt());
    }
    std::uint64_t size() const override { return pages_ * page_size_; }
    const std::map<std::string, int>& schema() const override { return schema_; }
    Result<std::string> text(std::string_view query) override {
        return with_sqlite("reading", file_, [&]() -> Result<std::string> {
            SQLite::Statement select(*db_, std::string(query));
            return select.executeStep() ? select.getColumn(0).getString() : std::string();
        });
    }
    Result<void> check() override {
        if (size() > DatabaseWatch::most_checked_bytes) return {};
        return with_sqlite("checking", file_, [&]() -> Result<void> {
            const std::string found = db_->execAndGet("PRAGMA quick_check(1)").getString();
            if (found == "ok") return {};
            return fail(ErrorCode::corrupt, file_.string() + " is damaged (" + found + "): see `lurus doctor`");
        });
    }
    SQLite::Database& db() { return *db_; }

private:
    const fs::path file_;
    const bool logged_;
    std::unique_ptr<SQLite::Database> db_;
    std::uint64_t pages_ = 0, page_size_ = 0;
    std::map<std::string, int> schema_;
};

// SQLite would make files beside a database of another kind. Its own number stands at 68 of the header.
bool is_backup(const fs::path& file) {
    std::array<char, 72> header{};
    std::ifstream in(file, std::ios::binary);
    if (!in.read(header.data(), header.size())) return false;
    int number = 0;
    for (std::size_t at = 68; at < header.size(); ++at) number = number << 8 | static_cast<unsigned char>(header[at]);
    return std::string_view(header.data()).starts_with("SQLite format 3") && number == application_id;
}

/// Each block of a file in order; throws when one is missing.
void each_block(SQLite::Database& archive, std::int64_t number, std::uint64_t size,
                const std::function<bool(std::string_view)>& take) {
    SQLite::Statement select(archive, "SELECT id, bytes FROM block WHERE id >= ? AND id < ? ORDER BY id");
    std::int64_t expected = number * backup::blocks_of_a_file;
    select.bind(1, expected);
    select.bind(2, expected + backup::blocks_of_a_file);
    std::uint64_t left = size;
    while (select.executeStep()) {
        const SQLite::Column bytes = select.getColumn(1);
        const std::string block = backup::unpacked(bytes.getBlob(), static_cast<std::size_t>(bytes.getBytes()));
        const bool last = block.size() == left;
        if (select.getColumn(0).getInt64() != expected++ || (!last && block.size() != backup::block_size) ||
            block.size() > left)
            throw SQLite::Exception("a block is missing", SQLITE_CORRUPT);
        left -= block.size();
        if (!take(block)) return;
    }
    if (left != 0) throw SQLite::Exception("a block is missing", SQLITE_CORRUPT);
}

class SqliteBackupWriter final : public BackupWriter {
public:
    explicit SqliteBackupWriter(const fs::path& file)
        : file_(file), db_(std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READWRITE)) {
        db_->exec("PRAGMA page_size=65536");
        // Only a file that was finished is a backup: there is nothing to roll back to.
        db_->exec("PRAGMA journal_mode=OFF");
        db_->exec("PRAGMA synchronous=OFF");
        db_->exec("PRAGMA locking_mode=EXCLUSIVE");
        db_->exec("PRAGMA application_id=" + std::to_string(application_id));
        db_->exec("PRAGMA user_version=" + std::to_string(format));
        db_->exec("BEGIN");
        db_->exec("CREATE TABLE note (name TEXT PRIMARY KEY, bytes BLOB NOT NULL, sha256 TEXT NOT NULL)");
        db_->exec(
            "CREATE TABLE file (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, size INTEGER NOT NULL, "
            "sha256 TEXT NOT NULL)");
        db_->exec("CREATE TABLE block (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)");
    }

    Result<ArchivedFile> add(std::string_view name, DatabaseMoment& source, const CopyProgress& progress) override {
        return with_sqlite("writing", file_, [&]() -> Result<ArchivedFile> {
            const std::int64_t number = files_++;
            BlockFile blocks(*db_, number);
            backup::copy_database(static_cast<SqliteMoment&>(source).db(), blocks, progress);
            blocks.flush();
            ArchivedFile done{std::string(name), blocks.size(), {}};
            Digest digest;
            each_block(*db_, number, done.size, [&](std::string_view block) {
                digest.add(block);
                return true;
            });
            done.sha256 = digest.hex();
            SQLite::Statement insert(*db_, "INSERT INTO file (number, name, size, sha256) VALUES (?, ?, ?, ?)");
            insert.bind(1, number);
            insert.bind(2, done.name);
            insert.bind(3, static_cast<std::int64_t>(done.size));
            insert.bind(4, done.sha256);
            insert.exec();
            return done;
        });
    }

    Result<void> add_note(std::string_view name, std::string_view bytes) override {
        return with_sqlite("writing", file_, [&]() -> Result<void> {
            SQLite::Statement insert(*db_, "INSERT INTO note (name, bytes, sha256) VALUES (?, ?, ?)");
            insert.bind(1, std::string(name));
            insert.bind(2, bytes.data(), static_cast<int>(bytes.size()));
            insert.bind(3, sha256_hex(bytes));
            insert.exec();
            return {};
        });
    }

    Result<void> finish() override {
        auto done = with_sqlite("writing", file_, [&]() -> Result<void> {
            db_->exec("COMMIT");
            db_.reset();
            return {};
        });
        return done ? platform::append_synced(file_, "") : done;
    }

private:
    const fs::path file_;
    std::unique_ptr<SQLite::Database> db_;
    std::int64_t files_ = 0;
};

class SqliteBackupReader final : public BackupReader {
public:
    explicit SqliteBackupReader(const fs::path& file)
        : file_(file), db_(std::make_unique<SQLite::Database>(file.string(), SQLite::OPEN_READONLY)) {}

    Result<void> check_format() {
        return reading([&]() -> Result<void> {
            if (const int found = db_->execAndGet("PRAGMA user_version").getInt(); found > format)
                return fail(ErrorCode::invalid_argument, file_.string() + " was made by a newer lurus: use that one");
            return {};
        });
    }

    Result<std::string> note(std::string_view name) override {
        return reading([&]() -> Result<std::string> {
            SQLite::Statement select(*db_, "SELECT bytes, sha256 FROM note WHERE name = ?");
            select.bind(1, std::string(name));
            if (!select.executeStep())
                return fail(ErrorCode::not_found, file_.string() + " has no `" + std::string(name) + "`");
            const SQLite::Column bytes = select.getColumn(0);
            std::string text(static_cast<const char*>(bytes.getBlob()), static_cast<std::size_t>(bytes.getBytes()));
            if (sha256_hex(text) != select.getColumn(1).getString()) return damaged("a note was changed");
            return text;
        });
    }

    Result<ArchivedFile> read(std::string_view name, const std::function<Result<void>(std::string_view)>& take,
                              const CopyProgress& progress) override {
        return reading([&]() -> Result<ArchivedFile> {
            SQLite::Statement select(*db_, "SELECT number, size, sha256 FROM file WHERE name = ?");
            select.bind(1, std::string(name));
            if (!select.executeStep()) return damaged(std::string(name) + " is not in it");
            ArchivedFile found{std::string(name), static_cast<std::uint64_t>(select.getColumn(1).getInt64()),
                               select.getColumn(2).getString()};
            Digest digest;
            std::uint64_t done = 0;
            Result<void> taken;
            each_block(*db_, select.getColumn(0).getInt64(), found.size, [&](std::string_view block) {
                digest.add(block);
                taken = take(block);
                if (progress) progress(done += block.size(), found.size);
                return taken.has_value();
            });
            if (!taken) return std::unexpected(taken.error());
            if (digest.hex() != found.sha256) return damaged(found.name + " is not what was written");
            return found;
        });
    }

private:
    template <class Work>
    auto reading(Work work) -> decltype(work()) {
        try {
            return work();
        } catch (const SQLite::Exception& e) {
            Error error = sqlite_error("reading " + file_.string(), e);
            if (error.code == ErrorCode::corrupt || error.code == ErrorCode::internal) return damaged(e.what());
            return std::unexpected(std::move(error));
        }
    }
    std::unexpected<Error> damaged(const std::string& how) const {
        return fail(ErrorCode::corrupt, file_.string() + " is not a whole backup (" + how + ")");
    }

    const fs::path file_;
    std::unique_ptr<SQLite::Database> db_;
};

}  // namespace

Result<std::unique_ptr<DatabaseMoment>> DatabaseMoment::open(const fs::path& file) {
    return with_sqlite("opening", file, [&]() -> Result<std::unique_ptr<DatabaseMoment>> {
        return std::make_unique<SqliteMoment>(file);
    });
}

Result<std::unique_ptr<BackupWriter>> BackupWriter::create(const fs::path& file) {
    if (auto made = platform::write_new_private_file(file, ""); !made) return std::unexpected(made.error());
    return with_sqlite("making", file, [&]() -> Result<std::unique_ptr<BackupWriter>> {
        return std::make_unique<SqliteBackupWriter>(file);
    });
}

Result<std::unique_ptr<BackupReader>> BackupReader::open(const fs::path& file) {
    std::error_code error;
    if (!fs::exists(file, error)) return fail(ErrorCode::not_found, file.string() + " does not exist");
    if (!is_backup(file)) return fail(ErrorCode::invalid_argument, file.string() + " is no backup of lurus");
    return with_sqlite("opening", file, [&]() -> Result<std::unique_ptr<BackupReader>> {
        auto reader = std::make_unique<SqliteBackupReader>(file);
        if (auto ok = reader->check_format(); !ok) return std::unexpected(ok.error());
        return reader;
    });
}

}  // namespace lurus
