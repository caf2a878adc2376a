#include "core/json_scan.hpp"

#include <bit>
#include <charconv>
#include <cmath>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define LURUS_SSE2 1
#endif

namespace lurus::json {
namespace {

constexpr const char* end_of_text = "unexpected end of JSON";

constexpr bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr int hex_digit(char c) {
    if (is_digit(c)) return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

#ifdef LURUS_SSE2
template <class Match>
std::size_t find_first(std::string_view text, std::size_t from, Match match) {
    const char* data = text.data();
    std::size_t i = from;
    for (; i + 16 <= text.size(); i += 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i));
        const auto mask = static_cast<unsigned>(_mm_movemask_epi8(match(v)));
        if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
    }
    return i;
}
#endif

// Bytes that end a run of plain ASCII inside a string: quote, backslash, control characters, UTF-8.
constexpr bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

std::size_t skip_plain(std::string_view text, std::size_t i) {
#ifdef LURUS_SSE2
    const __m128i quote_mark = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(0x20);
    // Signed: bytes below 0x20 and those with the high bit set compare less than a space.
    auto special = [&](__m128i v) {
        return _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote_mark), _mm_cmpeq_epi8(v, backslash)),
                            _mm_cmplt_epi8(v, space));
    };
    const char* data = text.data();
    // Most strings are short: one step before the wide loop.
    if (i + 16 <= text.size()) {
        const auto mask = static_cast<unsigned>(
            _mm_movemask_epi8(special(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i)))));
        if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
        i += 16;
    }
    for (; i + 64 <= text.size(); i += 64) {
        const auto* p = reinterpret_cast<const __m128i*>(data + i);
        const __m128i a = special(_mm_loadu_si128(p));
        const __m128i b = special(_mm_loadu_si128(p + 1));
        const __m128i c = special(_mm_loadu_si128(p + 2));
        const __m128i d = special(_mm_loadu_si128(p + 3));
        if (_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(a, b), _mm_or_si128(c, d))) != 0) break;
    }
    i = find_first(text, i, special);
#endif
    while (i < text.size() && is_plain(static_cast<unsigned char>(text[i]))) ++i;
    return i;
}

// The length of the UTF-8 sequence at the start, 0 when there is no valid one (overlong, surrogate, cut, above
// U+10FFFF).
std::size_t utf8_length(std::string_view s) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
    auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
    const unsigned char c = byte(0);
    if (c < 0x80) return 1;
    if (c >= 0xC2 && c <= 0xDF) return s.size() >= 2 && tail(1) ? 2 : 0;
    if (c >= 0xE0 && c <= 0xEF) {
        if (s.size() < 3 || !tail(1) || !tail(2)) return 0;
        if (c == 0xE0 && byte(1) < 0xA0) return 0;
        if (c == 0xED && byte(1) > 0x9F) return 0;
        return 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        if (s.size() < 4 || !tail(1) || !tail(2) || !tail(3)) return 0;
        if (c == 0xF0 && byte(1) < 0x90) return 0;
        if (c == 0xF4 && byte(1) > 0x8F) return 0;
        return 4;
    }
    return 0;
}

void append_utf8(std::string& out, std::uint32_t code) {
    if (code < 0x80) {
        out += static_cast<char>(code);
    } else if (code < 0x800) {
        out += static_cast<char>(0xC0 | (code >> 6));
        out += static_cast<char>(0x80 | (code & 0x3F));
    } else if (code < 0x10000) {
        out += static_cast<char>(0xE0 | (code >> 12));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (code & 0x3F));
    } else {
        out += static_cast<char>(0xF0 | (code >> 18));
        out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
        out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
        out += static_cast<char>(0x80 | (code & 0x3F));
    }
}

// Four hex digits at `at`, or -1.
int hex4(std::string_view s, std::size_t at) {
    if (at + 4 > s.size()) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
        const int digit = hex_digit(s[i]);
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

}  // namespace

