// Any bytes in any list of codings: bounded output, progress until the end, and the same in every split. The first byte
// chooses the codings, the second how the rest is split.

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "core/http/content_coding.hpp"

using namespace lurus;

namespace {

constexpr std::uint64_t limit = 1 << 20;
constexpr const char* lists[] = {"gzip",     "deflate",           "br",           "zstd", "gzip, gzip",
                                 "br, zstd", "deflate, gzip, br", "zstd, deflate"};

struct Outcome {
    ContentDecoder::State state = ContentDecoder::State::good;
    bool whole = false;
    std::string text;
};

Outcome decode(const ContentCodings& codings, std::string_view body, std::size_t step, std::size_t room) {
    ContentDecoder decoder(codings, limit);
    Outcome out;
    std::string piece(room, '\0');
    for (std::size_t at = 0; at < body.size(); at += step) {
        std::string_view rest = body.substr(at, step);
        for (bool more = true; more;) {
            const auto did = decoder.decode(rest, piece);
            if (did.consumed > rest.size() || did.produced > room) std::abort();
            rest.remove_prefix(did.consumed);
            out.text.append(piece, 0, did.produced);
            if (out.text.size() > limit) std::abort();
            out.state = did.state;
            if (did.state != ContentDecoder::State::good) return out;
            more = !rest.empty() || did.produced == room;
            if (more && did.consumed + did.produced == 0) std::abort();
        }
    }
    out.whole = decoder.whole();
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    http1::ResponseHead head;
    head.fields = {{"content-encoding", lists[data[0] % std::size(lists)]}};
    const ContentCodings codings = content_codings(head);
    if (!codings.unknown.empty()) std::abort();
    const std::string_view body(reinterpret_cast<const char*>(data) + 2, size - 2);
    const Outcome once = decode(codings, body, size, 32768);
    const Outcome split = decode(codings, body, 1 + data[1] % 29, 1 + data[1] * 7u);
    using enum ContentDecoder::State;
    // zstd looks at a frame's window only where it does not see all of the frame at once.
    const bool same = std::string_view(head.fields[0].value).find("zstd") == std::string_view::npos;
    if (same && (once.state == good) != (split.state == good)) std::abort();
    if (once.state == good && split.state == good && (once.whole != split.whole || once.text != split.text))
        std::abort();
    return 0;
}
