#pragma once
// The fields of a dialect's usage object that are counted, as small numbers.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>

namespace lurus::gateway {

/// A constant list, one for each dialect. A field's number is its place in it.
class UsageNames {
public:
    static constexpr std::size_t most = 32;
    static constexpr std::size_t longest = 32;

    consteval UsageNames(std::initializer_list<std::string_view> names) {
        for (const std::string_view name : names) names_.at(count_++) = name;
        std::uint8_t at = 0;
        for (std::size_t length = 0; length <= longest; ++length) {
            starts_[length] = at;
            for (std::uint8_t i = 0; i < count_; ++i) {
                if (names_[i].size() == length) by_length_[at++] = i;
            }
        }
        starts_[longest + 1] = at;
        if (at != count_) throw "a name is too long";
    }

    /// While compiling only: a name that is not in the list does not compile.
    [[nodiscard]] consteval std::uint8_t number(std::string_view name) const {
        std::uint8_t i = 0;
        while (i < count_ && names_[i] != name) ++i;
        if (i == count_) throw "no such field";
        return i;
    }

    /// The number of a key as written between its quotes; empty for a key that is none of them.
    [[nodiscard]] std::optional<std::uint8_t> find(std::string_view raw_key) const;

private:
    [[nodiscard]] std::optional<std::uint8_t> find_plain(std::string_view key) const;

    std::array<std::string_view, most> names_{};
    std::uint8_t count_ = 0;
    // The names of length n are by_length_[starts_[n]] up to by_length_[starts_[n + 1]].
    std::array<std::uint8_t, most> by_length_{};
    std::array<std::uint8_t, longest + 2> starts_{};
};

/// A field of that list by its name, looked up by the compiler.
template <const UsageNames& names>
struct UsageName {
    std::uint8_t id = 0;
    // Not explicit: a literal stands for its number.
    consteval UsageName(const char* name) : id(names.number(name)) {}
};

}  // namespace lurus::gateway