Kind kind_of(std::string_view value) {
    if (value.empty()) return Kind::none;
    switch (value.front()) {
        case '{': return Kind::object;
        case '[': return Kind::array;
        case '"': return Kind::string;
        case 't':
        case 'f': return Kind::boolean;
        case 'n': return Kind::null;
        default: return value.front() == '-' || is_digit(value.front()) ? Kind::number : Kind::none;
    }
}

bool Reader::fail(const char* why, std::size_t at) {
    if (error_ == nullptr) {
        error_ = why;
        error_at_ = at;
    }
    return false;
}

void Reader::white_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
}

Kind Reader::peek() {
    if (failed()) return Kind::none;
    white_space();
    if (at_ >= text_.size()) {
        fail(end_of_text, at_);
        return Kind::none;
    }
    return kind_of(text_.substr(at_, 1));
}

bool Reader::enter(char open) {
    if (failed()) return false;
    white_space();
    if (at_ >= text_.size()) return fail(end_of_text, at_);
    if (text_[at_] != open) return fail(open == '{' ? "expected an object" : "expected an array", at_);
    if (depth_ >= max_depth) return fail("nesting is deeper than 512", at_);
    ++at_;
    ++depth_;
    fresh_ = true;
    return true;
}

bool Reader::enter_object() {
    return enter('{');
}
bool Reader::enter_array() {
    return enter('[');
}

bool Reader::next_member(std::string_view& raw_key) {
    if (failed()) return false;
    white_space();
    if (at_ >= text_.size()) return fail(end_of_text, at_);
    if (text_[at_] == '}') {
        ++at_;
        --depth_;
        fresh_ = false;
        return false;
    }
    if (!fresh_) {
        if (text_[at_] != ',') return fail("expected `,` or `}`", at_);
        ++at_;
        white_space();
        if (at_ >= text_.size()) return fail(end_of_text, at_);
    }
    fresh_ = false;
    if (text_[at_] != '"') return fail("expected a key", at_);
    const std::size_t begin = at_ + 1;
    if (!skip_string()) return false;
    raw_key = text_.substr(begin, at_ - 1 - begin);
    white_space();
    if (at_ >= text_.size()) return fail(end_of_text, at_);
    if (text_[at_] != ':') return fail("expected `:`", at_);
    ++at_;
    white_space();
    return true;
}

bool Reader::next_element() {
    if (failed()) return false;
    white_space();
    if (at_ >= text_.size()) return fail(end_of_text, at_);
    if (text_[at_] == ']') {
        ++at_;
        --depth_;
        fresh_ = false;
        return false;
    }
    if (!fresh_) {
        if (text_[at_] != ',') return fail("expected `,` or `]`", at_);
        ++at_;
        white_space();
    }
    fresh_ = false;
    return true;
}

std::string_view Reader::skip() {
    if (failed()) return {};
    white_space();
    if (at_ >= text_.size()) {
        fail(end_of_text, at_);
        return {};
    }
    const std::size_t begin = at_;
    const char c = text_[at_];
    bool ok = false;
    if (c != '{' && c != '[') {
        ok = skip_scalar();
    } else if (mode_ == Mode::strict) {
        ok = skip_container_strict();
    } else {
        ok = skip_container_trusting();
    }
    fresh_ = false;
    return ok ? text_.substr(begin, at_ - begin) : std::string_view{};
}

bool Reader::finish() {
    if (failed()) return false;
    white_space();
    return at_ == text_.size() || fail("text after the JSON value", at_);
}

bool Reader::skip_scalar() {
    switch (text_[at_]) {
        case '"': return skip_string();
        case 't': return skip_word("true");
        case 'f': return skip_word("false");
        case 'n': return skip_word("null");
        default: return skip_number();
    }
}

bool Reader::skip_word(std::string_view word) {
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (at_ + i >= text_.size()) return fail(end_of_text, text_.size());
        if (text_[at_ + i] != word[i]) return fail("unexpected character", at_ + i);
    }
    at_ += word.size();
    return true;
}

