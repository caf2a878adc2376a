#include <spdlog/spdlog.h>
#include <sqlite3.h>

#include "core/db/sqlite.hpp"
#include "modules/log/journal/checkpointer.hpp"

namespace lurus::log {

Checkpointer::Checkpointer(std::filesystem::path file) : file_(std::move(file)), thread_([this] { run(); }) {}

Checkpointer::~Checkpointer() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
        woken_.notify_one();
    }
    thread_.join();
}

bool Checkpointer::request() {
    const std::lock_guard lock(mutex_);
    if (wanted_ || busy_) return false;
    wanted_ = true;
    woken_.notify_one();
    return true;
}

bool Checkpointer::idle() {
    const std::lock_guard lock(mutex_);
    return !wanted_ && !busy_;
}

void Checkpointer::run() {
    std::unique_ptr<SQLite::Database> db;
    std::unique_lock lock(mutex_);
    for (;;) {
        woken_.wait(lock, [this] { return wanted_ || stop_; });
        if (stop_) return;
        wanted_ = false;
        busy_ = true;
        lock.unlock();
        const auto moved = with_sqlite("moving the write-ahead log into", file_, [&]() -> Result<void> {
            if (!db) {
                db = connect_sqlite(file_, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX, 0);
                // A connection that has not read does not know of the write-ahead log.
                db->exec("SELECT one FROM rollup_state");
            }
            const int code =
                sqlite3_wal_checkpoint_v2(db->getHandle(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
            if (code != SQLITE_OK && code != SQLITE_BUSY) throw SQLite::Exception(db->getHandle(), code);
            return {};
        });
        if (!moved) {
            // It grows meanwhile; nothing is lost.
            spdlog::warn("request log: {}", moved.error().message);
            db.reset();
        }
        lock.lock();
        busy_ = false;
    }
}

}  // namespace lurus::log
