#include "core/db/sql_sqlite.hpp"

#include <sqlite3.h>

#include <array>
#include <charconv>
#include <condition_variable>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/db/sqlite.hpp"

namespace lurus::sql {
namespace {

constexpr std::size_t reader_count = 2;
constexpr std::size_t most_prepared = 200;  // of one connection; statements with filters come in many forms

/// A statement and which parameter of ours each of SQLite's is: it numbers $3 by where it first appears.
struct Prepared {
    SqliteStatement statement;
    std::vector<std::size_t> order;

    Prepared(SQLite::Database& db, std::string_view text) : statement(db, text) {
        for (int at = 1; at <= statement.parameter_count(); ++at) {
            const std::string_view name = statement.parameter_name(at);
            std::size_t number = 0;
            const auto* end = name.data() + name.size();
            if (name.size() < 2 || name.front() != '$' || std::from_chars(name.data() + 1, end, number).ptr != end ||
                number == 0)
                throw SQLite::Exception("parameters are $1, $2 ...: " + std::string(text), SQLITE_MISUSE);
            order.push_back(number - 1);
        }
    }
};

class SqliteRow final : public Row {
public:
    explicit SqliteRow(const SqliteStatement& statement) : statement_(statement) {}
    bool is_null(int column) const override { return statement_.is_null(column); }
    std::int64_t integer(int column) const override { return statement_.integer(column); }
    std::string_view text(int column) const override { return statement_.text(column); }
    std::string_view bytes(int column) const override {
        const auto found = statement_.blob(column);
        return {reinterpret_cast<const char*>(found.data()), found.size()};
    }

private:
    const SqliteStatement& statement_;
};

class SqliteConnection final : public Connection {
public:
    explicit SqliteConnection(std::unique_ptr<SQLite::Database> db) : db_(std::move(db)) {}

    /// What errors say from now on.
    void begin(std::string_view doing) { doing_ = doing; }
    SQLite::Database& db() { return *db_; }

    Result<std::int64_t> execute(std::string_view statement, const Values& values) override {
        return run(statement, values, [this](SqliteStatement& bound) -> Result<std::int64_t> {
            bound.run();
            return sqlite3_changes(db_->getHandle());
        });
    }

    Result<void> query(std::string_view statement, const Values& values,
                       const std::function<Result<bool>(const Row&)>& each) override {
        return run(statement, values, [&](SqliteStatement& bound) -> Result<void> {
            const SqliteRow row(bound);
            while (bound.step()) {
                const auto more = each(row);
                if (!more) return std::unexpected(more.error());
                if (!*more) break;
            }
            return {};
        });
    }

private:
    // Takes the statement out of those that are prepared while it is used, so that `work` may run others, and itself.
    template <class Work>
    auto run(std::string_view text, const Values& values, Work work)
        -> decltype(work(std::declval<SqliteStatement&>())) {
        return with_sqlite(doing_, [&]() -> decltype(work(std::declval<SqliteStatement&>())) {
            auto node = prepared_.extract(std::string(text));
            if (node.empty()) {
                if (prepared_.size() >= most_prepared) prepared_.clear();
                node = prepared_.extract(prepared_.try_emplace(std::string(text), *db_, text).first);
            }
            struct Return {
                decltype(prepared_)& all;
                decltype(node)& used;
                ~Return() {
                    used.mapped().statement.reset();
                    used.mapped().statement.clear();
                    all.insert(std::move(used));
                }
            } const give_back{prepared_, node};
            bind(node.mapped(), values);
            return work(node.mapped().statement);
        });
    }

    static void bind(Prepared& prepared, const Values& values) {
        int at = 0;
        for (const std::size_t number : prepared.order) {
            ++at;
            if (number >= values.size()) throw SQLite::Exception("a parameter has no value", SQLITE_RANGE);
            const auto& held = values[number].held();
            if (const auto* integer = std::get_if<std::int64_t>(&held)) {
                prepared.statement.bind(at, *integer);
            } else if (const auto* text = std::get_if<std::string>(&held)) {
                prepared.statement.bind_text(at, *text);
            } else if (const auto* bytes = std::get_if<Bytes>(&held)) {
                prepared.statement.bind_blob(at, bytes->data.data(), bytes->data.size());
            }
        }
    }

