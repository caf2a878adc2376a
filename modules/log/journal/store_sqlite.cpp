#include <sqlite3.h>
#include <zstd.h>

#include <algorithm>

#include "modules/log/journal/store.hpp"

namespace lurus::log {
namespace {

constexpr std::uint64_t body_most = 1ull << 30;
// Bytes, "WAL-mode File Format", sections 2.1 and 2.2, sqlite.org/walformat.html
constexpr std::int64_t wal_header = 32;
constexpr std::int64_t wal_frame_header = 24;

}  // namespace

WriteTransaction::WriteTransaction(Store& store) : store_(store) {
    store_.begin();
}

WriteTransaction::~WriteTransaction() {
    if (!open_) return;
    store_.let_checkpoints_pass();
    // SQLite has rolled back by itself after some errors.
    if (sqlite3_get_autocommit(store_.db().getHandle()) != 0) return;
    // Where it fails, the error that led here is on its way to whoever opens the file anew.
    static_cast<void>(store_.rollback_.try_run());
}

void WriteTransaction::commit() {
    if (!store_.reading_) store_.reading_ = store_.snapshot_.step();
    store_.commit_.run();
    open_ = false;
}

Result<std::unique_ptr<Store>> Store::open(const LogSettings& settings) {
    SqliteOptions options;
    options.strict = settings.strict;
    options.page_size = 4096;  // a commit writes whole pages
    options.busy_timeout_ms = writer_busy_timeout_ms;
    options.one_thread = true;
    options.auto_checkpoint = false;
    auto db = open_sqlite(settings.file, "log", options);
    if (!db) return std::unexpected(db.error());
    return with_sqlite("opening", settings.file, [&]() -> Result<std::unique_ptr<Store>> {
        return std::unique_ptr<Store>(new Store(std::move(*db)));
    });
}

Store::Store(std::unique_ptr<SQLite::Database> db)
    : db_(std::move(db)),
      snapshot_(*db_, "SELECT one FROM rollup_state"),
      begin_(*db_, "BEGIN IMMEDIATE"),
      commit_(*db_, "COMMIT"),
      rollback_(*db_, "ROLLBACK"),
      insert_row_batch_(*db_, "INSERT INTO chunk (id, rows) VALUES (?, ?)"),
      insert_shared_names_(
          *db_,
          "INSERT INTO origin (id, dialect, upstream_dialect, operation, model, upstream_model, route, "
          "provider, account, key, user, client, tariff, service_tier, because, key_id, "
          "team_id, org_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
      insert_body_(*db_, "INSERT INTO body (id, request, response) VALUES (?, ?, ?)"),
      busy_timeout_ms_(writer_busy_timeout_ms),
      wal_frame_bytes_(wal_frame_header + db_->execAndGet("PRAGMA page_size").getInt64()),
      wal_window_(db_->getFilename() + "-wal") {
    sqlite3_wal_hook(
        db_->getHandle(),
        [](void* self, sqlite3*, const char*, int pages) {
            static_cast<Store*>(self)->wal_pages_ = pages;
            return SQLITE_OK;
        },
        this);
}

void Store::begin() {
    if (reading_) {
        if (begin_.try_run()) return;
        let_checkpoints_pass();  // another process may have written since: then only a new read sees the end
    }
    begin_.run();
}

void Store::let_checkpoints_pass() {
    snapshot_.reset();
    reading_ = false;
}

void Store::append(std::vector<Batch>& batches, std::int64_t last_id) {
    shared_names_.limit();
    row_batch_.clear();
    hashes_.clear();
    try {
        WriteTransaction transaction(*this);
        write(batches, last_id);
        transaction.commit();
    } catch (...) {
        shared_names_.clear();  // some may have gone with the transaction
        throw;
    }
    wal_window_.next_write(wal_header + wal_pages_ * wal_frame_bytes_);
}

void Store::write(std::vector<Batch>& batches, std::int64_t last_id) {
    for (auto& batch : batches) {
        for (auto& [record, ticket, sink] : batch.entries) {
            record.id = ++last_id;
            add_row(record, shared_names_of(record));
            if (!record.request_body.empty() || !record.response_body.empty()) insert_bodies(record);
        }
    }
    if (!row_batch_.empty()) insert_row_batch();
}

std::int64_t Store::shared_names_of(const RequestRecord& record) {
    auto& known = shared_names_.of(record);
    hashes_.push_back(hashes_of(record, known.hashes));
    if (known.id != 0 && segment_of(known.id) == segment_of(record.id)) return known.id;
    auto& insert = insert_shared_names_;
    insert.clear();
    insert.bind(1, record.id);
    insert.bind(2, static_cast<std::int64_t>(record.dialect));
    insert.bind(3, static_cast<std::int64_t>(record.upstream_dialect));
    int at = 4;
    for (const auto& text : known.names.texts) {
        if (!text.empty()) insert.bind_text(at, text);
        ++at;
    }
    std::string ids[3];
    std::size_t id_at = 0;
    for (const Id* id : {&record.key_id, &record.team_id, &record.org_id}) {
        if (!id->is_zero()) insert.bind_text(at, ids[id_at++] = id->hex());
        ++at;
    }
    insert.run();
    return known.id = record.id;
}

void Store::add_row(const RequestRecord& record, std::int64_t names_id) {
    if (!row_batch_.empty() && (offset_of(record.id) == 0 || !row_batch_.add(record, names_id))) insert_row_batch();
    if (!row_batch_.empty()) return;
    row_batch_id_ = record.id;
    row_batch_.add(record, names_id);
}

void Store::insert_row_batch() {
    insert_row_batch_.bind(1, row_batch_id_);
    insert_row_batch_.bind_text(2, row_batch_.close());
    insert_row_batch_.run();
    row_batch_.clear();
}

void Store::set_busy_timeout(int ms) {
    if (busy_timeout_ms_ == ms) return;
    busy_timeout_ms_ = ms;
    sqlite3_busy_timeout(db_->getHandle(), ms);
}

void Store::insert_bodies(const RequestRecord& record) {
    const std::string request = compress(record.request_body);
    const std::string response = compress(record.response_body);
    insert_body_.clear();
    insert_body_.bind(1, record.id);
    if (!request.empty()) insert_body_.bind_blob(2, request.data(), request.size());
    if (!response.empty()) insert_body_.bind_blob(3, response.data(), response.size());
    insert_body_.run();
}

Cursors Store::cursors() {
    Cursors cursors;
    SqliteStatement rollup(*db_, "SELECT done_to, doing_to, doing_group FROM rollup_state");
    if (rollup.step()) {
        cursors.rolled_to = rollup.integer(0);
        cursors.rolling_to = rollup.integer(1);
        cursors.rolling_group = rollup.integer(2);
    }
    SqliteStatement segments(*db_, "SELECT coalesce(max(id) + 1, 0), coalesce(max(max_time), ?) FROM segment");
    segments.bind(1, INT64_MIN);
    if (segments.step()) {
        cursors.closed_segments = segments.integer(0);
        cursors.max_time = segments.integer(1);
    }
    cursors.last_id = RowCursor(*db_).last_id();
    // All rows may have been removed: their ids are not given again.
    cursors.last_id = std::max({cursors.last_id, cursors.rolled_to, cursors.closed_segments * segment_rows});
    SqliteStatement first(*db_, "SELECT coalesce(min(id), ?) FROM chunk");
    first.bind(1, cursors.last_id + 1);
    if (first.step()) cursors.closed_segments = std::max(cursors.closed_segments, segment_of(first.integer(0)));
    return cursors;
}

void Store::checkpoint() {
    let_checkpoints_pass();
    int all = 0, moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(db_->getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &all, &moved);
    if (code != SQLITE_OK && code != SQLITE_BUSY) throw SQLite::Exception(db_->getHandle(), code);
    // Wholly moved, the next commit starts the log over.
    if (all != moved) return;
    wal_pages_ = 0;
    wal_window_.next_write(0);
}

std::string compress(std::string_view bytes) {
    if (bytes.empty()) return {};
    std::string frame(ZSTD_compressBound(bytes.size()), '\0');
    const std::size_t size = ZSTD_compress(frame.data(), frame.size(), bytes.data(), bytes.size(), 1);
    frame.resize(ZSTD_isError(size) != 0 ? 0 : size);
    return frame;
}

Result<std::string> decompress(std::span<const std::uint8_t> frame) {
    if (frame.empty()) return std::string();
    const auto size = ZSTD_getFrameContentSize(frame.data(), frame.size());
    if (size > body_most) return fail(ErrorCode::corrupt, "a stored body is not a zstd frame of a known size");
    std::string bytes(size, '\0');
    const std::size_t got = ZSTD_decompress(bytes.data(), bytes.size(), frame.data(), frame.size());
    if (ZSTD_isError(got) != 0 || got != size) return fail(ErrorCode::corrupt, "a stored body does not decompress");
    return bytes;
}

}  // namespace lurus::log
