#pragma once
// Names of files are UTF-8 in strings. libstdc++ gives them so on Windows (`path::string`), but reads them in the C
// locale's encoding, which knows ASCII alone: there a path is made of a string by this, in every source.

#include <filesystem>

#ifdef _GLIBCXX_FILESYSTEM_IS_WINDOWS

#include <string>
#include <string_view>

namespace lurus::windows {
/// What is not UTF-8 becomes U+FFFD.
std::wstring wide(std::string_view utf8);
}  // namespace lurus::windows

template <>
inline auto std::filesystem::path::_S_convert<char>(const char* first, const char* last) {
    return lurus::windows::wide(std::string_view(first, static_cast<std::size_t>(last - first)));
}

#endif
