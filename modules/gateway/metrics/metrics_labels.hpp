#pragma once
// How a series' labels are kept: their values in order, joined by a character that is in none of them.

namespace lurus::gateway {

constexpr char label_separator = '\x1f';

}  // namespace lurus::gateway