bool Reader::skip_number() {
    std::size_t i = at_;
    auto at_end = [&] { return i >= text_.size(); };
    auto digits = [&] {
        if (at_end()) return fail(end_of_text, i);
        if (!is_digit(text_[i])) return fail(i == at_ ? "unexpected character" : "expected a digit", i);
        while (!at_end() && is_digit(text_[i])) ++i;
        return true;
    };
    if (text_[i] == '-') ++i;
    if (!at_end() && text_[i] == '0') {
        ++i;
        if (!at_end() && is_digit(text_[i])) return fail("a number cannot start with 0", i);
    } else if (!digits()) {
        return false;
    }
    if (!at_end() && text_[i] == '.') {
        ++i;
        if (!digits()) return false;
    }
    if (!at_end() && (text_[i] == 'e' || text_[i] == 'E')) {
        ++i;
        if (!at_end() && (text_[i] == '+' || text_[i] == '-')) ++i;
        if (!digits()) return false;
    }
    at_ = i;
    return true;
}

bool Reader::skip_escape() {
    if (at_ + 1 >= text_.size()) return fail(end_of_text, text_.size());
    switch (text_[at_ + 1]) {
        case '"':
        case '\\':
        case '/':
        case 'b':
        case 'f':
        case 'n':
        case 'r':
        case 't': at_ += 2; return true;
        case 'u':
            for (std::size_t i = at_ + 2; i < at_ + 6; ++i) {
                if (i >= text_.size()) return fail(end_of_text, text_.size());
                if (hex_digit(text_[i]) < 0) return fail("bad \\u escape", i);
            }
            at_ += 6;
            return true;
        default: return fail("bad escape", at_ + 1);
    }
}

bool Reader::skip_utf8() {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text_[i]); };
    while (at_ < text_.size() && byte(at_) >= 0x80) {
        // Nearly all of Chinese, Japanese and Korean.
        if (byte(at_) > 0xE0 && byte(at_) < 0xED && at_ + 3 <= text_.size() && (byte(at_ + 1) & 0xC0) == 0x80 &&
            (byte(at_ + 2) & 0xC0) == 0x80) {
            at_ += 3;
            continue;
        }
        const std::size_t length = utf8_length(text_.substr(at_));
        if (length == 0) return fail("invalid UTF-8", at_);
        at_ += length;
    }
    return true;
}

bool Reader::skip_string() {
    ++at_;
    if (mode_ == Mode::trusting) {
        while (true) {
            at_ = find_quote_or_backslash(text_, at_);
            if (at_ >= text_.size()) return fail(end_of_text, text_.size());
            if (text_[at_] == '"') break;
            at_ += 2;
        }
        ++at_;
        return true;
    }
    while (true) {
        at_ = skip_plain(text_, at_);
        if (at_ >= text_.size()) return fail(end_of_text, text_.size());
        const auto c = static_cast<unsigned char>(text_[at_]);
        if (c == '"') {
            ++at_;
            return true;
        }
        if (c == '\\') {
            if (!skip_escape()) return false;
        } else if (c < 0x20) {
            return fail("control character in a string", at_);
        } else if (!skip_utf8()) {
            return false;
        }
    }
}

