#include <array>
#include <mutex>

#include "core/crypto/sha256.hpp"
#include "core/db/sqlite.hpp"
#include "core/text/concat.hpp"
#include "modules/identity/audit/audit_chain.hpp"

namespace lurus {
namespace identity {
namespace {

constexpr const char* select_entry =
    "SELECT number, time_us, org, actor_kind, actor, actor_name, remote_address, user_agent, action, target, status, "
    "before, after, begun, lower(hex(hash)) FROM audit a ";

AuditEntry entry_from(SQLite::Statement& row) {
    AuditEntry entry;
    entry.number = row.getColumn(0).getInt64();
    entry.time = row.getColumn(1).getInt64();
    int at = 2;
    for (std::string* text : {&entry.org, &entry.actor_kind, &entry.actor, &entry.actor_name, &entry.remote_address,
                              &entry.user_agent, &entry.action, &entry.target}) {
        *text = row.getColumn(at++).getString();
    }
    entry.status = row.getColumn(10).getInt();
    entry.before = row.getColumn(11).getString();
    entry.after = row.getColumn(12).getString();
    if (!row.getColumn(13).isNull()) entry.begun = row.getColumn(13).getInt64();
    entry.hash = row.getColumn(14).getString();
    return entry;
}

/// The conditions of a filter and what they are compared with.
class Where {
public:
    explicit Where(const AuditFilter& filter) {
        text(filter.installation ? "org IN (?, '')" : "org = ?", filter.org);
        if (filter.actor) {
            text("? IN (actor, actor_name)", filter.actor);
        }
        text("action = ?", filter.action);
        text("target = ?", filter.target);
        number("time_us >= ?", filter.since);
        number("time_us < ?", filter.until);
        number("number < ?", filter.before_number);
        if (filter.ends_only) add("NOT EXISTS (SELECT 1 FROM audit e WHERE e.begun = a.number)");
    }
    [[nodiscard]] const std::string& sql() const { return sql_; }
    /// The number of the next parameter.
    int bind(SQLite::Statement& statement) const {
        int at = 1;
        for (const auto& value : texts_) statement.bind(at++, value);
        for (const auto value : numbers_) statement.bind(at++, value);
        return at;
    }

private:
    void add(std::string_view condition) {
        sql_ += sql_.empty() ? "WHERE " : "AND ";
        sql_ += std::string(condition) + " ";
    }
    void text(std::string_view condition, const std::optional<std::string>& value) {
        if (!value) return;
        add(condition);
        texts_.push_back(*value);
    }
    // After all texts.
    void number(std::string_view condition, const std::optional<std::int64_t>& value) {
        if (!value) return;
        add(condition);
        numbers_.push_back(*value);
    }

    std::string sql_;
    std::vector<std::string> texts_;
    std::vector<std::int64_t> numbers_;
};

/// One connection, one caller at a time.
class SqliteAudit final : public Audit {
public:
    SqliteAudit(std::unique_ptr<SQLite::Database> db, const Clock& clock) : db_(std::move(db)), clock_(clock) {}

    Result<std::int64_t> append(AuditEntry entry) override {
        return with("storing the audit", [&]() -> Result<std::int64_t> {
            SQLite::Transaction transaction(*db_, SQLite::TransactionBehavior::IMMEDIATE);
            const auto [number, previous] = head();
            entry.number = number + 1;
            entry.time = clock_.now();
            const auto hash = sha256(canonical(entry, previous));
            insert(entry, hash);
            SQLite::Statement update(*db_, "UPDATE audit_head SET number = ?, hash = ?");
            update.bind(1, entry.number);
            update.bind(2, hash.data(), static_cast<int>(hash.size()));
            update.exec();
            transaction.commit();
            return entry.number;
        });
    }

    Result<std::vector<AuditEntry>> query(const AuditFilter& filter) override {
        return with("reading the audit", [&]() -> Result<std::vector<AuditEntry>> {
            const Where where(filter);
            SQLite::Statement select(*db_, select_entry + where.sql() + "ORDER BY number DESC LIMIT ?");
            select.bind(where.bind(select), filter.limit);
            std::vector<AuditEntry> found;
            while (select.executeStep()) found.push_back(entry_from(select));
            return found;
        });
    }

