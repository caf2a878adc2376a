#include <sqlite3.h>

#include <charconv>

#include "modules/log/journal/row_batch.hpp"

namespace lurus::log {
namespace {

constexpr std::size_t shared_names_most = 1024;
constexpr std::string_view between = ",\n";  // rows; no row has a line break in it

Dialect dialect_of(std::int64_t number) {
    return number >= 0 && number <= static_cast<std::int64_t>(Dialect::gemini) ? static_cast<Dialect>(number)
                                                                               : Dialect::openai;
}

}  // namespace

Id id_in(const SqliteStatement& row, int column) {
    return Id::parse(row.text(column)).value_or(Id());
}

Id node_of(SQLite::Database& db) {
    SqliteStatement select(db, "SELECT id FROM node");
    if (!select.step()) throw SQLite::Exception("the file does not say which node it is of", SQLITE_CORRUPT);
    return id_in(select, 0);
}

bool RowBatch::add(const RequestRecord& record, std::int64_t names_id) {
    const std::size_t before = text_.size();
    text_ += before == 0 ? std::string_view("[") : between;
    append_row(text_, record, names_id);
    if (before == 0 || text_.size() < usual_most) return true;
    text_.resize(before);
    return false;
}

std::string_view RowBatch::close() {
    text_ += ']';
    return text_;
}

RowCursor::RowCursor(SQLite::Database& db)
    : at_or_before_(db, "SELECT id, rows FROM chunk WHERE id <= ? ORDER BY id DESC LIMIT 1"),
      after_(db, "SELECT id, rows FROM chunk WHERE id > ? ORDER BY id LIMIT 1"),
      last_(db, "SELECT id, rows FROM chunk ORDER BY id DESC LIMIT 1"),
      select_shared_names_(
          db,
          "SELECT dialect, upstream_dialect, operation, model, upstream_model, route, provider, account, "
          "key, user, client, tariff, service_tier, because, key_id, team_id, org_id FROM origin "
          "WHERE id = ?"),
      node_(node_of(db)) {}

void RowCursor::forget() {
    first_ = 0;
    at_ = 0;
    starts_.clear();
}

bool RowCursor::load(SqliteStatement& select, std::int64_t id) {
    forget();
    if (&select != &last_) select.bind(1, id);
    if (!select.step()) return false;
    first_ = select.integer(0);
    const auto bytes = select.blob(1);
    text_.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    select.reset();
    starts_.push_back(1);
    for (auto end = text_.find('\n'); end != text_.npos; end = text_.find('\n', end + 1)) starts_.push_back(end + 1);
    if (text_.size() < 2) damaged();
    return true;
}

bool RowCursor::seek(std::int64_t id) {
    if (!holds(id)) {
        load(at_or_before_, id);
        if (!holds(id)) {
            if (!load(after_, id)) return false;
            id = first_;
        }
    }
    at_ = static_cast<std::size_t>(id - first_);
    return true;
}

std::int64_t RowCursor::last_id() {
    if (!load(last_, 0)) return 0;
    at_ = starts_.size() - 1;
    return id();
}

std::string_view RowCursor::row() const {
    const std::size_t start = starts_[at_];
    const std::size_t end = at_ + 1 < starts_.size() ? starts_[at_ + 1] - between.size() : text_.size() - 1;
    return std::string_view(text_).substr(start, end > start ? end - start : 0);
}

void RowCursor::damaged() const {
    throw SQLite::Exception("record " + std::to_string(id()) + " is damaged", SQLITE_CORRUPT);
}

UnixMicros RowCursor::time() const {
    UnixMicros time = 0;
    const std::string_view text = row();
    if (text.size() < 2 || std::from_chars(text.data() + 1, text.data() + text.size(), time).ec != std::errc())
        damaged();
    return time;
}

const SharedNames& RowCursor::names_of(std::int64_t id) {
    if (const auto known = shared_names_.find(id); known != shared_names_.end()) return known->second;
    if (shared_names_.size() >= shared_names_most) shared_names_.clear();
    auto& select = select_shared_names_;
    select.bind(1, id);
    if (!select.step()) damaged();
    SharedNames& names = shared_names_[id];
    names.dialect = dialect_of(select.integer(0));
    names.upstream_dialect = dialect_of(select.integer(1));
    int column = 2;
    for (auto& text : names.texts) text = select.text(column++);
    names.key_id = id_in(select, column++);
    names.team_id = id_in(select, column++);
    names.org_id = id_in(select, column);
    select.reset();
    return names;
}

void RowCursor::read_summed(RowText& text) {
    std::int64_t from = 0;
    if (!text.numbers(partly_, from)) damaged();
    if (from != partly_shared_) names_of(from).give_to(partly_);
    partly_shared_ = from;
    partly_.id = id();
}

const RequestRecord& RowCursor::summed() {
    RowText text(row());
    read_summed(text);
    return partly_;
}

const RequestRecord& RowCursor::indexed() {
    RowText text(row());
    read_summed(text);
    if (!text.labels(partly_)) damaged();
    return partly_;
}

RequestRecord RowCursor::record() {
    RequestRecord record;
    std::int64_t from = 0;
    RowText text(row());
    if (!text.numbers(record, from)) damaged();
    const SharedNames& names = names_of(from);
    names.give_to(record);
    if (!text.labels(record) || !text.rest(record, names.because())) damaged();
    record.id = id();
    record.node_id = node_;
    if (record.record_id.is_zero()) record.record_id = id_of_row(node_, record.id, record.time);
    return record;
}

std::string RowCursor::rows_after() const {
    if (at_ + 1 >= starts_.size()) return {};
    return "[" + text_.substr(starts_[at_ + 1]);
}

}  // namespace lurus::log
