#pragma once
// Identifiers: 16 bytes; ours are UUIDv7 (RFC 9562 §5.7). A request's id doubles as the W3C trace id.

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lurus {

struct Id {
    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Id&) const = default;
    [[nodiscard]] bool is_zero() const;
    /// 32 lower-case hex digits: the form of a W3C trace id, used everywhere outside.
    [[nodiscard]] std::string hex() const;
    /// The same without its end, into 32 bytes of memory.
    void write_hex(char* out) const;
    /// Takes 32 hex digits, with or without a UUID's dashes, in either case.
    static std::optional<Id> parse(std::string_view text);
    /// A UUIDv7 of that time, in which all other bits are zero. Takes times from 1970 on.
    static Id of_unix_ms(std::int64_t ms);
    /// Milliseconds since the epoch from the first 48 bits; means something for a UUIDv7 only.
    [[nodiscard]] std::int64_t unix_ms() const;
};

/// Makes UUIDv7s that grow strictly within one generator. Not thread-safe: one per shard or per store.
class IdGenerator {
public:
    /// `seed` makes tests repeatable; 0 takes the operating system's entropy.
    explicit IdGenerator(std::uint64_t seed = 0);
    /// `unix_us`: UTC microseconds, from the caller's Clock.
    Id next(std::int64_t unix_us);
    /// One that carries exactly this time, in no order with others of it. Takes times from 1970 on.
    Id at(std::int64_t unix_us);

private:
    std::uint64_t random();
    std::uint64_t state_[4];
    std::int64_t last_ms_ = 0;
    std::uint32_t counter_ = 0;
};

}  // namespace lurus
