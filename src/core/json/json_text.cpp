#include <array>
#include <charconv>
#include <cmath>

#include "core/json/json_bytes.hpp"
#include "core/json/json_scan.hpp"

namespace lurus::json {
namespace {

using namespace bytes;

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

std::size_t find_escaped(std::string_view text, std::size_t from) {
    std::size_t i = from;
#ifdef LURUS_SSE2
    const __m128i quote_mark = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);
    i = find_first(text, i, [&](__m128i v) {
        const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(v, last_control), v);
        return _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(v, quote_mark), _mm_cmpeq_epi8(v, backslash)));
    });
#endif
    while (i < text.size() && text[i] != '"' && text[i] != '\\' && static_cast<unsigned char>(text[i]) >= 0x20) ++i;
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
    std::string out;
    out.reserve(text.size() + 2);
    append_quoted(out, text);
    return out;
}

void append_quoted(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789abcdef";
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
}

}  // namespace lurus::json
