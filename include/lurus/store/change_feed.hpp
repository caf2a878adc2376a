#pragma once
// Port: what changed in one kind of stored thing, in order. Mirrors, modules and other processes refresh from it.

#include <cstdint>
#include <string>
#include <vector>

#include "lurus/result.hpp"

namespace lurus {

struct Change {
    std::int64_t number =
        0;  // the feed's own, larger than that of every change committed before; not the row's version
    std::string id;
    bool deleted = false;  // the row is gone, and this is all that is left of it
};

/// Whether two numbers of a feed belong to one history. A database that was put back to an older state begins another
/// one, whose numbers are larger than all of before. Of rows that only the older one had its feed tells nothing: who
/// follows reads everything anew.
constexpr int history_bit = 48;  // and those above it
constexpr bool same_history(std::int64_t one, std::int64_t other) {
    return one >> history_bit == other >> history_bit;
}

/// Any thread; may block. A change is in the feed exactly when it is committed: whoever asks again from the last number
/// they saw misses none. An id that changed often is there once, with its last number.
class ChangeFeed {
public:
    virtual ~ChangeFeed() = default;
    /// The number of the last change; 0 = there was none.
    virtual Result<std::int64_t> head() = 0;
    /// By number, those larger than `number`, at most `limit`: fewer means that these are all.
    virtual Result<std::vector<Change>> changes_after(std::int64_t number, std::size_t limit) = 0;
};

}  // namespace lurus
