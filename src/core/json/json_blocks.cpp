// The widest loops under the JSON reader, for long strings, chosen by what the processor has.

#include "core/json/json_bytes.hpp"

#ifdef LURUS_SSE2
#include <immintrin.h>

namespace lurus::json::bytes {
namespace {

constexpr std::size_t block = 128;

std::size_t skip_blocks_sse2(const char* data, std::size_t i, std::size_t size) {
    const __m128i backslash = _mm_set1_epi8('\\');
    // Flipping bit 1 takes the quote (0x22) below 0x21 and the space out of it; the rest below 0x21 stays there:
    // control characters, and as signed numbers all bytes with the high bit set.
    const __m128i flip = _mm_set1_epi8(2);
    const __m128i bound = _mm_set1_epi8(0x21);
    for (; i + block <= size; i += block) {
        __m128i any = _mm_setzero_si128();
        for (std::size_t at = 0; at < block; at += sizeof(__m128i)) {
            const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data + i + at));
            any = _mm_or_si128(any, _mm_cmplt_epi8(_mm_xor_si128(v, flip), bound));
            any = _mm_or_si128(any, _mm_cmpeq_epi8(v, backslash));
        }
        if (_mm_movemask_epi8(any) != 0) break;
    }
    return i;
}

[[gnu::target("avx2")]] std::size_t skip_blocks_avx2(const char* data, std::size_t i, std::size_t size) {
    const __m256i backslash = _mm256_set1_epi8('\\');
    const __m256i flip = _mm256_set1_epi8(2);
    const __m256i bound = _mm256_set1_epi8(0x21);
    for (; i + block <= size; i += block) {
        __m256i any = _mm256_setzero_si256();
        for (std::size_t at = 0; at < block; at += sizeof(__m256i)) {
            const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i + at));
            any = _mm256_or_si256(any, _mm256_cmpgt_epi8(bound, _mm256_xor_si256(v, flip)));
            any = _mm256_or_si256(any, _mm256_cmpeq_epi8(v, backslash));
        }
        if (_mm256_movemask_epi8(any) != 0) break;
    }
    return i;
}

// One bit for each of 64 bytes.
struct Masks {
    std::uint64_t backslash = 0;
    std::uint64_t stop = 0;  // quote or control character
    std::uint64_t high = 0;  // part of a sequence of UTF-8
};

[[gnu::target("avx2")]] inline std::uint64_t bits_of(__m256i low, __m256i high) {
    return static_cast<std::uint32_t>(_mm256_movemask_epi8(low)) |
           static_cast<std::uint64_t>(static_cast<std::uint32_t>(_mm256_movemask_epi8(high))) << 32;
}

// Bytes as numbers without a sign.
[[gnu::target("avx2")]] inline __m256i at_most(__m256i v, char bound) {
    return _mm256_cmpeq_epi8(_mm256_min_epu8(v, _mm256_set1_epi8(bound)), v);
}

[[gnu::target("avx2")]] inline Masks masks_of(__m256i a, __m256i b) {
    const __m256i backslash = _mm256_set1_epi8('\\');
    // Flipping bit 1 exchanges the quote (0x22) and the space: what must not stand in a string is then 0x20 and below.
    const __m256i flip = _mm256_set1_epi8(2);
    return {.backslash = bits_of(_mm256_cmpeq_epi8(a, backslash), _mm256_cmpeq_epi8(b, backslash)),
            .stop = bits_of(at_most(_mm256_xor_si256(a, flip), 0x20), at_most(_mm256_xor_si256(b, flip), 0x20)),
            .high = bits_of(a, b)};
}

// Which bytes may follow a backslash and stand for one character by themselves: each half of such a byte has a bit in
// common with the other in these tables (one bit for each of the upper halves 2, 5, 6 and 7), in no other byte.
[[gnu::target("avx2")]] inline __m256i simple_escapes(__m256i v) {
    const __m256i lower =
        _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 1 | 4 | 8, 0, 8, 0, 4, 0, 0, 0, 0, 0, 2, 0, 4, 1));
    const __m256i upper = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 0, 1, 0, 0, 2, 4, 8, 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i half = _mm256_set1_epi8(0x0F);
    const __m256i common =
        _mm256_and_si256(_mm256_shuffle_epi8(lower, _mm256_and_si256(v, half)),
                         _mm256_shuffle_epi8(upper, _mm256_and_si256(_mm256_srli_epi16(v, 4), half)));
    return _mm256_cmpgt_epi8(common, _mm256_setzero_si256());
}

