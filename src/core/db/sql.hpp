#pragma once
// A small port to a SQL database, so that a store is written once for all of them. No database's type appears here.
// Statements are the SQL that SQLite and PostgreSQL share. Their parameters are $1, $2 ..., which may repeat and come
// in any order; columns count from 0.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "lurus/result.hpp"
#include "lurus/store/unit_of_work.hpp"

namespace lurus::sql {

/// Bytes that are no text, as a parameter.
struct Bytes {
    std::string data;

    explicit Bytes(std::string bytes) : data(std::move(bytes)) {}
    Bytes(const void* bytes, std::size_t size) : data(static_cast<const char*>(bytes), size) {}
};

/// A parameter: null, integer, text or bytes. Owns what it holds.
class Value {
public:
    Value(std::nullopt_t) {}
    template <class Integer>
        requires std::is_integral_v<Integer>
    Value(Integer value) : value_(static_cast<std::int64_t>(value)) {}
    Value(std::string_view text) : value_(std::string(text)) {}
    Value(std::string text) : value_(std::move(text)) {}
    Value(const char* text) : value_(std::string(text)) {}
    Value(Bytes bytes) : value_(std::move(bytes)) {}
    template <class T>
    Value(const std::optional<T>& value) {
        if (value) *this = Value(*value);
    }

    using Held = std::variant<std::monostate, std::int64_t, std::string, Bytes>;
    [[nodiscard]] const Held& held() const { return value_; }

private:
    Held value_;
};
using Values = std::vector<Value>;

/// The row that is being read. What it returns by view is valid until its reader returns.
class Row {
public:
    virtual ~Row() = default;
    [[nodiscard]] virtual bool is_null(int column) const = 0;
    /// NULL is 0.
    [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
    /// NULL is empty; so is it of `bytes`.
    [[nodiscard]] virtual std::string_view text(int column) const = 0;
    [[nodiscard]] virtual std::string_view bytes(int column) const = 0;

    [[nodiscard]] std::optional<std::int64_t> integer_if_any(int column) const {
        return is_null(column) ? std::nullopt : std::optional(integer(column));
    }
};

template <class T>
struct Unwrapped {
    using Type = T;
};
template <class T>
struct Unwrapped<Result<T>> {
    using Type = T;
};
/// What a reader of rows makes of one, whether it returns it or a Result of it.
template <class Read>
using RowOf = typename Unwrapped<std::invoke_result_t<Read&, const Row&>>::Type;

/// One thread at a time: whoever was handed it by Database. Everything may block; a failed statement is an Error that
/// says what was being done: `conflict` for a constraint, `unavailable`, `corrupt`.
class Connection {
public:
    virtual ~Connection() = default;

    /// How many rows it changed.
    virtual Result<std::int64_t> execute(std::string_view statement, const Values& values = {}) = 0;
    /// Calls `each` with the rows in order until it returns false or fails; its failure is the result. `each` may use
    /// the connection for other statements.
    virtual Result<void> query(std::string_view statement, const Values& values,
                               const std::function<Result<bool>(const Row&)>& each) = 0;

    /// What `read` makes of every row. It may return the thing or a Result of it.
    template <class Read>
    Result<std::vector<RowOf<Read>>> all(std::string_view statement, const Values& values, Read read) {
        std::vector<RowOf<Read>> out;
        auto done = query(statement, values, [&](const Row& row) -> Result<bool> {
            Result<RowOf<Read>> made = read(row);
            if (!made) return std::unexpected(made.error());
            out.push_back(*std::move(made));
            return true;
        });
        if (!done) return std::unexpected(done.error());
        return out;
    }
    /// Of the first row, if there is one.
    template <class Read>
    Result<std::optional<RowOf<Read>>> first(std::string_view statement, const Values& values, Read read) {
        std::optional<RowOf<Read>> out;
        auto done = query(statement, values, [&](const Row& row) -> Result<bool> {
            Result<RowOf<Read>> made = read(row);
            if (!made) return std::unexpected(made.error());
            out = *std::move(made);
            return false;
        });
        if (!done) return std::unexpected(done.error());
        return out;
    }
    /// Whether there is a row.
    Result<bool> exists(std::string_view statement, const Values& values = {});
    /// An update that compares the row's version with the one that was read. `conflict` says that `what` was changed
    /// meanwhile, or is gone.
    Result<void> execute_versioned(std::string_view statement, const Values& values, std::string_view what);
};

/// Statements that take effect together, or not at all. Lives within Database::write.
class Transaction final : public Connection {
public:
    explicit Transaction(Connection& connection) : connection_(connection) {}

    Result<std::int64_t> execute(std::string_view statement, const Values& values = {}) override {
        return connection_.execute(statement, values);
    }
    Result<void> query(std::string_view statement, const Values& values,
                       const std::function<Result<bool>(const Row&)>& each) override {
        return connection_.query(statement, values, each);
    }

    /// The commit puts `id` into that change feed; several changes of one id are one.
    void changed(std::string_view feed, std::string_view id) { note(feed, id, false); }
    void deleted(std::string_view feed, std::string_view id) { note(feed, id, true); }

    /// For the driver: numbers what was noted. The last statements before the commit, since the feed's head stays
    /// locked from here on: the order of the numbers is that of the commits.
    Result<void> number_changes();

private:
    void note(std::string_view feed, std::string_view id, bool deleted);

    Connection& connection_;
    // In order, so that two transactions never wait for one another's heads.
    std::map<std::string, std::map<std::string, bool, std::less<>>, std::less<>> changes_;
};

/// Any thread. `work` gets a connection to itself, and must not ask the database for another one. `doing` begins every
/// error's message.
class Database {
public:
    virtual ~Database() = default;

    /// `work(Connection&)` returns a Result, which is the result. It sees what was committed when its first statement
    /// began, or later. It waits for no writer.
    template <class Work>
    auto read(std::string_view doing, Work work) {
        return carried<Connection>(work, [&](const auto& run) { return with_reader(doing, run); });
    }
    /// The same for what has no copy: of a database that is mirrored here it reads the original, and is `unavailable`
    /// while that is away.
    template <class Work>
    auto read_original(std::string_view doing, Work work) {
        return carried<Connection>(work, [&](const auto& run) { return with_original_reader(doing, run); });
    }
    /// `work(Transaction&)` returns a Result. Success is committed; failure and an exception undo it all. Writers come
    /// one after another.
    template <class Work>
    auto write(std::string_view doing, Work work) {
        return carried<Transaction>(work, [&](const auto& run) { return with_writer(doing, run); });
    }

    /// Whether anything was committed since the last call, by this process or another. The first call says true.
    virtual Result<bool> changed() = 0;
    /// Goes up when everything that is here was put in place of what was: see same_history in
    /// lurus/store/change_feed.hpp.
    [[nodiscard]] virtual std::int64_t history() const { return 0; }

protected:
    virtual Result<void> with_reader(std::string_view doing, const std::function<Result<void>(Connection&)>& work) = 0;
    virtual Result<void> with_original_reader(std::string_view doing,
                                              const std::function<Result<void>(Connection&)>& work) {
        return with_reader(doing, work);
    }
    virtual Result<void> with_writer(std::string_view doing, const std::function<Result<void>(Transaction&)>& work) = 0;
};

}  // namespace lurus::sql
