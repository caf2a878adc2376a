#include "app/migrate.hpp"

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/backend.hpp"
#include "app/wiring.hpp"
#include "control/api/gate.hpp"
#include "control/state/backup.hpp"
#include "control/state/main_database.hpp"
#include "lurus/audit.hpp"
#include "lurus/store/audit.hpp"

namespace lurus::app {
namespace {

// Of one statement; a commit of everything is one as well.
constexpr auto answer_time = std::chrono::minutes(10);

Result<std::int64_t> note_in_audit(sql::Database& local, const Clock& clock, cli::MoveTo to, const std::string& shown,
                                   const Result<Moved>* moved) {
    const auto store = make_audit_store(local);
    const auto audit = make_audit(*store, clock);
    AuditEntry entry = audit_entry_of(control::admin_principal("local command"), "", "");
    entry.action = to == cli::MoveTo::postgres ? "moveToPostgres" : "moveToSqlite";
    entry.target = shown;
    if (moved != nullptr) {
        entry.status = *moved ? 200 : 409;
        entry.after =
            *moved ? nlohmann::ordered_json{{"installation", (*moved)->installation}, {"rows", (*moved)->rows}}.dump()
                   : nlohmann::ordered_json{{"failed", moved->error().message}}.dump();
    }
    return audit->append(entry);
}

}  // namespace

Result<Moved> migrate_folder(const config::Config& config, cli::MoveTo to, const MoveProgress& progress) {
    const auto& dir = config.data_dir;
    if (!config.postgres)
        return fail(
            ErrorCode::invalid_argument,
            "[postgres] url in lurus.toml says which database is meant: postgresql://USER:PASSWORD@HOST/DATABASE");
    std::error_code unreadable;
    if (!std::filesystem::exists(dir / control::main_database_name, unreadable))
        return fail(ErrorCode::not_found, "there is no lurus.db in " + dir.string() + ": nothing to be moved");
    const auto lock = lock_folder(dir, "stop it while the folder is moved");
    if (!lock) return std::unexpected(lock.error());
    if (auto done = control::finish_restore(dir); !done) return std::unexpected(done.error());
    if (auto there = control::check_not_lost(dir); !there) return std::unexpected(there.error());
    const auto local = open_mirror(dir / control::main_database_name);
    if (!local) return std::unexpected(local.error());
    const auto shared = open_shared(*config.postgres, answer_time);
    if (!shared) return std::unexpected(shared.error());
    const Clock& clock = system_clock();
    if (auto noted = note_in_audit(**local, clock, to, shared->shown, nullptr); !noted)
        return std::unexpected(noted.error());
    auto moved = to == cli::MoveTo::postgres
                     ? move_to_postgres(*shared->database, **local, shared->shown, clock, progress)
                     : move_to_sqlite(*shared->database, **local, shared->shown, clock, progress);
    if (auto noted = note_in_audit(**local, clock, to, shared->shown, &moved); !noted && moved)
        return std::unexpected(noted.error());
    return moved;
}

}  // namespace lurus::app
