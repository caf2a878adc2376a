#pragma once
// The database of an installation as a node sees it: read from the mirror, changed at the authority.

#include <atomic>
#include <cstdint>
#include <functional>

#include "core/db/sql.hpp"
#include "modules/sync/mirror.hpp"

namespace lurus::sync {

/// What the database asks of its owner, on the thread of whoever uses it.
class AuthorityGate {
public:
    virtual ~AuthorityGate() = default;
    /// Whether the authority may be asked now; the error is the caller's.
    virtual Result<void> may_ask() = 0;
    /// What came of asking. Errors that are no fault of the authority do not count.
    virtual void asked(const Result<void>& outcome) = 0;
};

/// Any thread. All outlive it. `mirror` and `authority` are null where there is no authority: then the gate lets nobody
/// in.
class MirroredDatabase final : public sql::Database {
public:
    MirroredDatabase(sql::Database* authority, Mirror* mirror, sql::Database& local, AuthorityGate& gate)
        : authority_(authority), mirror_(mirror), local_(local), gate_(gate) {}

    Result<bool> changed() override;
    std::int64_t history() const override { return mirror_ == nullptr ? 0 : mirror_->histories(); }

protected:
    Result<void> with_reader(std::string_view doing,
                             const std::function<Result<void>(sql::Connection&)>& work) override;
    Result<void> with_original_reader(std::string_view doing,
                                      const std::function<Result<void>(sql::Connection&)>& work) override;
    Result<void> with_writer(std::string_view doing,
                             const std::function<Result<void>(sql::Transaction&)>& work) override;

private:
    sql::Database* const authority_;
    Mirror* const mirror_;
    sql::Database& local_;
    AuthorityGate& gate_;
    std::atomic<std::int64_t> told_history_ = 0;
};

}  // namespace lurus::sync
