#pragma once
// The byte searches under the JSON reader: SSE2 where there is any (AVX2 for long strings), else plain loops.

#include <bit>
#include <cstddef>
#include <string_view>

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define LURUS_SSE2 1
#endif

namespace lurus::json::bytes {

constexpr int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
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

#ifdef LURUS_SSE2
/// Steps over whole blocks of plain bytes.
std::size_t skip_plain_blocks(const char* data, std::size_t i, std::size_t size);
/// Inside a string, from a byte that no backslash escapes: steps over what needs no look, good escapes included, and
/// UTF-8 where all that is left of the text is known to be valid. Ends at the string's end, at an error (of an escape:
/// at its backslash) or less than 70 bytes before the text's end; at `i` where it cannot help.
std::size_t skip_text_blocks(std::string_view text, std::size_t i, bool valid_utf8);
#else
inline std::size_t skip_text_blocks(std::string_view, std::size_t i, bool) {
    return i;
}
#endif

inline std::size_t skip_plain(std::string_view text, std::size_t i) {
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
    if (i + 256 <= text.size()) i = skip_plain_blocks(data, i, text.size());
    i = find_first(text, i, special);
#endif
    while (i < text.size() && is_plain(static_cast<unsigned char>(text[i]))) ++i;
    return i;
}

// The length of the UTF-8 sequence at the start, 0 when there is no valid one (overlong, surrogate, cut, above
// U+10FFFF).
inline std::size_t utf8_length(std::string_view s) {
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

}  // namespace lurus::json::bytes
