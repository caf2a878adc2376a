#pragma once
// What the suites of stores share: one database opened twice, as two processes have it, and races between the two.

#include <doctest/doctest.h>

#include <concepts>
#include <functional>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "core/db/sql_sqlite.hpp"
#include "lurus/store/change_feed.hpp"
#include "tests/unit/world.hpp"

namespace lurus::test {

/// A port over a SQLite file, twice.
template <class Port, auto Make>
class TwoSqlite {
public:
    explicit TwoSqlite(std::convertible_to<std::string_view> auto... sets) : sets_{std::string_view(sets)...} {}

    Port& one() { return *one_.store; }
    Port& two() { return *two_.store; }

private:
    struct Handle {
        std::unique_ptr<sql::Database> database;
        std::unique_ptr<Port> store;
    };
    Handle open() const {
        auto database = sql::open_sqlite(folder_.path / "lurus.db", sets_);
        if (!database) FAIL(database.error().message);
        Handle handle;
        handle.store = Make(**database);
        handle.database = *std::move(database);
        return handle;
    }

    TempFolder folder_;
    std::vector<std::string_view> sets_;
    Handle one_ = open(), two_ = open();
};

/// Runs both at once; how many returned true.
inline int winners(const std::function<bool()>& one, const std::function<bool()>& two) {
    bool second = false;
    std::thread other([&] { second = two(); });
    const bool first = one();
    other.join();
    return (first ? 1 : 0) + (second ? 1 : 0);
}

inline std::int64_t head_of(ChangeFeed& feed) {
    const auto head = feed.head();
    REQUIRE_MESSAGE(head.has_value(), (head ? "" : head.error().message));
    return *head;
}

/// Every change after `number`, `-` in front of those that say that something is gone. Checks that their numbers rise.
inline std::vector<std::string> changes_after(ChangeFeed& feed, std::int64_t number) {
    const auto changes = feed.changes_after(number, 1000);
    REQUIRE_MESSAGE(changes.has_value(), (changes ? "" : changes.error().message));
    std::vector<std::string> ids;
    for (const Change& change : *changes) {
        CHECK(change.number > number);
        number = change.number;
        ids.push_back((change.deleted ? "-" : "") + change.id);
    }
    CHECK(number <= head_of(feed));
    return ids;
}

/// Of a Result that must be there.
template <class T>
T got(Result<T> result) {
    REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().message));
    return *std::move(result);
}
inline void done(const Result<void>& result) {
    REQUIRE_MESSAGE(result.has_value(), (result ? "" : result.error().message));
}

}  // namespace lurus::test
