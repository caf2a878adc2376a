#pragma once
// Text of protocols, where only ASCII letters have a case and only space and tab are blank: field names, tokens,
// schemes.

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace lurus {

namespace ascii {

constexpr std::uint64_t each(std::uint64_t byte) {
    return byte * 0x0101010101010101u;
}

// Eight bytes: whether they differ by more than the case of letters. Each file has a copy, the linker keeps one, and a
// profile knows the calls of that one alone: left to itself, GCC takes the others for code that never runs.
[[gnu::always_inline]] inline bool differ(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t difference = a ^ b;
    if (difference == 0) return false;
    if ((difference & ~each(0x20)) != 0) return true;
    const std::uint64_t low = (a | each(0x20)) & each(0x7f);
    const std::uint64_t letters = (low + each(0x80 - 'a')) & ~(low + each(0x7f - 'z')) & ~a & each(0x80);
    return ((difference << 2) & ~letters) != 0;
}

template <class Word>
std::uint64_t load(const char* at) {
    Word word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

}  // namespace ascii

constexpr bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string lower_case(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = lower(c);
    return out;
}

/// Without the blanks around it: the OWS of RFC 9110.
constexpr std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

inline bool iequals(std::string_view a, std::string_view b) {
    const std::size_t size = a.size();
    if (size != b.size()) return false;
    const char* x = a.data();
    const char* y = b.data();
    using ascii::differ, ascii::load;
    if (size >= 8) {
        for (std::size_t i = 0; i + 8 < size; i += 8)
            if (differ(load<std::uint64_t>(x + i), load<std::uint64_t>(y + i))) return false;
        return !differ(load<std::uint64_t>(x + size - 8), load<std::uint64_t>(y + size - 8));
    }
    if (size >= 4)
        return !differ(load<std::uint32_t>(x) | load<std::uint32_t>(x + size - 4) << 32,
                       load<std::uint32_t>(y) | load<std::uint32_t>(y + size - 4) << 32);
    for (std::size_t i = 0; i < size; ++i)
        if (differ(static_cast<unsigned char>(x[i]), static_cast<unsigned char>(y[i]))) return false;
    return true;
}
/// The same of the beginning.
inline bool istarts_with(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

}  // namespace lurus
