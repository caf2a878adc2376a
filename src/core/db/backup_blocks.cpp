#include "core/db/backup_blocks.hpp"

#include <openssl/evp.h>
#include <sqlite3.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace lurus::backup {

struct Digest::State {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    ~State() { EVP_MD_CTX_free(context); }
};

Digest::Digest() : state_(std::make_unique<State>()) {
    EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr);
}

Digest::~Digest() = default;

void Digest::add(std::string_view bytes) {
    EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
}

std::string Digest::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
    unsigned size = 0;
    EVP_DigestFinal_ex(state_->context, hash.data(), &size);
    std::string out;
    for (unsigned i = 0; i < size; ++i) {
        out += "0123456789abcdef"[hash[i] >> 4];
        out += "0123456789abcdef"[hash[i] & 15];
    }
    return out;
}

std::string packed(std::string_view bytes) {
    std::string frame(ZSTD_compressBound(bytes.size()), '\0');
    const std::size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), 3);
    if (ZSTD_isError(size) != 0) throw SQLite::Exception("a block could not be compressed", SQLITE_ERROR);
    frame.resize(size);
    return frame;
}

std::string unpacked(const void* bytes, std::size_t size) {
    const auto length = ZSTD_getFrameContentSize(bytes, size);
    if (length > block_size) throw SQLite::Exception("a block is none", SQLITE_CORRUPT);
    std::string out(length, '\0');
    const std::size_t got = ZSTD_decompress(out.data(), out.size(), bytes, size);
    if (ZSTD_isError(got) != 0 || got != length) throw SQLite::Exception("a block is damaged", SQLITE_CORRUPT);
    return out;
}

void BlockFile::hold(std::int64_t number) {
    if (number == held_) return;
    flush();
    SQLite::Statement select(archive_, "SELECT bytes FROM block WHERE id = ?");
    select.bind(1, first_ + number);
    block_.clear();
    if (select.executeStep()) {
        const SQLite::Column bytes = select.getColumn(0);
        block_ = unpacked(bytes.getBlob(), static_cast<std::size_t>(bytes.getBytes()));
    }
    held_ = number;
}

void BlockFile::flush() {
    if (!changed_) return;
    const std::string frame = packed(block_);
    SQLite::Statement insert(archive_, "INSERT OR REPLACE INTO block (id, bytes) VALUES (?, ?)");
    insert.bind(1, first_ + held_);
    insert.bindNoCopy(2, frame.data(), static_cast<int>(frame.size()));
    insert.exec();
    changed_ = false;
}

void BlockFile::write(std::uint64_t at, std::string_view bytes) {
    while (!bytes.empty()) {
        hold(static_cast<std::int64_t>(at / block_size));
        const std::size_t inside = at % block_size, now = std::min(bytes.size(), block_size - inside);
        if (block_.size() < inside + now) block_.resize(inside + now);
        bytes.copy(block_.data() + inside, now);
        changed_ = true;
        at += now;
        size_ = std::max(size_, at);
        bytes.remove_prefix(now);
    }
}

bool BlockFile::read(std::uint64_t at, char* to, std::size_t size) {
    std::memset(to, 0, size);
    const bool whole = at + size <= size_;
    while (size > 0 && at < size_) {
        hold(static_cast<std::int64_t>(at / block_size));
        const std::size_t inside = at % block_size, now = std::min(size, block_size - inside);
        if (inside < block_.size()) block_.copy(to, now, inside);
        at += now;
        to += now;
        size -= now;
    }
    return whole;
}

void BlockFile::truncate(std::uint64_t size) {
    if (size >= size_) return;
    const auto last = static_cast<std::int64_t>(size / block_size);
    hold(last);
    block_.resize(std::min<std::size_t>(block_.size(), size % block_size));
    changed_ = true;
    SQLite::Statement cut(archive_, "DELETE FROM block WHERE id > ? AND id < ?");
    cut.bind(1, first_ + last);
    cut.bind(2, first_ + blocks_of_a_file);
    cut.exec();
    size_ = size;
}

// ---- SQLite writes a database into a backup as it writes one into a folder ------------------------------------------

