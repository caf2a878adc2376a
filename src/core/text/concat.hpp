#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace lurus {

/// The parts as one text.
std::string concat(std::initializer_list<std::string_view> parts);

namespace concat_parts {

inline std::string_view of(std::string_view text) {
    return text;
}
// A literal's length is known to the compiler, also where it does not see the text.
template <std::size_t size>
std::string_view of(const char (&literal)[size]) {
    return {literal, size - 1};
}

}  // namespace concat_parts

/// Appends the parts, which are no views of `out`: it is asked for room once. An array of characters is a literal.
template <class... Parts>
void append_all(std::string& out, const Parts&... parts) {
    const std::size_t from = out.size();
    const std::size_t all = (from + ... + concat_parts::of(parts).size());
    out.resize_and_overwrite(all, [&](char* text, std::size_t) {
        char* to = text + from;
        const auto add = [&to](std::string_view part) { to += part.copy(to, part.size()); };
        (add(concat_parts::of(parts)), ...);
        return all;
    });
}

/// A number's digits as such a part.
class Decimal {
public:
    explicit Decimal(std::uint64_t number)
        : size_(static_cast<std::size_t>(std::to_chars(digits_, digits_ + sizeof digits_, number).ptr - digits_)) {}
    operator std::string_view() const { return {digits_, size_}; }

private:
    char digits_[20];  // of the largest
    std::size_t size_;
};

}  // namespace lurus
