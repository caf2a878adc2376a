#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/os/standard_output.hpp"

namespace lurus {

StandardOutput::StandardOutput(int descriptor) : std::ostream(nullptr), buffer_(descriptor) {
    rdbuf(&buffer_);
}

StandardOutput::Buffer::Buffer(int to) : descriptor(to), by_lines(::isatty(to) == 1) {
    setp(bytes.data(), bytes.data() + bytes.size());
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
