#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/cli.hpp"

namespace lurus::cli {

/// `lurus logs -f`: a cursor over the log. One thread.
class LogTail {
public:
    LogTail(Cli& cli, std::map<std::string, std::string> query);
    /// Prints the newest `count` records, oldest first; what comes after them is for `poll`.
    Outcome<void> start(int count);
    /// Prints what was logged since.
    Outcome<void> poll();

private:
    void print(const Json& record);

    Cli& cli_;
    std::map<std::string, std::string> query_;
    Table table_;
    std::vector<int> widths_;
    std::int64_t last_id_ = 0;
};

}  // namespace lurus::cli
