#pragma once
// Copies what the authority has into the node's own database, a transaction as one.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

#include "core/db/sql.hpp"

namespace lurus::sync {

/// How far the mirror has come.
struct MirrorPlace {
    std::string installation;  // empty = it has not seen one
    std::int64_t number = 0;
    std::string mark;
};

/// Any thread. The databases outlive it.
class Mirror {
public:
    Mirror(sql::Database& authority, sql::Database& local) : authority_(authority), local_(local) {}

    /// Takes over all that was committed; how many commits that was. One at a time: who waits for another's finds its
    /// own commit in it, or takes it over then. `conflict`: the authority is another installation's by now.
    Result<std::int64_t> pull();
    [[nodiscard]] Result<MirrorPlace> place();
    /// Copies everything, whatever is here. Only for a folder that may become a mirror.
    Result<void> adopt();
    /// How often everything was copied: each time what is here may be older than what was, or another's.
    [[nodiscard]] std::int64_t histories() const { return histories_; }

    /// Removes commits that are older from the authority's feed, by its clock; how many. A mirror that was away for
    /// longer copies everything.
    static Result<std::int64_t> shorten_feed(sql::Database& authority, std::chrono::seconds older_than);

private:
    struct Table {
        std::string name;
        std::vector<std::string> columns, types, key;  // as the local database has them
        std::vector<std::string> key_types;
    };
    struct Rows;

    Result<std::vector<Table>> tables();
    Result<void> copy_all();

    sql::Database& authority_;
    sql::Database& local_;
    std::mutex mutex_;           // one pull at a time
    std::vector<Table> tables_;  // read once
    std::atomic<std::int64_t> histories_ = 0;
};

}  // namespace lurus::sync
