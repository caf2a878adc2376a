#include <sqlite3.h>

#include <charconv>

#include "modules/log/journal/chunk.hpp"

namespace lurus::log {
namespace {

constexpr std::size_t origins_most = 1024;
constexpr std::string_view between = ",\n";  // rows; no row has a line break in it

Dialect dialect_of(std::int64_t number) {
    return number >= 0 && number <= static_cast<std::int64_t>(Dialect::gemini) ? static_cast<Dialect>(number)
                                                                               : Dialect::openai;
}

}  // namespace

bool ChunkText::add(const RequestRecord& record, std::int64_t origin) {
    const std::size_t before = text_.size();
    text_ += before == 0 ? std::string_view("[") : between;
    append_row(text_, record, origin);
    if (before == 0 || text_.size() < usual_most) return true;
    text_.resize(before);
    return false;
}

std::string_view ChunkText::close() {
    text_ += ']';
    return text_;
}

ChunkCursor::ChunkCursor(SQLite::Database& db)
    : at_or_before_(db, "SELECT id, rows FROM chunk WHERE id <= ? ORDER BY id DESC LIMIT 1"),
      after_(db, "SELECT id, rows FROM chunk WHERE id > ? ORDER BY id LIMIT 1"),
      last_(db, "SELECT id, rows FROM chunk ORDER BY id DESC LIMIT 1"),
      select_origin_(db,
                     "SELECT dialect, upstream_dialect, operation, model, upstream_model, route, provider, account, "
                     "key, user, client, tariff, service_tier, because FROM origin WHERE id = ?") {}

void ChunkCursor::forget() {
    first_ = 0;
    at_ = 0;
    starts_.clear();
}

bool ChunkCursor::load(SqliteStatement& select, std::int64_t id) {
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

bool ChunkCursor::seek(std::int64_t id) {
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

std::int64_t ChunkCursor::last_id() {
    if (!load(last_, 0)) return 0;
    at_ = starts_.size() - 1;
    return id();
}

std::string_view ChunkCursor::row() const {
    const std::size_t start = starts_[at_];
    const std::size_t end = at_ + 1 < starts_.size() ? starts_[at_ + 1] - between.size() : text_.size() - 1;
    return std::string_view(text_).substr(start, end > start ? end - start : 0);
}

void ChunkCursor::damaged() const {
    throw SQLite::Exception("record " + std::to_string(id()) + " is damaged", SQLITE_CORRUPT);
}

UnixMicros ChunkCursor::time() const {
    UnixMicros time = 0;
    const std::string_view text = row();
    if (text.size() < 2 || std::from_chars(text.data() + 1, text.data() + text.size(), time).ec != std::errc())
        damaged();
    return time;
}

const Origin& ChunkCursor::origin(std::int64_t id) {
    if (const auto known = origins_.find(id); known != origins_.end()) return known->second;
    if (origins_.size() >= origins_most) origins_.clear();
    auto& select = select_origin_;
    select.bind(1, id);
    if (!select.step()) damaged();
    Origin& origin = origins_[id];
    origin.dialect = dialect_of(select.integer(0));
    origin.upstream_dialect = dialect_of(select.integer(1));
    int column = 2;
    for (auto& text : origin.texts) text = select.text(column++);
    select.reset();
    return origin;
}

void ChunkCursor::read_summed(RowText& text) {
    std::int64_t from = 0;
    if (!text.numbers(partly_, from)) damaged();
    if (from != partly_origin_) origin(from).give_to(partly_);
    partly_origin_ = from;
    partly_.id = id();
}

const RequestRecord& ChunkCursor::summed() {
    RowText text(row());
    read_summed(text);
    return partly_;
}

const RequestRecord& ChunkCursor::indexed() {
    RowText text(row());
    read_summed(text);
    if (!text.labels(partly_)) damaged();
    return partly_;
}

RequestRecord ChunkCursor::record() {
    RequestRecord record;
    std::int64_t from = 0;
    RowText text(row());
    if (!text.numbers(record, from)) damaged();
    const Origin& names = origin(from);
    names.give_to(record);
    if (!text.labels(record) || !text.rest(record, names.because())) damaged();
    record.id = id();
    return record;
}

std::string ChunkCursor::rows_after() const {
    if (at_ + 1 >= starts_.size()) return {};
    return "[" + text_.substr(starts_[at_ + 1]);
}

}  // namespace lurus::log