bool Reader::skip_container_strict() {
    std::array<std::uint64_t, max_depth / 64> is_object{};  // one bit a level
    const int base = depth_;
    int level = base;
    auto in_object = [&] {
        return ((is_object[static_cast<unsigned>(level - 1) / 64] >> (static_cast<unsigned>(level - 1) % 64)) & 1) != 0;
    };
    auto open = [&](bool object) {
        if (level >= max_depth) return fail("nesting is deeper than 512", at_);
        const auto slot = static_cast<unsigned>(level) / 64;
        const std::uint64_t bit = std::uint64_t{1} << (static_cast<unsigned>(level) % 64);
        is_object[slot] = object ? is_object[slot] | bit : is_object[slot] & ~bit;
        ++level;
        ++at_;
        return true;
    };
    auto key = [&] {
        white_space();
        if (at_ >= text_.size()) return fail(end_of_text, at_);
        if (text_[at_] != '"') return fail("expected a key", at_);
        if (!skip_string()) return false;
        white_space();
        if (at_ >= text_.size()) return fail(end_of_text, at_);
        if (text_[at_] != ':') return fail("expected `:`", at_);
        ++at_;
        return true;
    };
    while (true) {
        white_space();
        if (at_ >= text_.size()) return fail(end_of_text, at_);
        const char c = text_[at_];
        if (c == '{' || c == '[') {
            if (!open(c == '{')) return false;
            white_space();
            if (at_ >= text_.size()) return fail(end_of_text, at_);
            if (text_[at_] == (c == '{' ? '}' : ']')) {
                ++at_;
                --level;
            } else {
                if (c == '{' && !key()) return false;
                continue;
            }
        } else if (!skip_scalar()) {
            return false;
        }
        // A value ended: close what ends with it, then a comma is due.
        while (true) {
            if (level == base) return true;
            white_space();
            if (at_ >= text_.size()) return fail(end_of_text, at_);
            const bool object = in_object();
            const char next = text_[at_];
            if (next == ',') {
                ++at_;
                if (object && !key()) return false;
                break;
            }
            if (next != (object ? '}' : ']')) return fail(object ? "expected `,` or `}`" : "expected `,` or `]`", at_);
            ++at_;
            --level;
        }
    }
}

bool Reader::skip_container_trusting() {
    std::size_t open = 0;
    while (at_ < text_.size()) {
        switch (text_[at_]) {
            case '"':
                if (!skip_string()) return false;
                continue;
            case '{':
            case '[': ++open; break;
            case '}':
            case ']':
                if (--open == 0) {
                    ++at_;
                    return true;
                }
                break;
            default: break;
        }
        ++at_;
    }
    return fail(end_of_text, at_);
}

std::size_t find_quote_or_backslash(std::string_view text, std::size_t from) {
    std::size_t i = from;
#ifdef LURUS_SSE2
    const __m128i quote_mark = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    i = find_first(
        text, i, [&](__m128i v) { return _mm_or_si128(_mm_cmpeq_epi8(v, quote_mark), _mm_cmpeq_epi8(v, backslash)); });
#endif
    while (i < text.size() && text[i] != '"' && text[i] != '\\') ++i;
    return i < text.size() ? i : text.size();
}

std::size_t find_quoted(std::string_view text, std::size_t from, const std::array<char, 5>& letters) {
    std::size_t i = from;
#ifdef LURUS_SSE2
    const __m128i quote_mark = _mm_set1_epi8('"');
    const __m128i a = _mm_set1_epi8(letters[0]);
    const __m128i b = _mm_set1_epi8(letters[1]);
    const __m128i c = _mm_set1_epi8(letters[2]);
    const __m128i d = _mm_set1_epi8(letters[3]);
    const __m128i e = _mm_set1_epi8(letters[4]);
    for (; i + 17 <= text.size(); i += 16) {
        const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
        const __m128i next = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i + 1));
        const __m128i letter =
            _mm_or_si128(_mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(next, a), _mm_cmpeq_epi8(next, b)),
                                      _mm_or_si128(_mm_cmpeq_epi8(next, c), _mm_cmpeq_epi8(next, d))),
                         _mm_cmpeq_epi8(next, e));
        const auto mask =
            static_cast<unsigned>(_mm_movemask_epi8(_mm_and_si128(_mm_cmpeq_epi8(v, quote_mark), letter)));
        if (mask != 0) return i + static_cast<std::size_t>(std::countr_zero(mask));
    }
#endif
    for (; i + 1 < text.size(); ++i) {
        if (text[i] != '"') continue;
        for (const char letter : letters) {
            if (text[i + 1] == letter) return i;
        }
    }
    return text.size();
}

std::size_t find_line_end(std::string_view text, std::size_t from) {
    std::size_t i = from;
#ifdef LURUS_SSE2
    const __m128i cr = _mm_set1_epi8('\r');
    const __m128i lf = _mm_set1_epi8('\n');
    i = find_first(text, i, [&](__m128i v) { return _mm_or_si128(_mm_cmpeq_epi8(v, cr), _mm_cmpeq_epi8(v, lf)); });
#endif
    while (i < text.size() && text[i] != '\r' && text[i] != '\n') ++i;
    return i < text.size() ? i : text.size();
}

