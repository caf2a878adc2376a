#include <algorithm>
#include <string_view>

#include "core/os/standard_output.hpp"
#include "core/os/windows_api.hpp"

namespace lurus {
namespace {

HANDLE handle_of_output(int descriptor) {
    return ::GetStdHandle(descriptor == 2 ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
}

bool is_console(HANDLE handle) {
    DWORD mode = 0;
    return ::GetConsoleMode(handle, &mode) != 0;
}

// How many bytes of a character are there whose others are not, at the end of the text.
std::size_t begun_character(std::string_view text) {
    for (std::size_t n = 1; n <= std::min<std::size_t>(3, text.size()); ++n) {
        const auto c = static_cast<unsigned char>(text[text.size() - n]);
        if ((c & 0xc0) == 0x80) continue;
        const std::size_t wanted = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
        return wanted > n ? n : 0;
    }
    return 0;
}

// False with the last error set. Of what is written the text is made shorter.
bool write_some(HANDLE to, std::string_view& text) {
    constexpr std::size_t most = 8192;  // old consoles refuse more than 64 KiB in one call
    std::string_view part = text.substr(0, most);
    DWORD written = 0;
    if (!is_console(to)) {
        if (::WriteFile(to, part.data(), static_cast<DWORD>(part.size()), &written, nullptr) == 0) return false;
        text.remove_prefix(written);
        return true;
    }
    if (part.size() < text.size()) part.remove_suffix(begun_character(part));
    const std::wstring shown = windows::wide(part);
    text.remove_prefix(part.size());
    for (std::wstring_view left = shown; !left.empty(); left.remove_prefix(written)) {
        if (::WriteConsoleW(to, left.data(), static_cast<DWORD>(left.size()), &written, nullptr) == 0) return false;
    }
    return true;
}

std::string problem_of(DWORD code) {
    const bool nobody_reads = code == ERROR_BROKEN_PIPE || code == ERROR_NO_DATA || code == ERROR_PIPE_NOT_CONNECTED;
    return nobody_reads ? "Broken pipe" : windows::text_of_error(code);
}

}  // namespace

StandardOutput::StandardOutput(int descriptor) : std::ostream(nullptr), buffer_(descriptor) {
    rdbuf(&buffer_);
    // So that colours are colours, and what goes to the console as bytes is read as what it is.
    for (const DWORD which : {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE}) {
        const HANDLE console = ::GetStdHandle(which);
        DWORD mode = 0;
        if (::GetConsoleMode(console, &mode) == 0) continue;
        ::SetConsoleMode(console, mode | ENABLE_PROCESSED_OUTPUT | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
        ::SetConsoleOutputCP(CP_UTF8);
    }
}

StandardOutput::Buffer::Buffer(int to) : descriptor(to), by_lines(is_console(handle_of_output(to))) {
    setp(bytes.data(), bytes.data() + bytes.size());
}

int StandardOutput::Buffer::sync() {
    std::string_view left(pbase(), static_cast<std::size_t>(pptr() - pbase()));
    // The rest of a character that the buffer's end cut comes with what is written next.
    const std::size_t kept = by_lines ? begun_character(left) : 0;
    std::array<char, 4> rest{};
    std::copy(left.end() - static_cast<std::ptrdiff_t>(kept), left.end(), rest.begin());
    left.remove_suffix(kept);
    while (!left.empty() && problem.empty()) {
        if (!write_some(handle_of_output(descriptor), left)) problem = problem_of(::GetLastError());
    }
    // What could not be written is dropped: the stream is bad from here on.
    setp(bytes.data(), bytes.data() + bytes.size());
    std::copy_n(rest.begin(), kept, pptr());
    pbump(static_cast<int>(kept));
    return problem.empty() ? 0 : -1;
}

// No signal comes here.
void outlive_broken_pipes() {}

}  // namespace lurus
