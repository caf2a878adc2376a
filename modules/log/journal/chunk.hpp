#pragma once
// The table of rows, as it is read: chunk by chunk, row by row.

#include <string>
#include <unordered_map>
#include <vector>

#include "core/db/sqlite.hpp"
#include "modules/log/journal/origin.hpp"
#include "modules/log/journal/row_text.hpp"

namespace lurus::log {

/// Puts rows together into a chunk's text.
class ChunkText {
public:
    /// A chunk of this size, in bytes, fills a page of 4 KiB.
    static constexpr std::size_t usual_most = 4040;

    /// False when the row would make the chunk larger than usual: it is not in then. The first always is.
    bool add(const RequestRecord& record, std::int64_t origin);
    [[nodiscard]] bool empty() const { return text_.empty(); }
    /// Until the next `add`.
    std::string_view close();
    void clear() { text_.clear(); }

private:
    std::string text_;
};

/// Rows in the order of their ids. What it holds is of one moment: `forget` at the start of each transaction.
class ChunkCursor {
public:
    explicit ChunkCursor(SQLite::Database& db);

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

    [[nodiscard]] std::int64_t chunk() const { return first_; }
    /// The rows after this one as a chunk's text; empty when this is the last.
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
    const Origin& origin(std::int64_t id);
    void read_summed(RowText& text);

    SqliteStatement at_or_before_, after_, last_, select_origin_;
    std::int64_t first_ = 0;
    std::size_t at_ = 0;
    std::string text_;
    std::vector<std::size_t> starts_;  // of the rows in text_
    std::unordered_map<std::int64_t, Origin> origins_;
    RequestRecord partly_;  // what `summed` and `indexed` gave last
    std::int64_t partly_origin_ = 0;
};

}  // namespace lurus::log
