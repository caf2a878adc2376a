#include "modules/sync/mirrored_database.hpp"

#include <spdlog/spdlog.h>

namespace lurus::sync {

Result<bool> MirroredDatabase::changed() {
    const auto changed = local_.changed();
    if (!changed) return changed;
    const std::int64_t now = history();
    return told_history_.exchange(now) != now || *changed;
}

Result<void> MirroredDatabase::with_reader(std::string_view doing,
                                           const std::function<Result<void>(sql::Connection&)>& work) {
    return local_.read(doing, [&](sql::Connection& db) { return work(db); });
}

Result<void> MirroredDatabase::with_original_reader(std::string_view doing,
                                                    const std::function<Result<void>(sql::Connection&)>& work) {
    if (auto open = gate_.may_ask(); !open) return open;
    auto done = authority_->read(doing, [&](sql::Connection& db) { return work(db); });
    gate_.asked(done);
    return done;
}

Result<void> MirroredDatabase::with_writer(std::string_view doing,
                                           const std::function<Result<void>(sql::Transaction&)>& work) {
    if (auto open = gate_.may_ask(); !open) return open;
    auto done = authority_->write(doing, [&](sql::Transaction& db) { return work(db); });
    gate_.asked(done);
    // Whoever changed something reads it next, and whoever was overtaken by another node what that one made of it.
    // Where this fails, what was committed is so all the same, and follows with the next.
    if (!done && done.error().code != ErrorCode::conflict && done.error().code != ErrorCode::not_found) return done;
    if (const auto pulled = mirror_->pull(); !pulled) spdlog::warn("{}", pulled.error().message);
    return done;
}

}  // namespace lurus::sync
