#pragma once
// Port: the rows of the audit. They are only ever added; how one holds the one before it is identity's.

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lurus/audit.hpp"
#include "lurus/result.hpp"

namespace lurus {

namespace sql {
class Database;
}

/// The last entry.
struct AuditHead {
    std::int64_t number = 0;  // 0 = there is none
    std::string hash;         // hex; of none: zeros
};

/// Any thread; may block. Numbers are without a gap and grow in the order of the commits, so that reading on from the
/// last one is this store's change feed.
class AuditStore {
public:
    virtual ~AuditStore() = default;
    /// Stores the entry that `next` makes of the one before it. Nobody else appends meanwhile.
    virtual Result<std::int64_t> append(const std::function<AuditEntry(const AuditHead&)>& next) = 0;
    virtual Result<AuditHead> head() = 0;
    /// Newest first.
    virtual Result<std::vector<AuditEntry>> query(const AuditFilter& filter) = 0;
    /// Those above `number`, oldest first, at most `limit`.
    virtual Result<std::vector<AuditEntry>> read_after(std::int64_t number, int limit) = 0;
};

/// `database` outlives it.
std::unique_ptr<AuditStore> make_audit_store(sql::Database& database);

}  // namespace lurus
