#pragma once
// Standard output as a stream that remembers why it could not be written.

#include <array>
#include <ostream>
#include <streambuf>
#include <string>

namespace lurus {

/// Gathers what is written; on a terminal each line leaves at once. One for the process, and nobody else writes there.
class StandardOutput final : public std::ostream {
public:
    explicit StandardOutput(int descriptor = 1);
    ~StandardOutput() override;
    /// Why something could not be written; empty = all that was flushed is.
    [[nodiscard]] const std::string& problem() const { return buffer_.problem; }

private:
    struct Buffer final : std::streambuf {
        explicit Buffer(int to);
        int overflow(int c) override;
        std::streamsize xsputn(const char* text, std::streamsize size) override;
        int sync() override;

        const int descriptor;
        const bool by_lines;
        std::string problem;
        std::array<char, 1 << 14> bytes;
    } buffer_;
};

/// A reader that went away is an error of the write then, not the silent end of the process.
void outlive_broken_pipes();

}  // namespace lurus
