#include "app/kept_file.hpp"

#include <mutex>
#include <utility>

#include "core/db/sql_sqlite.hpp"

namespace lurus::app {
namespace {

class KeptFile final : public KeptStore {
public:
    explicit KeptFile(std::filesystem::path file) : file_(std::move(file)) {}

    Result<std::vector<KeptThing>> newest(std::size_t most) override {
        std::error_code unknown;
        if (!std::filesystem::exists(file_, unknown)) return std::vector<KeptThing>();
        const auto store = opened();
        return store ? (*store)->newest(most) : std::unexpected(store.error());
    }

    Result<void> add(std::span<const KeptThing> things, std::size_t most) override {
        const auto store = opened();
        return store ? (*store)->add(things, most) : std::unexpected(store.error());
    }

private:
    Result<KeptStore*> opened() {
        const std::lock_guard lock(mutex_);
        if (!store_) {
            auto database = sql::open_sqlite(file_, {"kept"});
            if (!database) return std::unexpected(database.error());
            database_ = *std::move(database);
            store_ = make_kept_store(*database_);
        }
        return store_.get();
    }

    const std::filesystem::path file_;
    std::mutex mutex_;
    std::unique_ptr<sql::Database> database_;  // outlives the store
    std::unique_ptr<KeptStore> store_;
};

}  // namespace

std::unique_ptr<KeptStore> make_kept_file(std::filesystem::path file) {
    return std::make_unique<KeptFile>(std::move(file));
}

}  // namespace lurus::app
