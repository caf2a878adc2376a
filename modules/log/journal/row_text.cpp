#include "modules/log/journal/row_text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "core/json/json_scan.hpp"
#include "modules/log/journal/same.hpp"
#include "modules/log/queries/record_json.hpp"

namespace lurus::log {
namespace {

constexpr char hex_digits[] = "0123456789abcdef";
constexpr std::size_t fixed_most = 18 * 21 + 96;  // numbers with their commas, the ids, brackets
constexpr std::size_t id_digits = 32;
constexpr std::size_t time_digits = 13;  // of a UUIDv7: the milliseconds and the version

constexpr std::optional<std::int64_t> Usage::* counts[] = {
    &Usage::input,          &Usage::cache_read, &Usage::cache_write_5m,
    &Usage::cache_write_1h, &Usage::output,     &Usage::reasoning,
};

bool has_rare_counts(const Usage& usage) {
    return usage.audio_input || usage.audio_output || usage.images || usage.web_searches || usage.image_input ||
           usage.image_output || usage.estimated;
}

/// The usual case: the only attempt became the answer, so that its times are all there is to keep.
bool is_plain(const RequestRecord& record) {
    if (record.attempts.size() != 1 || has_rare_counts(record.usage)) return false;
    const Attempt& attempt = record.attempts.front();
    return same(attempt.outcome, "ok") && attempt.status == record.status && same(attempt.provider, record.provider) &&
           same(attempt.account, record.account) && same(attempt.upstream_model, record.upstream_model) &&
           attempt.usage == record.usage && attempt.cost == record.cost;
}

Id id_with_time(UnixMicros time) {
    return Id::of_unix_ms(std::max<std::int64_t>(time / 1000, 0));
}

bool has_time(const Id& id, UnixMicros time) {
    return time >= 0 && id.unix_ms() == time / 1000 && id.bytes[6] >> 4 == 7;
}

/// `text` is what `Pen::ids` wrote behind the trace id.
Id record_id_in(std::string_view text, UnixMicros time) {
    if (text.size() == id_digits) return Id::parse(text).value_or(Id());
    if (text.size() != id_digits - time_digits) return Id();
    std::string digits = id_with_time(time).hex();
    text.copy(digits.data() + time_digits, text.size());
    return Id::parse(digits).value_or(Id());
}

constexpr auto digit_pairs = [] {
    std::array<char, 200> pairs{};
    for (std::size_t i = 0; i < 100; ++i) {
        pairs[2 * i] = static_cast<char>('0' + i / 10);
        pairs[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
    return pairs;
}();

constexpr auto powers_of_ten = [] {
    std::array<std::uint64_t, 20> powers{1};
    for (std::size_t i = 1; i < powers.size(); ++i) powers[i] = powers[i - 1] * 10;
    return powers;
}();

std::size_t digits_of(std::uint64_t value) {
    const auto tens = static_cast<std::size_t>(std::bit_width(value | 1)) * 1233 >> 12;  // log10(2) = 1233 / 4096
    return tens + (value >= powers_of_ten[tens] ? 1 : 0);
}

/// The lowest bit that is set is the high one of the first byte that a JSON string cannot hold as it is.
std::uint64_t escaped_in(std::uint64_t word) {
    static_assert(std::endian::native == std::endian::little);
    constexpr std::uint64_t each = 0x0101010101010101;
    const std::uint64_t quote = word ^ each * '"', backslash = word ^ each * '\\';
    return (((quote - each) & ~quote) | ((backslash - each) & ~backslash) | ((word - each * 0x20) & ~word)) &
           each * 0x80;
}

/// Writes into memory that is known to suffice.
class Pen {
public:
    explicit Pen(char* at) : at_(at) {}
    [[nodiscard]] char* at() const { return at_; }

    void raw(std::string_view text) {
        text.copy(at_, text.size());
        at_ += text.size();
    }
    void number(std::int64_t value) {
        auto left = static_cast<std::uint64_t>(value);
        if (value < 0) {
            *at_++ = '-';
            left = 0 - left;
        }
        char* end = at_ + (left < 10 ? 1 : digits_of(left));
        at_ = end;
        *at_++ = ',';
        for (; left >= 100; left /= 100) std::memcpy(end -= 2, &digit_pairs[left % 100 * 2], 2);
        if (left >= 10) {
            std::memcpy(end - 2, &digit_pairs[left * 2], 2);
        } else {
            end[-1] = static_cast<char>('0' + left);
        }
    }
    void number(const std::optional<std::int64_t>& value) {
        if (value) {
            number(*value);
        } else {
            raw("null,");
        }
    }
    /// Of the record's, only what its time does not say.
    void ids(const Id& trace, const Id& record, UnixMicros time) {
        *at_++ = '"';
        char* const end = at_ + id_digits;
        at_ = end;
        if (!record.is_zero()) {
            char* const start = has_time(record, time) ? end - time_digits : end;
            record.write_hex(start);
            at_ = start + id_digits;
        }
        trace.write_hex(end - id_digits);  // over what is left out of the record's
        raw("\",");
    }
    /// Bytes that are not UTF-8 stay as they are.
    void text(std::string_view text) {
        if (text.empty()) return raw("null,");
        *at_++ = '"';
        char* to = at_;
        const char* from = text.data();
        const char* const end = from + text.size();
        while (from != end) {
            std::ptrdiff_t plain = 0;
            bool stops = false;
            if (end - from >= 8) {
                std::uint64_t word;
                std::memcpy(&word, from, sizeof word);
                std::memcpy(to, &word, sizeof word);
                const std::uint64_t marks = escaped_in(word);
                plain = std::countr_zero(marks) / 8;
                stops = marks != 0;
            } else {
                *to = *from;
                stops = static_cast<unsigned char>(*from) < 0x20 || *from == '"' || *from == '\\';
                plain = stops ? 0 : 1;
            }
            to += plain;
            from += plain;
            if (stops) to = escaped(to, *from++);
        }
        at_ = to;
        raw("\",");
    }

private:
    static char* escaped(char* to, char c) {
        *to++ = '\\';
        if (c == '"' || c == '\\') {
            *to++ = c;
            return to;
        }
        for (const char digit : {'u', '0', '0', hex_digits[c >> 4], hex_digits[c & 15]}) *to++ = digit;
        return to;
    }

    char* at_;
};

constexpr std::size_t text_most(std::size_t size) {
    return size * 6 + 5;
}

}  // namespace

void append_row(std::string& out, const RequestRecord& record, std::int64_t names_id) {
    const bool plain = is_plain(record);
    std::string detail;
    if (!plain) append_detail(detail, record);
    const std::size_t before = out.size();
    const std::size_t most = fixed_most + text_most(record.session.size()) + text_most(record.usage_raw.size()) +
                             text_most(record.error.size()) + detail.size();
    out.resize_and_overwrite(before + most, [&](char* data, std::size_t) {
        Pen pen(data + before);
        pen.raw("[");
        pen.number(record.time);
        pen.number(record.duration_us);
        pen.number(static_cast<std::int64_t>(record.end));
        pen.number(record.status);
        pen.number(record.stream ? 1 : 0);
        for (const auto count : counts) pen.number(record.usage.*count);
        pen.number(record.cost ? std::optional(record.cost->nano_usd) : std::nullopt);
        pen.number(names_id);
        pen.ids(record.trace_id, record.record_id, record.time);
        pen.number(record.ttfb_us);
        pen.number(record.bytes_in);
        pen.number(record.bytes_out);
        pen.number(plain ? std::optional(record.attempts.front().started_us) : std::nullopt);
        pen.number(plain ? std::optional(record.attempts.front().duration_us) : std::nullopt);
        pen.text(record.session);
        pen.text(record.usage_raw);
        if (!record.error.empty() || !detail.empty()) pen.text(record.error);
        pen.raw(detail);
        // In the last comma's place.
        char* const end = detail.empty() ? pen.at() - 1 : pen.at();
        *end = ']';
        return static_cast<std::size_t>(end + 1 - data);
    });
}

Id id_of_row(const Id& node, std::int64_t row, UnixMicros time) {
    Id id = id_with_time(time);
    id.bytes[6] = static_cast<std::uint8_t>(0x70 | (node.bytes[6] & 0xf));
    for (std::size_t i = 7; i < 11; ++i) id.bytes[i] = node.bytes[i];
    for (std::size_t i = 0; i < 5; ++i) id.bytes[11 + i] = static_cast<std::uint8_t>(row >> (8 * (4 - i)));
    return id;
}

RowText::RowText(std::string_view row) : left_(row) {
    sound_ = left_.size() > 2 && left_.front() == '[' && left_.back() == ']';
    if (sound_) left_.remove_prefix(1);
}

void RowText::end_member() {
    if (left_.empty() || (left_.front() != ',' && left_.front() != ']')) {
        sound_ = false;
        return;
    }
    ended_ = left_.front() == ']';
    left_.remove_prefix(1);
}

std::optional<std::int64_t> RowText::number() {
    if (ended_ || !sound_) return std::nullopt;
    std::optional<std::int64_t> value;
    if (left_.starts_with("null")) {
        left_.remove_prefix(4);
    } else {
        std::int64_t read = 0;
        const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), read);
        sound_ = error == std::errc();
        left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
        value = read;
    }
    end_member();
    return value;
}

/// Between the quotes.
std::string_view RowText::raw_text() {
    std::string_view text;
    if (ended_ || !sound_) return text;
    if (left_.starts_with("null")) {
        left_.remove_prefix(4);
    } else if (left_.starts_with('"')) {
        std::size_t end = json::find_quote_or_backslash(left_, 1);
        while (end < left_.size() && left_[end] == '\\') end = json::find_quote_or_backslash(left_, end + 2);
        sound_ = end < left_.size();
        if (!sound_) return text;
        text = left_.substr(1, end - 1);
        left_.remove_prefix(end + 1);
    } else {
        sound_ = false;
    }
    end_member();
    return text;
}

std::string RowText::text() {
    const std::string_view raw = raw_text();
    return raw.find('\\') == raw.npos ? std::string(raw) : json::unescape(raw);
}

bool RowText::numbers(RequestRecord& record, std::int64_t& names_id) {
    record.time = number_or_zero();
    record.duration_us = number_or_zero();
    const std::int64_t end = number_or_zero();
    record.end = end >= 0 && end <= static_cast<std::int64_t>(End::error) ? static_cast<End>(end) : End::error;
    record.status = static_cast<int>(number_or_zero());
    record.stream = number_or_zero() != 0;
    for (const auto count : counts) record.usage.*count = number();
    record.cost.reset();
    if (const auto cost = number()) record.cost = Money{*cost};
    names_id = number_or_zero();
    return sound_;
}

bool RowText::labels(RequestRecord& record) {
    const std::string_view ids = raw_text();
    if (const auto id = Id::parse(ids.substr(0, id_digits))) record.trace_id = *id;
    if (ids.size() > id_digits) record.record_id = record_id_in(ids.substr(id_digits), record.time);
    record.ttfb_us = number();
    record.bytes_in = number_or_zero();
    record.bytes_out = number_or_zero();
    started_ = number();
    duration_ = number();
    record.session = text();
    return sound_;
}

bool RowText::rest(RequestRecord& record, std::string_view because) {
    record.usage_raw = text();
    record.error = text();
    if (!sound_) return false;
    if (started_) {
        Attempt attempt;
        attempt.provider = record.provider;
        attempt.account = record.account;
        attempt.upstream_model = record.upstream_model;
        attempt.chosen_because = because;
        attempt.outcome = "ok";
        attempt.status = record.status;
        attempt.started_us = *started_;
        attempt.duration_us = duration_.value_or(0);
        attempt.usage = record.usage;
        attempt.cost = record.cost;
        record.attempts.push_back(std::move(attempt));
    } else if (!ended_ && left_.starts_with('{')) {
        read_detail(left_.substr(0, left_.size() - 1), record);
    }
    return true;
}

}  // namespace lurus::log
