#pragma once
// The line before a chunk of a chunked body, made without memory of its own.

#include <array>
#include <charconv>
#include <cstddef>
#include <string_view>

namespace lurus::gateway {

class ChunkSize {
public:
    explicit ChunkSize(std::size_t bytes) {
        char* end = std::to_chars(text_.data(), text_.data() + text_.size(), bytes, 16).ptr;
        *end++ = '\r';
        *end++ = '\n';
        size_ = static_cast<std::size_t>(end - text_.data());
    }
    /// A view into this.
    [[nodiscard]] std::string_view text() const { return {text_.data(), size_}; }

private:
    std::array<char, 2 * sizeof(std::size_t) + 2> text_;
    std::size_t size_ = 0;
};

}  // namespace lurus::gateway