// Of the bytes after a backslash those that it escapes; `carry` is 1 when the byte before the block escapes its first,
// and is left for the next block.
inline std::uint64_t escaped_of(std::uint64_t backslash, std::uint64_t& carry) {
    // A run of backslashes that starts on an odd bit, added to, ends where one on an even bit does not: adding finds
    // all ends at once (Langdale and Lemire, "Parsing Gigabytes of JSON per Second", section 3.1.1).
    constexpr std::uint64_t even = 0x5555'5555'5555'5555;
    backslash &= ~carry;
    const std::uint64_t follows = backslash << 1 | carry;
    const std::uint64_t odd_starts = backslash & ~even & ~follows;
    std::uint64_t ends = 0;
    carry = __builtin_add_overflow(odd_starts, backslash, &ends) ? 1 : 0;
    return (even ^ ends << 1) & follows;
}

[[gnu::target("avx2")]] inline __m256i hex_digits(__m256i v) {
    const __m256i digit = at_most(_mm256_sub_epi8(v, _mm256_set1_epi8('0')), 9);
    const __m256i lower = _mm256_or_si256(v, _mm256_set1_epi8(0x20));
    return _mm256_or_si256(digit, at_most(_mm256_sub_epi8(lower, _mm256_set1_epi8('a')), 5));
}

// What one block leaves for the next: whether its last byte escapes, and which bytes must still be digits of a \u.
struct Carry {
    std::uint64_t escape = 0;
    std::uint64_t digits = 0;
};

// Of the bytes after a backslash those that cannot stay, and those where a \u lacks a digit.
[[gnu::target("avx2")]] inline std::uint64_t bad_escapes(__m256i a, __m256i b, std::uint64_t escaped, Carry& carry) {
    const __m256i u = _mm256_set1_epi8('u');
    const std::uint64_t units = escaped & bits_of(_mm256_cmpeq_epi8(a, u), _mm256_cmpeq_epi8(b, u));
    std::uint64_t bad = escaped & ~units & ~bits_of(simple_escapes(a), simple_escapes(b));
    if ((units | carry.digits) != 0) {
        const std::uint64_t needed = carry.digits | units << 1 | units << 2 | units << 3 | units << 4;
        bad |= needed & ~bits_of(hex_digits(a), hex_digits(b));
        carry.digits = units >> 63 | units >> 62 | units >> 61 | units >> 60;
    }
    return bad;
}

[[gnu::target("avx2")]] std::size_t skip_text_avx2(const char* data, std::size_t i, std::size_t size, bool valid_utf8) {
    constexpr std::size_t step = 64;
    // From within an escape back to its backslash: no other is between them.
    auto backslash_before = [data](std::size_t at) {
        do {
            --at;
        } while (data[at] != '\\');
        return at;
    };
    Carry carry;
    for (; i + step <= size; i += step) {
        const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i));
        const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data + i + step / 2));
        const Masks masks = masks_of(a, b);
        std::uint64_t stop = masks.stop;
        std::uint64_t bad = 0;
        if ((masks.backslash | carry.escape | carry.digits) != 0) {
            const std::uint64_t escaped = escaped_of(masks.backslash, carry.escape);
            bad = bad_escapes(a, b, escaped, carry);
            stop = (stop & ~escaped) | bad;
        }
        if (!valid_utf8) stop |= masks.high;
        if (stop != 0) {
            const auto at = static_cast<std::size_t>(std::countr_zero(stop));
            return (bad >> at & 1) != 0 ? backslash_before(i + at) : i + at;
        }
    }
    return (carry.escape | carry.digits) != 0 ? backslash_before(i) : i;
}

}  // namespace

std::size_t skip_text_blocks(std::string_view text, std::size_t i, bool valid_utf8) {
    static const bool wide = __builtin_cpu_supports("avx2") != 0;
    return wide ? skip_text_avx2(text.data(), i, text.size(), valid_utf8) : i;
}

std::size_t skip_plain_blocks(const char* data, std::size_t i, std::size_t size) {
    static const bool wide = __builtin_cpu_supports("avx2") != 0;
    return wide ? skip_blocks_avx2(data, i, size) : skip_blocks_sse2(data, i, size);
}

}  // namespace lurus::json::bytes

#endif
