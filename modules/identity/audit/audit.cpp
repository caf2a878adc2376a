// The chain: each entry holds the hash of the one before it.
#include "modules/identity/audit/audit_chain.hpp"

namespace lurus {
namespace identity {
namespace {

class ChainedAudit final : public Audit {
public:
    ChainedAudit(AuditStore& store, const Clock& clock) : store_(store), clock_(clock) {}

    Result<std::int64_t> append(AuditEntry entry) override {
        return store_.append([&](const AuditHead& last) {
            entry.number = last.number + 1;
            entry.time = clock_.now();
            entry.hash = chained_hash(entry, last.hash);
            return entry;
        });
    }

    Result<std::vector<AuditEntry>> query(const AuditFilter& filter) override { return store_.query(filter); }

    Result<std::vector<AuditEntry>> read_after(std::int64_t after, int limit) override {
        return store_.read_after(after, limit);
    }

    Result<std::int64_t> verify() override {
        const auto end = store_.head();
        if (!end) return std::unexpected(end.error());
        std::int64_t number = 0;
        std::string previous = first_hash();
        bool sound = true;
        auto read = read_all([&](const AuditEntry& entry) {
            if (number == end->number) return false;  // appended since
            sound = entry.number == number + 1 && entry.hash == chained_hash(entry, previous);
            if (!sound) return false;
            number = entry.number;
            previous = entry.hash;
            return true;
        });
        if (!read) return std::unexpected(read.error());
        if (sound && number == end->number && previous == end->hash) return number;
        return fail(ErrorCode::corrupt, "entry " + std::to_string(number + (sound && number == end->number ? 0 : 1)) +
                                            " of the audit was changed or is missing");
    }

    std::vector<ApiRoute> api() override { return audit_routes(*this); }

private:
    // In pieces, so that nobody who changes something waits for all of it.
    Result<void> read_all(const std::function<bool(const AuditEntry&)>& each) {
        for (std::int64_t after = 0;;) {
            const auto some = store_.read_after(after, 1000);
            if (!some) return std::unexpected(some.error());
            if (some->empty()) return {};
            for (const auto& entry : *some) {
                if (!each(entry)) return {};
            }
            after = some->back().number;
        }
    }

    AuditStore& store_;
    const Clock& clock_;
};

}  // namespace
}  // namespace identity

std::unique_ptr<Audit> make_audit(AuditStore& store, const Clock& clock) {
    return std::make_unique<identity::ChainedAudit>(store, clock);
}

}  // namespace lurus
