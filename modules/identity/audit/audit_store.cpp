#include "lurus/store/audit.hpp"

#include "core/db/sql.hpp"
#include "core/text/concat.hpp"

namespace lurus {
namespace identity {
namespace {

constexpr std::string_view select_entry =
    "SELECT number, time_us, org, actor_kind, actor, actor_name, remote_address, user_agent, action, target, status, "
    "before, after, begun, hash FROM audit a ";

std::string hex_digits_of(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const unsigned char byte : bytes) {
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

sql::Bytes bytes_of_hex(std::string_view hex) {
    const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(value(hex[i]) << 4 | value(hex[i + 1]));
    return sql::Bytes(std::move(out));
}

AuditEntry audit_entry_from(const sql::Row& row) {
    AuditEntry entry;
    entry.number = row.integer(0);
    entry.time = row.integer(1);
    int at = 2;
    for (std::string* text : {&entry.org, &entry.actor_kind, &entry.actor, &entry.actor_name, &entry.remote_address,
                              &entry.user_agent, &entry.action, &entry.target}) {
        *text = row.text(at++);
    }
    entry.status = static_cast<int>(row.integer(10));
    entry.before = row.text(11);
    entry.after = row.text(12);
    entry.begun = row.integer_if_any(13);
    entry.hash = hex_digits_of(row.bytes(14));
    return entry;
}

Result<AuditHead> read_head(sql::Connection& db) {
    auto head = db.first("SELECT number, hash FROM audit_head", {}, [](const sql::Row& row) {
        AuditHead found;
        found.number = row.integer(0);
        found.hash = hex_digits_of(row.bytes(1));
        return found;
    });
    if (!head) return std::unexpected(head.error());
    if (!*head) return fail(ErrorCode::corrupt, "the audit has no head");
    return **std::move(head);
}

/// The conditions of a filter and what they are compared with.
struct AuditConditions {
    std::string text;
    sql::Values values;

    explicit AuditConditions(const AuditFilter& filter) {
        add(filter.installation ? "org IN ($, '')" : "org = $", filter.org);
        add("$ IN (actor, actor_name)", filter.actor);
        if (filter.person && filter.address) {
            values.emplace_back(*filter.person);
            values.emplace_back(*filter.address);
            const std::string at = std::to_string(values.size() - 1), next = std::to_string(values.size());
            begin() += concat({"(actor = $", at, " OR target IN ($", at, ", $", next, ")) "});
        }
        add("action = $", filter.action);
        add("target = $", filter.target);
        add("time_us >= $", filter.since);
        add("time_us < $", filter.until);
        add("number < $", filter.before_number);
        if (filter.ends_only) begin() += "NOT EXISTS (SELECT 1 FROM audit e WHERE e.begun = a.number) ";
    }

private:
    std::string& begin() { return text += text.empty() ? "WHERE " : "AND "; }
    // `$` gets the next number.
    template <class T>
    void add(std::string_view condition, const std::optional<T>& value) {
        if (!value) return;
        values.emplace_back(*value);
        const auto at = condition.find('$') + 1;
        begin() += concat({condition.substr(0, at), std::to_string(values.size()), condition.substr(at), " "});
    }
};

class SqlAudit final : public AuditStore {
public:
    explicit SqlAudit(sql::Database& database) : database_(database) {}

    Result<std::int64_t> append(const std::function<AuditEntry(const AuditHead&)>& next) override {
        return database_.write("storing the audit", [&](sql::Transaction& t) -> Result<std::int64_t> {
            const auto last = read_head(t);
            if (!last) return std::unexpected(last.error());
            const AuditEntry entry = next(*last);
            // The head is of the row that was read: where two append at once, one of them fails.
            auto done = t.execute_versioned("UPDATE audit_head SET number = $1, hash = $2 WHERE number = $3",
                                            {entry.number, bytes_of_hex(entry.hash), last->number}, "the audit");
            if (!done) return std::unexpected(done.error());
            auto inserted = t.execute(
                "INSERT INTO audit (number, time_us, org, actor_kind, actor, actor_name, remote_address, user_agent, "
                "action, target, status, before, after, begun, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
                "$11, $12, $13, $14, $15)",
                {entry.number, entry.time, entry.org, entry.actor_kind, entry.actor, entry.actor_name,
                 entry.remote_address, entry.user_agent, entry.action, entry.target, entry.status, entry.before,
                 entry.after, entry.begun, bytes_of_hex(entry.hash)});
            if (!inserted) return std::unexpected(inserted.error());
            return entry.number;
        });
    }

    Result<AuditHead> head() override { return database_.read("reading the audit", read_head); }

    Result<std::vector<AuditEntry>> query(const AuditFilter& filter) override {
        AuditConditions where(filter);
        where.values.emplace_back(filter.limit);
        const std::string select =
            concat({select_entry, where.text, "ORDER BY number DESC LIMIT $", std::to_string(where.values.size())});
        return database_.read("reading the audit",
                              [&](sql::Connection& db) { return db.all(select, where.values, audit_entry_from); });
    }

    Result<std::vector<AuditEntry>> read_after(std::int64_t number, int limit) override {
        return database_.read("reading the audit", [&](sql::Connection& db) {
            return db.all(concat({select_entry, "WHERE number > $1 ORDER BY number LIMIT $2"}), {number, limit},
                          audit_entry_from);
        });
    }

private:
    sql::Database& database_;
};

}  // namespace
}  // namespace identity

std::unique_ptr<AuditStore> make_audit_store(sql::Database& database) {
    return std::make_unique<identity::SqlAudit>(database);
}

}  // namespace lurus
