// Whether a long text is UTF-8: 32 bytes a step where the processor has AVX2.

#include <cstdint>
#include <cstring>

#include "core/json/json_bytes.hpp"
#include "core/json/json_scan.hpp"

#ifdef LURUS_SSE2
#include <immintrin.h>
#endif

namespace lurus::json {
namespace {

using bytes::utf8_length;

bool valid_one_by_one(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = utf8_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

#ifdef LURUS_SSE2

// Keiser and Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2020), section 6. Two bytes that follow
// each other are wrong when the upper half of the first, its lower half and the upper half of the second have a bit of
// these in common.
constexpr int too_short = 1 << 0;   // a lead, then no continuation
constexpr int too_long = 1 << 1;    // ASCII, then a continuation
constexpr int overlong_3 = 1 << 2;  // E0, then less than A0
constexpr int too_large = 1 << 3;   // F4, then 90 or more; F5 to FF
constexpr int surrogate = 1 << 4;   // ED, then A0 or more
constexpr int overlong_2 = 1 << 5;  // C0, C1
constexpr int overlong_4 = 1 << 6;  // F0, then less than 90; F5 to FF, then 80 to 8F
constexpr int two_tails = 1 << 7;   // wrong unless a lead of three or four bytes stands before them
constexpr int any_lower = too_short | too_long | two_tails;

class Check {
public:
    [[gnu::target("avx2")]] void block(__m256i v) {
        const __m256i before = _mm256_permute2x128_si256(last_, v, 0x21);
        const __m256i one = _mm256_alignr_epi8(v, before, 15);  // at each byte the one before it
        const __m256i two = _mm256_alignr_epi8(v, before, 14);
        const __m256i three = _mm256_alignr_epi8(v, before, 13);
        const __m256i pair = _mm256_and_si256(
            _mm256_and_si256(
                look_up(upper_half(one), too_long, too_long, too_long, too_long, too_long, too_long, too_long, too_long,
                        two_tails, two_tails, two_tails, two_tails, too_short | overlong_2, too_short,
                        too_short | overlong_3 | surrogate, too_short | too_large | overlong_4),
                look_up(_mm256_and_si256(one, _mm256_set1_epi8(0x0F)), any_lower | overlong_3 | overlong_2 | overlong_4,
                        any_lower | overlong_2, any_lower, any_lower, any_lower | too_large, above_f4, above_f4,
                        above_f4, above_f4, above_f4, above_f4, above_f4, above_f4, above_f4 | surrogate, above_f4,
                        above_f4)),
            look_up(upper_half(v), too_short, too_short, too_short, too_short, too_short, too_short, too_short,
                    too_short, too_long | overlong_2 | two_tails | overlong_3 | overlong_4,
                    too_long | overlong_2 | two_tails | overlong_3 | too_large,
                    too_long | overlong_2 | two_tails | surrogate | too_large,
                    too_long | overlong_2 | two_tails | surrogate | too_large, too_short, too_short, too_short,
                    too_short));
        // Bit 7 is set where a third or fourth byte is due: exactly there two continuations in a row are right.
        const __m256i due = _mm256_or_si256(_mm256_subs_epu8(two, _mm256_set1_epi8(0xE0 - 0x80)),
                                            _mm256_subs_epu8(three, _mm256_set1_epi8(0xF0 - 0x80)));
        const __m256i tails = _mm256_and_si256(due, _mm256_set1_epi8(static_cast<char>(0x80)));
        wrong_ = _mm256_or_si256(wrong_, _mm256_xor_si256(pair, tails));
        last_ = v;
    }

    [[gnu::target("avx2")]] bool right() const { return _mm256_testz_si256(wrong_, wrong_) != 0; }

private:
    static constexpr int above_f4 = any_lower | too_large | overlong_4;

    [[gnu::target("avx2")]] static __m256i upper_half(__m256i v) {
        return _mm256_and_si256(_mm256_srli_epi16(v, 4), _mm256_set1_epi8(0x0F));
    }
    template <class... Bits>
    [[gnu::target("avx2")]] static __m256i look_up(__m256i index, Bits... table) {
        return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_setr_epi8(static_cast<char>(table)...)), index);
    }

    __m256i last_{};
    __m256i wrong_{};
};

[[gnu::target("avx2")]] bool valid_avx2(std::string_view text) {
    constexpr std::size_t step = 32;
    Check check;
    std::size_t i = 0;
    for (; i + step <= text.size(); i += step) {
        check.block(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(text.data() + i)));
    }
    // Zeros after the text make a sequence that is cut wrong; there is always one.
    char rest[step] = {};
    std::memcpy(rest, text.data() + i, text.size() - i);
    check.block(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(rest)));
    return check.right();
}

#endif

}  // namespace

bool is_utf8(std::string_view text) {
#ifdef LURUS_SSE2
    static const bool wide = __builtin_cpu_supports("avx2") != 0;
    if (wide) return valid_avx2(text);
#endif
    return valid_one_by_one(text);
}

}  // namespace lurus::json
