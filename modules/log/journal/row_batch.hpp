#pragma once
// The table of rows, as it is read: batch by batch, row by row.

#include <string>
#include <unordered_map>
#include <vector>

#include "core/db/sqlite.hpp"
#include "modules/log/journal/row_text.hpp"
#include "modules/log/journal/shared_names.hpp"

namespace lurus::log {

/// Of a column with 32 hex digits; zero when it has none.
Id id_in(const SqliteStatement& row, int column);
/// Which node the file is of.
Id node_of(SQLite::Database& db);

/// Puts rows together into a batch's text.
class RowBatch {
public:
    /// A batch of this size, in bytes, fills a page of 4 KiB.
    static constexpr std::size_t usual_most = 4040;

    /// False when the row would make the batch larger than usual: it is not in then. The first always is.
    bool add(const RequestRecord& record, std::int64_t names_id);
    [[nodiscard]] bool empty() const { return text_.empty(); }
    /// Until the next `add`.
    std::string_view close();
    void clear() { text_.clear(); }

private:
    std::string text_;
};

/// Rows in the order of their ids. What it holds is of one moment: `forget` at the start of each transaction.
class RowCursor {
public:
    explicit RowCursor(SQLite::Database& db);

    void forget();
    /// Moves to the row of that id, else to the first after it. False when there is none.
    bool seek(std::int64_t id);
    bool next() { return seek(id() + 1); }
    [[nodiscard]] std::int64_t id() const { return first_ + static_cast<std::int64_t>(at_); }

    // Of the row. Damaged text throws SQLite::Exception.
    [[nodiscard]] UnixMicros time() const;
    /// What sums need: numbers and names. Until the next call.
    const RequestRecord& summed();
    /// What the index needs besides. Until the next call.
    const RequestRecord& indexed();
    /// Everything but the bodies.
    RequestRecord record();

    [[nodiscard]] std::int64_t batch_id() const { return first_; }
    /// The rows after this one as a batch's text; empty when this is the last.
    [[nodiscard]] std::string rows_after() const;
    /// The last row's id; 0 when there is none.
    std::int64_t last_id();

private:
    bool load(SqliteStatement& select, std::int64_t id);
    [[nodiscard]] bool holds(std::int64_t id) const {
        return id >= first_ && id < first_ + static_cast<std::int64_t>(starts_.size());
    }
    [[nodiscard]] std::string_view row() const;
    [[noreturn]] void damaged() const;
    const SharedNames& names_of(std::int64_t id);
    void read_summed(RowText& text);

    SqliteStatement at_or_before_, after_, last_, select_shared_names_;
    Id node_;
    std::int64_t first_ = 0;
    std::size_t at_ = 0;
    std::string text_;
    std::vector<std::size_t> starts_;  // of the rows in text_
    std::unordered_map<std::int64_t, SharedNames> shared_names_;
    RequestRecord partly_;  // what `summed` and `indexed` gave last
    std::int64_t partly_shared_ = 0;
};

}  // namespace lurus::log
