#pragma once
// Words for an HTTP status in a dialect's errors.

#include <cstddef>
#include <string_view>

namespace lurus::gateway {

/// The entry of that status; of an unknown one that of 400 or 500, which every table has.
template <class Words, std::size_t N>
constexpr const Words& words_for(const Words (&table)[N], int status) {
    for (const Words& entry : table) {
        if (entry.status == status) return entry;
    }
    return words_for(table, status < 500 ? 400 : 500);
}

}  // namespace lurus::gateway
