#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "core/http/websocket_frames.hpp"

namespace {

using namespace lurus::websocket;

void require(bool holds) {
    if (!holds) std::abort();
}

struct Seen {
    Step::Kind kind;
    Opcode opcode;
    bool readable;
    std::uint64_t size;
    std::uint16_t code;
    std::string payload;
    bool operator==(const Seen&) const = default;
};

struct Run {
    std::vector<Seen> seen;
    std::size_t consumed = 0;
    bool bad = false;
    bool operator==(const Run&) const = default;
};

Run read(Sender sender, std::size_t max_text, std::string_view bytes, std::size_t step) {
    FrameReader reader(sender, max_text);
    Run run;
    std::size_t end = 0;
    while (end < bytes.size() && !run.bad) {
        end = std::min(bytes.size(), end + step);
        while (!run.bad) {
            const Step got = reader.feed(bytes.substr(run.consumed, end - run.consumed));
            run.consumed += got.consumed;
            require(run.consumed <= end);
            if (got.kind == Step::Kind::none) break;
            run.bad = got.kind == Step::Kind::bad;
            require(run.bad == (got.error != nullptr));
            require(got.payload.size() <= std::max<std::size_t>(max_text, 125));
            if (got.readable) require(got.payload.size() == got.size);
            run.seen.push_back(
                {got.kind, got.opcode, got.readable, got.size, got.close_code, std::string(got.payload)});
        }
        require(run.bad || run.consumed == end);
    }
    return run;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const Sender sender = (data[0] & 1U) != 0 ? Sender::client : Sender::server;
    const std::size_t max_text = data[1];
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const Run whole = read(sender, max_text, bytes, bytes.size() + 1);
    require(whole == read(sender, max_text, bytes, 1));
    require(whole == read(sender, max_text, bytes, 1 + (data[0] >> 1U) % 9));

    const Run again = read(Sender::client, ~std::size_t{0}, make_frame(Opcode::text, bytes, {{1, 2, 3, data[1]}}), 3);
    require(again.seen.size() == 1 && again.seen[0].payload == bytes);
    return 0;
}
