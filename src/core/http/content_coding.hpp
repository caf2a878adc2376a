#pragma once
// Content codings (RFC 9110 §8.4): gzip, deflate, br and zstd, taken off piece by piece. Sans-I/O. Memory of one
// decoder: its codings' windows, at most 16 MiB each, and 16 KiB between two of them, whatever the input says. What an
// input decodes to is bounded by the caller's buffers and, through all codings of a list, by a limit.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "core/http/http1.hpp"

namespace lurus {

enum class ContentCoding : std::uint8_t { gzip, deflate, br, zstd };

/// What the `Content-Encoding` fields of a head say, in the order in which the codings were applied. `identity` is
/// none.
struct ContentCodings {
    static constexpr std::size_t most = 3;

    std::array<ContentCoding, most> list{};
    std::size_t count = 0;
    std::string unknown;  // the first that cannot be taken off, or is one too many; empty = all can

    [[nodiscard]] bool none() const { return count == 0 && unknown.empty(); }
};
ContentCodings content_codings(const http1::Head& head);

/// Whether a client that sent these `Accept-Encoding` fields asked for each of the codings by its name or by `*`.
bool asks_for(const http1::Head& head, const ContentCodings& codings);

/// The codings that content_codings() knows, as a field's value.
inline constexpr std::string_view known_codings = "gzip, deflate, br, zstd";

/// Takes a list of codings off one body. One thread at a time.
class ContentDecoder {
public:
    class Stage;

    /// `limit`: bytes that the body, and what lies between its codings, may decode to.
    ContentDecoder(const ContentCodings& codings, std::uint64_t limit);
    ~ContentDecoder();
    ContentDecoder(ContentDecoder&&) noexcept;
    ContentDecoder& operator=(ContentDecoder&&) noexcept;

    enum class State : std::uint8_t { good, damaged, too_large };
    struct Step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
        State state = State::good;
    };
    /// Decodes into `out` until the input is used up and nothing more of it can be said, or `out` is full. Call again
    /// with what was not consumed, which may be nothing, as long as `out` was filled.
    Step decode(std::string_view in, std::span<char> out);
    /// The body may end here: each coding's own end has come, or nothing came at all.
    [[nodiscard]] bool whole() const;

private:
    struct Between {
        std::string bytes;
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    std::array<std::unique_ptr<Stage>, ContentCodings::most> stages_;  // the coding that was applied last is first
    std::array<std::uint64_t, ContentCodings::most> left_{};           // of the limit, of each
    std::array<Between, ContentCodings::most - 1> between_;
    std::size_t count_ = 0;
};

}  // namespace lurus
