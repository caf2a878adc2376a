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
    static constexpr std::uint8_t most = 32;

    consteval UsageNames(std::initializer_list<std::string_view> names) {
        for (const std::string_view name : names) names_.at(count_++) = name;
        for (int tries = 0; !places_all(); ++tries) {
            if (tries == 500) throw "two names are not told apart";
            seed_ += 2;
        }
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
    static constexpr std::size_t places = 128;

    [[nodiscard]] std::optional<std::uint8_t> find_plain(std::string_view key) const;
    /// A number below `places`, of a key that is not empty.
    [[nodiscard]] constexpr std::size_t place_of(std::string_view key) const {
        const auto byte = [&](std::size_t at) { return std::uint32_t{static_cast<unsigned char>(key[at])}; };
        const std::size_t size = key.size();
        const std::uint32_t mixed = byte(0) | byte(size * 2 / 5) << 8 | byte(size * 3 / 5) << 16 | byte(size - 1) << 24;
        return (mixed + static_cast<std::uint32_t>(size) * 0x01010101U) * seed_ >> 25;
    }
    /// Gives each name a place. False: two of them would share one.
    consteval bool places_all() {
        at_place_.fill(most);
        for (std::uint8_t i = 0; i < count_; ++i) {
            std::uint8_t& place = at_place_.at(place_of(names_[i]));
            if (place != most) return false;
            place = i;
        }
        return true;
    }

    std::array<std::string_view, most> names_{};
    std::uint8_t count_ = 0;
    std::uint32_t seed_ = 0x9E3779B1;  // one by which no two names have the same place
    std::array<std::uint8_t, places> at_place_{};
};

/// A field of that list by its name, looked up by the compiler.
template <const UsageNames& names>
struct UsageName {
    std::uint8_t id = 0;
    // Not explicit: a literal stands for its number.
    consteval UsageName(const char* name) : id(names.number(name)) {}
};

}  // namespace lurus::gateway
