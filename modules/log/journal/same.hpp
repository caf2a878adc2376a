#pragma once
// What is compared for every row: names are short, and as a rule they are the same. Inlined always: each file has a
// copy, the linker keeps one, and a profile knows the calls of that one alone.

#include <cstdint>
#include <cstring>
#include <string_view>

#include "lurus/ids.hpp"

namespace lurus::log {

template <class Word>
bool same_words(const void* a, const void* b) {
    Word x, y;
    std::memcpy(&x, a, sizeof x);
    std::memcpy(&y, b, sizeof y);
    return x == y;
}

/// Of words that may overlap, the first and the last one.
template <class Word>
bool same_ends(std::string_view a, std::string_view b) {
    const std::size_t last = a.size() - sizeof(Word);
    return same_words<Word>(a.data(), b.data()) && same_words<Word>(a.data() + last, b.data() + last);
}

[[gnu::always_inline]] inline bool same(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    if (a.empty()) return true;
    if (a.size() < 4) return same_ends<std::uint8_t>(a, b) && a[a.size() / 2] == b[a.size() / 2];
    if (a.size() < 8) return same_ends<std::uint32_t>(a, b);
    if (a.size() <= 16) return same_ends<std::uint64_t>(a, b);
    return std::memcmp(a.data(), b.data(), a.size()) == 0;
}

[[gnu::always_inline]] inline bool same(const Id& a, const Id& b) {
    return same_words<std::uint64_t>(a.bytes.data(), b.bytes.data()) &&
           same_words<std::uint64_t>(a.bytes.data() + 8, b.bytes.data() + 8);
}

}  // namespace lurus::log
