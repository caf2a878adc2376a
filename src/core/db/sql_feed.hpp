#pragma once
// The change feeds of a SQL database. A store notes its changes with sql::Transaction and shows them with this.

#include <memory>
#include <string>

#include "core/db/sql.hpp"
#include "lurus/store/change_feed.hpp"

namespace lurus::sql {

/// `database` outlives it.
class SqlFeed final : public ChangeFeed {
public:
    SqlFeed(Database& database, std::string feed) : database_(database), feed_(std::move(feed)) {}

    Result<std::int64_t> head() override;
    Result<std::vector<Change>> changes_after(std::int64_t number, std::size_t limit) override;

private:
    Database& database_;
    const std::string feed_;
};

}  // namespace lurus::sql
