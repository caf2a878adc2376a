#pragma once
// The writer's connection: appends, and the upkeep that follows them in small slices. One thread at a
// time: the writer's mutex is held.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/db/sqlite.hpp"
#include "core/os/file_window.hpp"
#include "lurus/log_sqlite.hpp"
#include "modules/log/journal/queue.hpp"
#include "modules/log/journal/row_batch.hpp"
#include "modules/log/journal/state.hpp"

namespace lurus::log {

class Store;

// Someone else's lock must not hold the writer for long: it has records to release.
constexpr int writer_busy_timeout_ms = 20;

/// Runs statements between BEGIN IMMEDIATE and COMMIT; rolls back when left by an exception.
class WriteTransaction {
public:
    explicit WriteTransaction(Store& store);
    ~WriteTransaction();
    WriteTransaction(const WriteTransaction&) = delete;
    WriteTransaction& operator=(const WriteTransaction&) = delete;
    void commit();

private:
    Store& store_;
    bool open_ = true;
};

/// Where the file's cursors stand when it is opened.
struct Cursors {
    std::int64_t last_id = 0;  // of any row, also of removed ones
    std::int64_t closed_segments = 0;
    std::int64_t rolled_to = 0;
    std::int64_t rolling_to = 0;  // 0 = no booking was under way
    std::int64_t rolling_group = 0;
    UnixMicros max_time = INT64_MIN;  // over closed segments
};

class Store {
public:
    static Result<std::unique_ptr<Store>> open(const LogSettings& settings);

    /// Gives the records ids after `last_id` and writes all of them in one transaction, or none.
    void append(std::vector<Batch>& batches, std::int64_t last_id);
    /// Those of the records that were appended last, in their order.
    [[nodiscard]] const std::vector<RowHashes>& hashes() const { return hashes_; }
    /// How long a statement waits for another process's lock.
    void set_busy_timeout(int ms);
    [[nodiscard]] Cursors cursors();
    SQLite::Database& db() { return *db_; }
    [[nodiscard]] Id node_id() { return node_of(*db_); }
    /// Pages in the write-ahead log after the last commit.
    [[nodiscard]] int wal_pages() const { return wal_pages_; }
    /// Moves what it can from the write-ahead log into the file; never waits for readers.
    void checkpoint();
    /// Lets checkpoints pass what was committed so far. The next transaction needs a few system calls more.
    void let_checkpoints_pass();

private:
    friend class WriteTransaction;
    void begin();
    explicit Store(std::unique_ptr<SQLite::Database> db);
    void write(std::vector<Batch>& batches, std::int64_t last_id);
    std::int64_t shared_names_of(const RequestRecord& record);
    void add_row(const RequestRecord& record, std::int64_t names_id);
    void insert_row_batch();
    void insert_bodies(const RequestRecord& record);

    std::unique_ptr<SQLite::Database> db_;
    // A read that stays open between transactions: SQLite takes and gives back a reader's lock, four system calls, only
    // where none is held. It moves on with each commit; checkpoints stop at where it began.
    SqliteStatement snapshot_;
    bool reading_ = false;
    SqliteStatement begin_, commit_, rollback_;
    SqliteStatement insert_row_batch_, insert_shared_names_, insert_body_;
    SharedNamesCache shared_names_;
    RowBatch row_batch_;
    std::int64_t row_batch_id_ = 0;
    std::vector<RowHashes> hashes_;
    int busy_timeout_ms_;
    int wal_pages_ = 0;
    std::int64_t wal_frame_bytes_;
    FileWindow wal_window_;
};

/// zstd, one frame.
std::string compress(std::string_view bytes);
Result<std::string> decompress(std::span<const std::uint8_t> frame);

}  // namespace lurus::log
