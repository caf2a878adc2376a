#pragma once
// One connection to a PostgreSQL server. The only place, with its callers in this folder, that sees libpqxx.

#include <chrono>
#include <memory>
#include <pqxx/connection>
#include <pqxx/nontransaction>
#include <string>
#include <string_view>

#include "core/db/postgres_url.hpp"
#include "core/db/sql.hpp"
#include "core/io/socket_deadlines.hpp"

namespace lurus::sql {

/// One thread at a time.
class PostgresConnection final : public Connection {
public:
    /// Connects. `unavailable` with what the server or libpq said.
    static Result<std::unique_ptr<PostgresConnection>> connect(const PostgresAddress& address,
                                                               SocketDeadlines& deadlines,
                                                               std::chrono::milliseconds answer);
    ~PostgresConnection() override;

    /// What errors say from now on. The next statement is one that a server which is there answers at once.
    void begin(std::string_view doing) {
        doing_ = doing;
        first_ = true;
    }
    /// Whether it can be used for another transaction.
    [[nodiscard]] bool usable() const { return !broken_; }

    /// Without values the text may be several statements.
    Result<std::int64_t> execute(std::string_view statement, const Values& values) override;
    Result<void> query(std::string_view statement, const Values& values,
                       const std::function<Result<bool>(const Row&)>& each) override;

private:
    PostgresConnection(SocketDeadlines& deadlines, std::chrono::milliseconds answer, std::string server)
        : deadlines_(deadlines), answer_(answer), server_(std::move(server)) {}
    Result<pqxx::result> run(std::string_view statement, const Values& values);

    SocketDeadlines& deadlines_;
    const std::chrono::milliseconds answer_;
    const std::string server_;
    std::string doing_ = "connecting";
    bool broken_ = false, first_ = true;
    OpenSocket socket_;
    std::unique_ptr<pqxx::connection> connection_;
    std::unique_ptr<pqxx::nontransaction> session_;  // its transactions are begun and ended by statements
};

}  // namespace lurus::sql