    Result<std::vector<AuditEntry>> read_after(std::int64_t after, int limit) override {
        return with("reading the audit", [&]() -> Result<std::vector<AuditEntry>> {
            SQLite::Statement select(*db_, concat({select_entry, "WHERE number > ? ORDER BY number LIMIT ?"}));
            select.bind(1, after);
            select.bind(2, limit);
            std::vector<AuditEntry> found;
            while (select.executeStep()) found.push_back(entry_from(select));
            return found;
        });
    }

    Result<std::int64_t> verify() override {
        std::pair<std::int64_t, std::string> end;
        if (auto read = with("reading the audit",
                             [&]() -> Result<void> {
                                 end = head();
                                 return {};
                             });
            !read)
            return std::unexpected(read.error());
        std::int64_t number = 0;
        std::string previous = first_hash();
        bool sound = true;
        auto read = read_all([&](const AuditEntry& entry) {
            if (number == end.first) return false;  // appended since
            sound = entry.number == number + 1 && entry.hash == chained_hash(entry, previous);
            if (!sound) return false;
            number = entry.number;
            previous = entry.hash;
            return true;
        });
        if (!read) return std::unexpected(read.error());
        if (sound && number == end.first && previous == end.second) return number;
        return fail(ErrorCode::corrupt, "entry " + std::to_string(number + (sound && number == end.first ? 0 : 1)) +
                                            " of the audit was changed or is missing");
    }

    std::vector<ApiRoute> api() override { return audit_routes(*this); }

private:
    // In pieces, so that nobody who changes something waits for all of it.
    Result<void> read_all(const std::function<bool(const AuditEntry&)>& each) {
        for (std::int64_t after = 0;;) {
            const auto some = read_after(after, 1000);
            if (!some) return std::unexpected(some.error());
            if (some->empty()) return {};
            for (const auto& entry : *some) {
                if (!each(entry)) return {};
            }
            after = some->back().number;
        }
    }

    template <class Work>
    auto with(std::string_view doing, Work work) -> decltype(work()) {
        const std::scoped_lock lock(mutex_);
        try {
            return work();
        } catch (const SQLite::Exception& e) {
            return std::unexpected(sqlite_error(doing, e));
        }
    }

    std::pair<std::int64_t, std::string> head() {
        SQLite::Statement select(*db_, "SELECT number, lower(hex(hash)) FROM audit_head");
        if (!select.executeStep()) throw SQLite::Exception("the audit has no head");
        return {select.getColumn(0).getInt64(), select.getColumn(1).getString()};
    }

    void insert(const AuditEntry& entry, const std::array<std::uint8_t, 32>& hash) {
        SQLite::Statement insert(
            *db_,
            "INSERT INTO audit (number, time_us, org, actor_kind, actor, actor_name, remote_address, "
            "user_agent, action, target, status, before, after, begun, hash) VALUES (?, ?, ?, ?, ?, "
            "?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
        insert.bind(1, entry.number);
        insert.bind(2, entry.time);
        int at = 3;
        for (const auto* text : {&entry.org, &entry.actor_kind, &entry.actor, &entry.actor_name, &entry.remote_address,
                                 &entry.user_agent, &entry.action, &entry.target}) {
            insert.bind(at++, *text);
        }
        insert.bind(11, entry.status);
        insert.bind(12, entry.before);
        insert.bind(13, entry.after);
        if (entry.begun) insert.bind(14, *entry.begun);
        insert.bind(15, hash.data(), static_cast<int>(hash.size()));
        insert.exec();
    }

    std::unique_ptr<SQLite::Database> db_;
    const Clock& clock_;
    std::mutex mutex_;  // guards db_
};

}  // namespace
}  // namespace identity

Result<std::unique_ptr<Audit>> make_audit_sqlite(const std::filesystem::path& file, const Clock& clock) {
    auto db = open_sqlite(file, "audit");
    if (!db) return std::unexpected(db.error());
    return std::make_unique<identity::SqliteAudit>(*std::move(db), clock);
}

}  // namespace lurus
