#pragma once
// Names as lenient readers take them, who see no case, no width and nothing that is not printed. Pure functions.

#include <string>
#include <string_view>

namespace lurus {

/// Lower case of ASCII letters, of their full-width forms, of the long s and of the Kelvin sign; other text stays.
std::string folded(std::string_view text);

/// Only the letters and digits of what is folded, and what is not ASCII and can be seen, up to a NUL: `Mo_del\0x` gives
/// `model`.
std::string bare_name(std::string_view text);

/// Holds control characters, white space other than single spaces inside, characters that are not printed, or what is
/// no UTF-8, or stood for that (U+FFFD): readers trim, drop or replace these, and not all of them the same.
bool has_unseen(std::string_view text);

}  // namespace lurus
