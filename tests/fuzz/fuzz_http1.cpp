#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/http/http1.hpp"

namespace {

using namespace lurus::http1;
constexpr std::size_t limit = 4096;

void require(bool holds) {
    if (!holds) std::abort();
}

bool within(std::string_view part, std::string_view whole) {
    return part.empty() || (part.data() >= whole.data() && part.data() + part.size() <= whole.data() + whole.size());
}

void check_fields(const Head& head, std::string_view whole) {
    for (const Field& field : head.fields) {
        require(within(field.name, whole) && within(field.value, whole) && !field.name.empty());
        require(field.value.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos);
        require(field.name.find_first_of(": \t\r\n") == std::string_view::npos);
    }
    require(!(head.chunked && head.content_length));
}

struct Body {
    std::string payload;
    std::size_t consumed = 0;
    bool done = false;
    bool failed = false;
    bool operator==(const Body&) const = default;
};

Body read_body(BodyKind kind, std::uint64_t length, std::string_view bytes, std::size_t step) {
    BodyFramer framer(kind, length);
    Body body;
    std::size_t end = 0;
    while (!framer.done() && !body.failed) {
        if (end == bytes.size() && body.consumed == end) break;
        end = std::min(bytes.size(), end + step);
        while (body.consumed < end) {
            const auto got = framer.feed(bytes.substr(body.consumed, end - body.consumed));
            require(within(got.payload, bytes));
            body.payload += got.payload;
            body.consumed += got.consumed;
            body.failed = got.error != nullptr;
            if (got.consumed == 0) break;
        }
        require(body.consumed == end || framer.done() || body.failed);
    }
    body.done = framer.done();
    return body;
}

void check_body(BodyKind kind, std::uint64_t length, std::string_view bytes, std::size_t step) {
    const Body whole = read_body(kind, length, bytes, bytes.size() + 1);
    require(whole == read_body(kind, length, bytes, 1));
    require(whole == read_body(kind, length, bytes, step));
}

/// What was read, written out again in the plainest way, must read the same.
template <class H, class Parse>
void check_again(const H& head, std::string start, Parse parse) {
    for (const Field& field : head.fields) start.append(field.name).append(": ").append(field.value).append("\r\n");
    start += "\r\n";
    H again;
    const HeadResult result = parse(start, start.size(), again);
    require(result.state == HeadResult::State::complete && result.consumed == start.size());
    require(again.fields.size() == head.fields.size() && again.chunked == head.chunked);
    require(again.content_length == head.content_length && again.keep_alive == head.keep_alive);
}

template <class H, class Parse, class Start, class Kind>
void check(std::string_view bytes, std::size_t split, Parse parse, Start start, Kind kind) {
    H head;
    const std::string before(bytes.substr(0, split));
    const HeadResult early = parse(before, limit, head);
    const HeadResult result = parse(bytes, limit, head);
    if (early.state == HeadResult::State::complete) require(result.consumed == early.consumed);
    if (early.state == HeadResult::State::bad) require(result.state == HeadResult::State::bad);
    if (result.state == HeadResult::State::bad) require(result.why != nullptr && result.status >= 400);
    if (result.state != HeadResult::State::complete) return;
    require(result.consumed <= bytes.size() && result.consumed <= limit);
    const std::string_view whole = bytes.substr(0, result.consumed);
    require(whole.ends_with("\r\n\r\n"));
    check_fields(head, whole);
    check_again(head, start(head), parse);
    check_body(kind(head), head.content_length.value_or(0), bytes.substr(result.consumed), 1 + split % 7);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t split = bytes.empty() ? 0 : data[1] * bytes.size() / 256;
    switch (data[0] % 3) {
        case 0:
            check<RequestHead>(
                bytes, split, parse_request_head,
                [](const RequestHead& head) {
                    return std::string(head.method)
                        .append(" ")
                        .append(head.target)
                        .append(head.minor_version == 1 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n");
                },
                [](const RequestHead& head) { return body_kind(head); });
            break;
        case 1:
            check<ResponseHead>(
                bytes, split, parse_response_head,
                [](const ResponseHead& head) {
                    return std::string(head.minor_version == 1 ? "HTTP/1.1 " : "HTTP/1.0 ")
                        .append(std::to_string(head.status))
                        .append(" ")
                        .append(head.reason)
                        .append("\r\n");
                },
                [](const ResponseHead& head) { return body_kind(head, "POST"); });
            break;
        default: check_body(BodyKind::chunked, 0, bytes, 1 + split % 7);
    }
    return 0;
}