    std::unique_ptr<SQLite::Database> db_;
    std::string doing_;
    std::unordered_map<std::string, Prepared> prepared_;
};

class SqliteDatabase final : public Database {
public:
    SqliteDatabase(std::unique_ptr<SQLite::Database> writer, std::vector<std::unique_ptr<SQLite::Database>> readers,
                   std::unique_ptr<SQLite::Database> watch)
        : writer_(std::move(writer)), watch_(std::move(watch)) {
        for (auto& reader : readers) {
            readers_.push_back(std::make_unique<SqliteConnection>(std::move(reader)));
            idle_.push_back(readers_.back().get());
        }
    }

    Result<bool> changed() override {
        const std::scoped_lock lock(watch_mutex_);
        return with_sqlite("looking for changes", [&]() -> Result<bool> {
            // Differs from before when another connection, of any process, committed something.
            const std::int64_t version = watch_->execAndGet("PRAGMA data_version").getInt64();
            return std::exchange(seen_, version) != version;
        });
    }

protected:
    // One read transaction, so that all its statements see the same.
    Result<void> with_reader(std::string_view doing, const std::function<Result<void>(Connection&)>& work) override {
        const Borrowed reader(*this);
        reader.connection.begin(doing);
        Open scope(reader.connection, "BEGIN");
        if (!scope.begun) return scope.begun;
        return work(reader.connection);
    }

    Result<void> with_writer(std::string_view doing, const std::function<Result<void>(Transaction&)>& work) override {
        const std::scoped_lock lock(writer_mutex_);
        writer_.begin(doing);
        Open scope(writer_, "BEGIN IMMEDIATE");
        if (!scope.begun) return scope.begun;
        Transaction transaction(writer_);
        if (auto done = work(transaction); !done) return done;
        if (auto done = transaction.number_changes(); !done) return done;
        if (auto done = writer_.execute("COMMIT", {}); !done) return std::unexpected(done.error());
        return {};
    }

private:
    /// Ends what it began unless that was committed.
    struct Open {
        SqliteConnection& connection;
        Result<void> begun;

        Open(SqliteConnection& c, std::string_view begin) : connection(c) {
            if (auto done = c.execute(begin, {}); !done) begun = std::unexpected(done.error());
        }
        ~Open() {
            // Some failures have ended it already. One that cannot be undone leaves nothing behind either: it is the
            // commit that makes a change.
            if (sqlite3_get_autocommit(connection.db().getHandle()) == 0)
                static_cast<void>(connection.execute("ROLLBACK", {}));
        }
        Open(const Open&) = delete;
        Open& operator=(const Open&) = delete;
    };

    struct Borrowed {
        SqliteDatabase& from;
        SqliteConnection& connection;

        explicit Borrowed(SqliteDatabase& database) : from(database), connection(database.take_reader()) {}
        ~Borrowed() {
            {
                const std::scoped_lock lock(from.idle_mutex_);
                from.idle_.push_back(&connection);
            }
            from.reader_free_.notify_one();
        }
        Borrowed(const Borrowed&) = delete;
        Borrowed& operator=(const Borrowed&) = delete;
    };

    SqliteConnection& take_reader() {
        std::unique_lock lock(idle_mutex_);
        reader_free_.wait(lock, [&] { return !idle_.empty(); });
        SqliteConnection& taken = *idle_.back();
        idle_.pop_back();
        return taken;
    }

    std::mutex writer_mutex_;  // guards writer_
    SqliteConnection writer_;

    std::vector<std::unique_ptr<SqliteConnection>> readers_;
    std::mutex idle_mutex_;  // guards idle_
    std::condition_variable reader_free_;
    std::vector<SqliteConnection*> idle_;

    std::mutex watch_mutex_;  // guards watch_, seen_
    std::unique_ptr<SQLite::Database> watch_;
    std::int64_t seen_ = -1;
};

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(const std::filesystem::path& file,
                                              const std::vector<std::string_view>& sets) {
    auto writer = lurus::open_sqlite(file, "feed");
    if (!writer) return std::unexpected(writer.error());
    for (const auto set : sets) {
        if (auto done = migrate_sqlite(**writer, set, file); !done) return std::unexpected(done.error());
    }
    // Opened now: a file that is deleted or replaced later goes on being read as it was.
    std::array<std::unique_ptr<SQLite::Database>, reader_count + 1> others;
    for (auto& other : others) {
        auto opened = open_sqlite_reader(file);
        if (!opened) return std::unexpected(opened.error());
        other = *std::move(opened);
    }
    auto watch = std::move(others.back());
    std::vector<std::unique_ptr<SQLite::Database>> readers(std::make_move_iterator(others.begin()),
                                                           std::make_move_iterator(others.end() - 1));
    return std::make_unique<SqliteDatabase>(*std::move(writer), std::move(readers), std::move(watch));
}

}  // namespace lurus::sql