namespace {

struct OpenBlocks : sqlite3_file {
    BlockFile* blocks;
};

thread_local BlockFile* opening = nullptr;  // what the next file of this thread is

BlockFile& blocks_of(sqlite3_file* file) {
    return *static_cast<OpenBlocks*>(file)->blocks;
}

/// No exception may pass through SQLite.
template <class Work>
int guarded(int failed, Work work) {
    try {
        return work();
    } catch (const SQLite::Exception& e) {
        return e.getErrorCode() == SQLITE_FULL ? SQLITE_FULL : failed;
    } catch (const std::bad_alloc&) {
        return SQLITE_NOMEM;
    }
}

sqlite3_io_methods block_methods() {
    sqlite3_io_methods m{};
    m.iVersion = 1;
    m.xClose = [](sqlite3_file*) { return SQLITE_OK; };
    m.xRead = [](sqlite3_file* file, void* to, int size, sqlite3_int64 at) {
        return guarded(SQLITE_IOERR_READ, [&] {
            const bool whole = blocks_of(file).read(static_cast<std::uint64_t>(at), static_cast<char*>(to),
                                                    static_cast<std::size_t>(size));
            return whole ? SQLITE_OK : SQLITE_IOERR_SHORT_READ;
        });
    };
    m.xWrite = [](sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
        return guarded(SQLITE_IOERR_WRITE, [&] {
            blocks_of(file).write(static_cast<std::uint64_t>(at),
                                  {static_cast<const char*>(from), static_cast<std::size_t>(size)});
            return SQLITE_OK;
        });
    };
    m.xTruncate = [](sqlite3_file* file, sqlite3_int64 size) {
        return guarded(SQLITE_IOERR_TRUNCATE, [&] {
            blocks_of(file).truncate(static_cast<std::uint64_t>(size));
            return SQLITE_OK;
        });
    };
    m.xSync = [](sqlite3_file*, int) { return SQLITE_OK; };
    m.xFileSize = [](sqlite3_file* file, sqlite3_int64* size) {
        *size = static_cast<sqlite3_int64>(blocks_of(file).size());
        return SQLITE_OK;
    };
    m.xLock = [](sqlite3_file*, int) { return SQLITE_OK; };
    m.xUnlock = [](sqlite3_file*, int) { return SQLITE_OK; };
    m.xCheckReservedLock = [](sqlite3_file*, int* held) {
        *held = 0;
        return SQLITE_OK;
    };
    m.xFileControl = [](sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; };
    m.xSectorSize = [](sqlite3_file*) { return 4096; };
    m.xDeviceCharacteristics = [](sqlite3_file*) { return 0; };
    return m;
}

constexpr const char* vfs_name = "lurus-backup";

int open_blocks(sqlite3_vfs*, const char*, sqlite3_file* file, int flags, int* given) {
    static const sqlite3_io_methods methods = block_methods();
    file->pMethods = nullptr;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0 || opening == nullptr) return SQLITE_CANTOPEN;
    auto* opened = static_cast<OpenBlocks*>(file);
    opened->pMethods = &methods;
    opened->blocks = opening;
    if (given != nullptr) *given = flags;
    return SQLITE_OK;
}

void register_vfs() {
    static const bool once = [] {
        static sqlite3_vfs vfs = *sqlite3_vfs_find(nullptr);
        vfs.szOsFile = sizeof(OpenBlocks);
        vfs.zName = vfs_name;
        vfs.pNext = nullptr;
        vfs.xOpen = open_blocks;
        vfs.xDelete = [](sqlite3_vfs*, const char*, int) { return SQLITE_OK; };
        vfs.xAccess = [](sqlite3_vfs*, const char*, int, int* found) {
            *found = 0;
            return SQLITE_OK;
        };
        vfs.xFullPathname = [](sqlite3_vfs*, const char* name, int size, char* out) {
            sqlite3_snprintf(size, out, "%s", name);
            return SQLITE_OK;
        };
        return sqlite3_vfs_register(&vfs, 0) == SQLITE_OK;
    }();
    if (!once) throw SQLite::Exception("no memory", SQLITE_NOMEM);
}

}  // namespace

void copy_database(SQLite::Database& source, BlockFile& target, const CopyProgress& progress) {
    constexpr int pages_at_once = 1024;
    register_vfs();
    opening = &target;
    SQLite::Database copy("/part", SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, 0, vfs_name);
    opening = nullptr;
    copy.exec("PRAGMA locking_mode=EXCLUSIVE");
    copy.exec("PRAGMA journal_mode=OFF");
    copy.exec("PRAGMA synchronous=OFF");
    const std::unique_ptr<sqlite3_backup, decltype(&sqlite3_backup_finish)> pages(
        sqlite3_backup_init(copy.getHandle(), "main", source.getHandle(), "main"), sqlite3_backup_finish);
    if (!pages) throw SQLite::Exception(copy.getHandle());
    const std::uint64_t page = static_cast<std::uint64_t>(source.execAndGet("PRAGMA page_size").getInt64());
    for (;;) {
        const int code = sqlite3_backup_step(pages.get(), pages_at_once);
        const auto all = static_cast<std::uint64_t>(sqlite3_backup_pagecount(pages.get()));
        const auto left = static_cast<std::uint64_t>(sqlite3_backup_remaining(pages.get()));
        if (progress) progress((all - left) * page, all * page);
        if (code == SQLITE_DONE) return;
        if (code != SQLITE_OK) throw SQLite::Exception(sqlite3_errstr(code), code);
    }
}

}  // namespace lurus::backup
