#include "core/http/http1.hpp"

#include <algorithm>

namespace lurus::http1 {
namespace {

constexpr std::uint8_t max_size_digits = 16;
constexpr std::uint16_t max_extension = 1024;  // bytes, of one chunk
constexpr std::uint16_t max_trailers = 16384;  // bytes, all of them

bool is_text(unsigned char c) {
    return (c >= 0x20 && c != 0x7f) || c == '\t';
}

bool is_token(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != 0 && std::string_view("!#$%&'*+-.^_`|~").find(static_cast<char>(c)) != std::string_view::npos);
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

}  // namespace

BodyKind body_kind(const RequestHead& head) {
    if (head.chunked) return BodyKind::chunked;
    return head.content_length.value_or(0) != 0 ? BodyKind::length : BodyKind::none;
}

BodyKind body_kind(const ResponseHead& head, std::string_view request_method) {
    if (request_method == "HEAD" || head.status < 200 || head.status == 204 || head.status == 304)
        return BodyKind::none;
    if (head.chunked) return BodyKind::chunked;
    if (!head.content_length) return BodyKind::until_close;
    return *head.content_length != 0 ? BodyKind::length : BodyKind::none;
}

BodyFramer::BodyFramer(BodyKind kind, std::uint64_t length) {
    switch (kind) {
        case BodyKind::none: break;
        case BodyKind::length:
            state_ = length != 0 ? State::length : State::done;
            left_ = length;
            break;
        case BodyKind::chunked: state_ = State::size_start; break;
        case BodyKind::until_close: state_ = State::until_close; break;
    }
}

void BodyFramer::fail(const char* why) {
    state_ = State::failed;
    why_ = why;
}

BodyFramer::Step BodyFramer::feed(std::string_view bytes) {
    Step step;
    std::size_t at = 0;
    while (at < bytes.size() && state_ != State::done && state_ != State::failed) {
        if (state_ == State::length || state_ == State::data || state_ == State::until_close) {
            if (!step.payload.empty()) break;
            step.payload = take(bytes.substr(at));
            at += step.payload.size();
        } else if (frame(bytes[at])) {
            ++at;
        }
    }
    step.consumed = at;
    // Payload before the fault is still delivered; the faulty byte stays and the next call reports it.
    if (state_ == State::failed && step.payload.empty()) step.error = why_;
    return step;
}

std::string_view BodyFramer::take(std::string_view bytes) {
    if (state_ == State::until_close) return bytes;
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    left_ -= n;
    if (left_ == 0) state_ = state_ == State::data ? State::data_cr : State::done;
    return bytes.substr(0, n);
}

/// Takes one byte of a chunked body's framing; false when it is refused.
bool BodyFramer::frame(char byte) {
    const auto refuse = [this](const char* why) {
        fail(why);
        return false;
    };
    const auto expect = [&](char wanted, State next, const char* why) {
        if (byte != wanted) return refuse(why);
        state_ = next;
        return true;
    };
    const auto skip = [&](std::uint16_t limit, const char* why) { return ++skipped_ <= limit || refuse(why); };

    switch (state_) {
        case State::size_start:
            left_ = 0;
            digits_ = 0;
            skipped_ = 0;
            if (hex_digit(byte) < 0) return refuse("a chunk has no size");
            state_ = State::size;
            [[fallthrough]];
        case State::size:
            if (const int digit = hex_digit(byte); digit >= 0) {
                if (++digits_ > max_size_digits) return refuse("a chunk's size is too long");
                left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
                return true;
            }
            if (byte == ';') {
                state_ = State::extension;
                return true;
            }
            return expect('\r', State::size_lf, "a chunk's size is invalid");
        case State::extension:
            if (is_text(static_cast<unsigned char>(byte)))
                return skip(max_extension, "a chunk's extension is too long");
            return expect('\r', State::size_lf, "a chunk's extension has a control character");
        case State::size_lf:
            skipped_ = 0;
            return expect('\n', left_ != 0 ? State::data : State::trailer_start, "CR without LF after a chunk's size");
        case State::data_cr: return expect('\r', State::data_lf, "a chunk is longer than its size");
        case State::data_lf: return expect('\n', State::size_start, "CR without LF after a chunk");
        case State::trailer_start:
            if (byte == '\r') {
                state_ = State::end_lf;
                return true;
            }
            if (!is_token(static_cast<unsigned char>(byte))) return refuse("a trailer's name is invalid");
            state_ = State::trailer_name;
            return skip(max_trailers, "the trailers are too long");
        case State::trailer_name:
            if (byte == ':') {
                state_ = State::trailer;
            } else if (!is_token(static_cast<unsigned char>(byte))) {
                return refuse("a trailer's name is invalid");
            }
            return skip(max_trailers, "the trailers are too long");
        case State::trailer:
            if (is_text(static_cast<unsigned char>(byte))) return skip(max_trailers, "the trailers are too long");
            return expect('\r', State::trailer_lf, "a trailer has a control character");
        case State::trailer_lf: return expect('\n', State::trailer_start, "CR without LF in the trailers");
        case State::end_lf: return expect('\n', State::done, "CR without LF after the last chunk");
        case State::done:
        case State::length:
        case State::until_close:
        case State::data:
        case State::failed: break;
    }
    return false;
}

bool BodyFramer::done() const {
    return state_ == State::done;
}

bool BodyFramer::end_of_input() {
    if (state_ == State::until_close) state_ = State::done;
    if (state_ == State::done) return true;
    if (state_ != State::failed) fail("the connection ended within the body");
    return false;
}

}  // namespace lurus::http1
