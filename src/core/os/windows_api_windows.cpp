#include "core/os/windows_api.hpp"

namespace lurus::windows {

std::wstring wide(std::string_view utf8) {
    if (utf8.empty()) return {};
    const int size = static_cast<int>(utf8.size());
    const int needed = ::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), size, nullptr, 0);
    std::wstring out(static_cast<std::size_t>(needed), L'\0');
    ::MultiByteToWideChar(CP_UTF8, 0, utf8.data(), size, out.data(), needed);
    return out;
}

std::string utf8(std::wstring_view text) {
    if (text.empty()) return {};
    const int size = static_cast<int>(text.size());
    const int needed = ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, nullptr, 0, nullptr, nullptr);
    std::string out(static_cast<std::size_t>(needed), '\0');
    ::WideCharToMultiByte(CP_UTF8, 0, text.data(), size, out.data(), needed, nullptr, nullptr);
    return out;
}

std::string text_of_error(DWORD code) {
    wchar_t* raw = nullptr;
    constexpr DWORD how = FORMAT_MESSAGE_ALLOCATE_BUFFER | FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS;
    DWORD size = 0;
    for (const WORD language :
         {MAKELANGID(LANG_ENGLISH, SUBLANG_ENGLISH_US), MAKELANGID(LANG_NEUTRAL, SUBLANG_NEUTRAL)}) {
        if (size == 0)
            size = ::FormatMessageW(how, nullptr, code, language, reinterpret_cast<wchar_t*>(&raw), 0, nullptr);
    }
    const Local<wchar_t> owner(raw);
    std::string text = size == 0 ? std::string() : utf8({raw, size});
    while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ') || text.ends_with('.')) text.pop_back();
    return text.empty() ? "error " + std::to_string(code) : text;
}

}  // namespace lurus::windows
