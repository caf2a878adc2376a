#include "core/db/database_snapshot.hpp"

#include <SQLiteCpp/Backup.h>
#include <openssl/evp.h>
#include <sqlite3.h>

#include <array>
#include <charconv>
#include <fstream>
#include <string>
#include <vector>

#include "core/db/sqlite.hpp"
#include "core/os/open_to_read.hpp"
#include "core/os/platform.hpp"

namespace lurus {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view seal_begin = "\nlurus snapshot 1 ";
constexpr std::size_t hash_digits = 64, time_digits = 20;
constexpr std::size_t seal_size = seal_begin.size() + hash_digits + 1 + time_digits + 1;

std::unexpected<Error> damaged(const fs::path& file) {
    return fail(ErrorCode::corrupt, file.string() + " is not a whole snapshot of this version");
}

std::string hex_of(const unsigned char* bytes, unsigned size) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out += digits[bytes[i] >> 4];
        out += digits[bytes[i] & 15];
    }
    return out;
}

/// SHA-256 of the first `size` bytes.
Result<std::string> hash_of_file(const fs::path& file, std::uintmax_t size) {
    const auto unreadable = [&] { return fail(ErrorCode::unavailable, "cannot read " + file.string()); };
    std::ifstream in = platform::open_to_read(file);
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    if (!in || !context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1) return unreadable();
    std::vector<char> block(1 << 18);
    while (size > 0) {
        const auto wanted = static_cast<std::size_t>(std::min<std::uintmax_t>(size, block.size()));
        if (!in.read(block.data(), static_cast<std::streamsize>(wanted))) return unreadable();
        EVP_DigestUpdate(context.get(), block.data(), wanted);
        size -= wanted;
    }
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned length = 0;
    EVP_DigestFinal_ex(context.get(), hash.data(), &length);
    return hex_of(hash.data(), length);
}

std::string seal_of(std::string_view hash, UnixMicros time) {
    std::string when = std::to_string(time);
    when.insert(0, time_digits - when.size(), '0');
    return std::string(seal_begin).append(hash).append(" ").append(when).append("\n");
}

class SqliteSnapshots final : public DatabaseSnapshots {
public:
    SqliteSnapshots(fs::path file, std::unique_ptr<SQLite::Database> db) : file_(std::move(file)), db_(std::move(db)) {}

    Result<bool> take_if_changed(UnixMicros now) override {
        return with_sqlite("copying", file_, [&]() -> Result<bool> {
            // Differs from before when another connection changed something.
            const std::int64_t version = db_->execAndGet("PRAGMA data_version").getInt64();
            if (version == taken_) return false;
            if (auto done = take(now); !done) return std::unexpected(done.error());
            taken_ = version;
            return true;
        });
    }

private:
    Result<void> take(UnixMicros now) {
        const fs::path snapshot = snapshot_of(file_);
        fs::path fresh = snapshot;
        fresh += ".new";
        std::error_code ignored;
        fs::remove(fresh, ignored);
        if (auto made = platform::write_new_private_file(fresh, ""); !made) return made;
        auto done = write(fresh, now);
        if (done) {
            if (const auto error = platform::rename_over(fresh, snapshot))
                done = fail(ErrorCode::unavailable, "cannot replace " + snapshot.string() + ": " + error.message());
        }
        if (done)
            platform::sync_dir(snapshot.parent_path());
        else
            for (const char* end : {"", "-wal", "-shm"}) fs::remove(fresh.string() + end, ignored);
        return done;
    }

    // One file, without a log beside it, whose pages hold together.
    Result<void> copy_to(const fs::path& fresh) {
        return with_sqlite("copying", file_, [&]() -> Result<void> {
            SQLite::Database copy(fresh.string(), SQLite::OPEN_READWRITE);
            copy.exec("PRAGMA synchronous=OFF");
            // Its end lets go of the copy.
            if (SQLite::Backup backup(copy, *db_); backup.executeStep() != SQLITE_DONE)
                return fail(ErrorCode::unavailable, file_.string() + " is busy");
            copy.exec("PRAGMA journal_mode=DELETE");
            const std::string found = copy.execAndGet("PRAGMA quick_check(1)").getString();
            if (found != "ok") return fail(ErrorCode::corrupt, file_.string() + " is damaged (" + found + ")");
            return {};
        });
    }

    Result<void> write(const fs::path& fresh, UnixMicros now) {
        if (auto done = copy_to(fresh); !done) return done;
        std::error_code error;
        const auto size = fs::file_size(fresh, error);
        if (error) return fail(ErrorCode::unavailable, "cannot read " + fresh.string() + ": " + error.message());
        const auto hash = hash_of_file(fresh, size);
        if (!hash) return std::unexpected(hash.error());
        return platform::append_synced(fresh, seal_of(*hash, now));
    }

    const fs::path file_;
    std::unique_ptr<SQLite::Database> db_;
    std::int64_t taken_ = -1;  // the data version of the last one
};

}  // namespace

fs::path snapshot_of(const fs::path& database) {
    fs::path snapshot = database;
    snapshot += ".snapshot";
    return snapshot;
}

Result<std::unique_ptr<DatabaseSnapshots>> DatabaseSnapshots::open(const fs::path& database) {
    auto db = open_sqlite_reader(database);
    if (!db) return std::unexpected(db.error());
    return std::make_unique<SqliteSnapshots>(database, *std::move(db));
}

Result<UnixMicros> check_snapshot(const fs::path& snapshot) {
    std::error_code error;
    const auto size = fs::file_size(snapshot, error);
    if (error) {
        return fail(error == std::errc::no_such_file_or_directory ? ErrorCode::not_found : ErrorCode::unavailable,
                    snapshot.string() + ": " + error.message());
    }
    if (size <= seal_size) return damaged(snapshot);
    std::string seal(seal_size, '\0');
    std::ifstream in = platform::open_to_read(snapshot);
    in.seekg(static_cast<std::streamoff>(size - seal_size));
    if (!in.read(seal.data(), static_cast<std::streamsize>(seal.size())))
        return fail(ErrorCode::unavailable, "cannot read " + snapshot.string());
    UnixMicros time = 0;
    const char* digits = seal.data() + seal_begin.size() + hash_digits + 1;
    if (std::from_chars(digits, digits + time_digits, time).ec != std::errc()) return damaged(snapshot);
    const auto hash = hash_of_file(snapshot, size - seal_size);
    if (!hash) return std::unexpected(hash.error());
    if (seal != seal_of(*hash, time)) return damaged(snapshot);
    return time;
}

Result<void> unpack_snapshot(const fs::path& snapshot, const fs::path& to) {
    std::error_code error;
    const auto size = fs::file_size(snapshot, error);
    if (!error) fs::copy_file(snapshot, to, error);
    if (!error) error = platform::make_private(to);
    if (!error) fs::resize_file(to, size - seal_size, error);
    if (error)
        return fail(ErrorCode::unavailable,
                    "cannot copy " + snapshot.string() + " to " + to.string() + ": " + error.message());
    return {};
}

}  // namespace lurus
