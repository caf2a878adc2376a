#pragma once
// Standard output as a stream that remembers why it could not be written.

#include <array>
#include <ostream>
#include <streambuf>
#include <string>
#include <string_view>

namespace lurus {

/// Gathers what is written; on a terminal each line leaves at once. One for the process, and nobody else writes there.
class StandardOutput final : public std::ostream {
public:
    explicit StandardOutput(int descriptor = 1);
    ~StandardOutput() override { flush(); }
    /// Why something could not be written; empty = all that was flushed is.
    [[nodiscard]] const std::string& problem() const { return buffer_.problem; }

private:
    struct Buffer final : std::streambuf {
        explicit Buffer(int to);
        int overflow(int c) override {
            if (sync() != 0) return traits_type::eof();
            if (c == traits_type::eof()) return 0;
            *pptr() = static_cast<char>(c);
            pbump(1);
            return by_lines && c == '\n' && sync() != 0 ? traits_type::eof() : c;
        }
        std::streamsize xsputn(const char* text, std::streamsize size) override {
            const std::streamsize done = std::streambuf::xsputn(text, size);
            const bool line = by_lines && std::string_view(text, static_cast<std::size_t>(size)).ends_with('\n');
            return line && sync() != 0 ? 0 : done;
        }
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
