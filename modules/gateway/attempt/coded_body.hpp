#pragma once
// The body of an answer that is compressed though nobody asked for it, on its way to those who read it: a read's bytes
// come in, pieces of what they say go out. Memory: those bytes, one piece, and the decoder's windows.

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/http/content_coding.hpp"

namespace lurus::gateway {

class CodedBody {
public:
    explicit CodedBody(const ContentCodings& codings);

    /// The next bytes, which are copied. All that came before is decoded: pending() is false.
    void add(std::string_view bytes);
    /// There may be more to take.
    [[nodiscard]] bool pending() const { return pending_; }
    /// The next piece, which may be empty; good until the next call. Nothing: the body is damaged.
    std::optional<std::string_view> next();
    /// What came is a whole body.
    [[nodiscard]] bool whole() const { return decoder_.whole(); }

private:
    ContentDecoder decoder_;
    std::string bytes_;
    std::size_t at_ = 0;
    bool pending_ = false;
    std::array<char, 32 * 1024> piece_;
};

/// Takes the coding of an answer off its head, and makes what takes it off its body. Null: it has none, or one that
/// stays: an unknown one, or that of bytes that nobody reads along (`read`) and the client takes.
std::unique_ptr<CodedBody> take_coding_off(http1::ResponseHead& answer, const http1::Head& request, bool read);

}  // namespace lurus::gateway
