#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/os/standard_output.hpp"

namespace lurus {

StandardOutput::StandardOutput(int descriptor) : std::ostream(nullptr), buffer_(descriptor) {
    rdbuf(&buffer_);
}

StandardOutput::~StandardOutput() {
    flush();
}

StandardOutput::Buffer::Buffer(int to) : descriptor(to), by_lines(::isatty(to) == 1) {
    setp(bytes.data(), bytes.data() + bytes.size());
}

int StandardOutput::Buffer::overflow(int c) {
    if (sync() != 0) return traits_type::eof();
    if (c == traits_type::eof()) return 0;
    *pptr() = static_cast<char>(c);
    pbump(1);
    return by_lines && c == '\n' && sync() != 0 ? traits_type::eof() : c;
}

std::streamsize StandardOutput::Buffer::xsputn(const char* text, std::streamsize size) {
    const std::streamsize done = std::streambuf::xsputn(text, size);
    const bool line = by_lines && std::string_view(text, static_cast<std::size_t>(size)).ends_with('\n');
    return line && sync() != 0 ? 0 : done;
}

int StandardOutput::Buffer::sync() {
    const char* at = pbase();
    while (at < pptr() && problem.empty()) {
        const auto n = ::write(descriptor, at, static_cast<std::size_t>(pptr() - at));
        if (n >= 0)
            at += n;
        else if (errno != EINTR)
            problem = std::strerror(errno);
    }
    // What could not be written is dropped: the stream is bad from here on.
    setp(bytes.data(), bytes.data() + bytes.size());
    return problem.empty() ? 0 : -1;
}

void outlive_broken_pipes() {
    ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace lurus