bool key_equals(std::string_view raw_key, std::string_view name) {
    if (raw_key.size() <= name.size()) return raw_key == name;
    return raw_key.find('\\') != std::string_view::npos && unescape(raw_key) == name;
}

std::string unescape(std::string_view raw) {
    std::string out;
    out.reserve(raw.size());
    std::size_t i = 0;
    while (i < raw.size()) {
        const std::size_t stop = raw.find('\\', i);
        out.append(raw.substr(i, stop - i));
        if (stop == std::string_view::npos) break;
        i = stop + 2;
        if (i > raw.size()) {
            append_utf8(out, 0xFFFD);
            break;
        }
        switch (raw[stop + 1]) {
            case '"': out += '"'; break;
            case '\\': out += '\\'; break;
            case '/': out += '/'; break;
            case 'b': out += '\b'; break;
            case 'f': out += '\f'; break;
            case 'n': out += '\n'; break;
            case 'r': out += '\r'; break;
            case 't': out += '\t'; break;
            case 'u': {
                const int first = hex4(raw, i);
                if (first < 0) {
                    append_utf8(out, 0xFFFD);
                    break;
                }
                i += 4;
                auto code = static_cast<std::uint32_t>(first);
                if (code >= 0xD800 && code < 0xDC00 && raw.substr(i, 2) == "\\u") {
                    const int second = hex4(raw, i + 2);
                    if (second >= 0xDC00 && second < 0xE000) {
                        code = 0x10000 + ((code - 0xD800) << 10) + (static_cast<std::uint32_t>(second) - 0xDC00);
                        i += 6;
                    }
                }
                append_utf8(out, code >= 0xD800 && code < 0xE000 ? 0xFFFD : code);
                break;
            }
            default: append_utf8(out, 0xFFFD); break;
        }
    }
    return out;
}

std::string string_value(std::string_view value) {
    if (value.size() < 2 || value.front() != '"' || value.back() != '"') return {};
    return unescape(value.substr(1, value.size() - 2));
}

std::optional<std::int64_t> to_int64(std::string_view value) {
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    if (value.empty()) return std::nullopt;
    const char* end = value.data() + value.size();
    std::int64_t number = 0;
    const auto whole = std::from_chars(value.data(), end, number);
    if (whole.ec == std::errc{} && whole.ptr == end) return number;
    double real = 0;
    const auto parsed = std::from_chars(value.data(), end, real);
    // 2^53: above it a double no longer holds every integer.
    if (parsed.ec != std::errc{} || parsed.ptr != end || std::floor(real) != real ||
        std::fabs(real) > 9007199254740992.0)
        return std::nullopt;
    return static_cast<std::int64_t>(real);
}

std::string_view find(std::string_view value, std::initializer_list<std::string_view> path) {
    for (std::string_view name : path) {
        Reader reader(value, Mode::trusting);
        if (reader.peek() != Kind::object || !reader.enter_object()) return {};
        std::string_view found;
        std::string_view key;
        while (reader.next_member(key)) {
            const std::string_view member = reader.skip();
            if (key_equals(key, name)) found = member;
        }
        if (found.empty()) return {};
        value = found;
    }
    return value;
}

std::string quote(std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(text.size() + 2);
    out += '"';
    std::size_t i = 0;
    while (i < text.size()) {
        const std::size_t stop = skip_plain(text, i);
        out.append(text.substr(i, stop - i));
        i = stop;
        if (i >= text.size()) break;
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x80) {
            const std::size_t length = utf8_length(text.substr(i));
            if (length == 0) {
                append_utf8(out, 0xFFFD);
                ++i;
            } else {
                out.append(text.substr(i, length));
                i += length;
            }
            continue;
        }
        ++i;
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                out += "\\u00";
                out += digits[c >> 4];
                out += digits[c & 15];
        }
    }
    out += '"';
    return out;
}

}  // namespace lurus::json
