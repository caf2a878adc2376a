#pragma once
// Money is an integer of nano-US-dollars, a price an integer of pico-US-dollars per unit. Never a double.

#include <compare>
#include <cstdint>

namespace lurus {

/// Nano-US-dollars (1e-9 USD). Range about ±9.2 billion dollars.
struct Money {
    std::int64_t nano_usd = 0;
    auto operator<=>(const Money&) const = default;
    Money& operator+=(Money other) {
        nano_usd += other.nano_usd;
        return *this;
    }
    friend Money operator+(Money a, Money b) { return Money{a.nano_usd + b.nano_usd}; }
};

/// Pico-US-dollars (1e-12 USD) per unit: per token, per image, per search. 1 USD per million tokens = 1'000'000.
struct Price {
    std::int64_t pico_usd = 0;
    auto operator<=>(const Price&) const = default;
};

}  // namespace lurus
