#pragma once
// Port: who changed what, from where. Rows are only ever added, each holding the hash of the one before.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/api.hpp"
#include "lurus/clock.hpp"
#include "lurus/principal.hpp"
#include "lurus/result.hpp"

namespace lurus {

struct AuditEntry {
    std::int64_t number = 0;  // 1, 2, 3 ... without a gap; given by the audit
    UnixMicros time = 0;      // given by the audit
    std::string org;          // empty = the installation's
    std::string actor_kind;   // `user`, `service`, `admin_token`, `anonymous`, `system`
    std::string actor;        // id of the user or service account
    std::string actor_name;
    std::string remote_address;
    std::string user_agent;
    std::string action;  // an operation id such as `createKey` or `login`
    std::string target;  // the path, or who tried to sign in
    int status = 0;      // the HTTP status that was answered; 0 = not answered: only begun
    std::string before;  // JSON without secrets, or empty
    std::string after;
    /// Of what was answered: the number of the entry that was stored before it was done.
    std::optional<std::int64_t> begun;
    std::string hash;  // hex, given by the audit: of all above and the hash before
};

struct AuditFilter {
    std::optional<std::string> org, actor, action, target;
    bool installation = false;  // with an `org`: the installation's as well
    /// By or about one person, in whichever organisation: their id, and the address that entries about them name.
    std::optional<std::string> person, address;
    std::optional<UnixMicros> since, until;     // [since, until)
    std::optional<std::int64_t> before_number;  // keyset paging, newest first
    int limit = 50;
    /// Leaves out what was begun and is told by the entry of its end.
    bool ends_only = true;
};

/// Any thread; may block.
class Audit {
public:
    virtual ~Audit() = default;
    /// The entry's number. Fails when it cannot be stored: then the change must not be made.
    virtual Result<std::int64_t> append(AuditEntry entry) = 0;
    /// Newest first.
    virtual Result<std::vector<AuditEntry>> query(const AuditFilter& filter) = 0;
    /// Entries with numbers above `after`, oldest first, at most `limit`.
    virtual Result<std::vector<AuditEntry>> read_after(std::int64_t after, int limit) = 0;
    /// The number of entries when all hashes hold; `corrupt` names the first entry that was changed or is missing.
    virtual Result<std::int64_t> verify() = 0;
    /// `/api/v1/audit`
    [[nodiscard]] virtual std::vector<ApiRoute> api() = 0;
};

class AuditStore;

/// `store` outlives it.
std::unique_ptr<Audit> make_audit(AuditStore& store, const Clock& clock);

/// Who, from where: what every entry about `principal` starts with.
AuditEntry audit_entry_of(const Principal& principal, std::string_view remote_address, std::string_view user_agent);

}  // namespace lurus
