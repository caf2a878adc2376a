#pragma once
// Arithmetic with the counts of a usage object: what is unknown stays unknown, nothing overflows or falls below zero.

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "core/json/json_scan.hpp"
#include "lurus/usage.hpp"

namespace lurus::gateway {

/// Empty = unknown.
using Count = std::optional<std::int64_t>;

/// Counts come from outside: a sum stops at the largest number.
std::int64_t add(std::int64_t a, std::int64_t b);
/// What only one of them says is the sum.
Count plus(Count a, Count b);
/// At least 0. An unknown part takes nothing away.
Count minus(Count whole, Count part);

/// Class by class; a class that neither has stays empty. For answers of several parts; `parts` is the caller's.
Usage sum(const Usage& a, const Usage& b);

/// A service tier with the speed and the region beside it, where they are other than usual: `standard` and `fast` are
/// `fast`, `standard` and `us` are `standard+us`.
std::string served(std::string_view tier, std::initializer_list<std::string_view> more);

template <class F>
void each_element(std::string_view array, F&& visit) {
    json::Reader reader(array, json::Mode::trusting);
    if (reader.peek() != json::Kind::array || !reader.enter_array()) return;
    while (reader.next_element()) {
        const std::string_view element = reader.skip();
        if (!reader.failed()) visit(element);
    }
}

}  // namespace lurus::gateway
