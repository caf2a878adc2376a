#include "core/http/websocket_frames.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include <openssl/rand.h>
#include <openssl/sha.h>

#include "core/text/base64.hpp"

namespace lurus::websocket {
namespace {

constexpr std::size_t keep_capacity = std::size_t{64} << 10;  // bytes a reader holds on to between messages
constexpr std::size_t control_header = 2;                     // its length needs no more
constexpr std::uint16_t protocol_error = 1002;
constexpr std::uint16_t no_code = 1005;

bool refuse(Step& step, const char* why) {
    step.kind = Step::Kind::bad;
    step.close_code = protocol_error;
    step.error = why;
    return false;
}

bool may_be_sent(std::uint16_t code) {
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

void unmask(char* data, std::size_t size, std::array<std::uint8_t, 4> mask, std::uint64_t offset) {
    std::array<std::uint8_t, 8> wide{};
    for (std::size_t i = 0; i < 8; ++i) wide[i] = mask[(offset + i) & 3];
    std::uint64_t key = 0;
    std::memcpy(&key, wide.data(), 8);
    std::size_t i = 0;
    for (; size - i >= 8; i += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, data + i, 8);
        word ^= key;
        std::memcpy(data + i, &word, 8);
    }
    for (; i < size; ++i) data[i] = static_cast<char>(static_cast<std::uint8_t>(data[i]) ^ wide[i & 7]);
}

}  // namespace

FrameReader::FrameReader(Sender sender, std::size_t max_message, PartSink* parts)
    : sender_(sender), max_message_(max_message), parts_(parts) {}

bool FrameReader::between_frames() const {
    return state_ == State::header && have_ == 0;
}
bool FrameReader::between_messages() const {
    return between_frames() && !in_message_;
}
std::size_t FrameReader::unfinished() const {
    if (state_ == State::header) return have_;
    if (state_ != State::payload || !is_control()) return 0;
    return control_header + (sender_ == Sender::client ? mask_.size() : 0) + control_.size();
}

Step FrameReader::feed(std::string_view bytes) {
    Step step;
    if (state_ == State::failed) {
        refuse(step, error_);
        return step;
    }
    if (state_ == State::header && have_ == 0 && !in_message_) {
        text_.clear();
        if (text_.capacity() > keep_capacity) text_.shrink_to_fit();
    }
    std::size_t at = 0;
    while (step.kind == Step::Kind::none) {
        if (state_ == State::closed) {
            at = bytes.size();
            break;
        }
        if (state_ == State::header && !take_header(bytes, at, step)) break;
        take_payload(bytes, at);
        if (left_ != 0) break;
        end_frame(step);
    }
    if (step.kind == Step::Kind::bad) {
        state_ = State::failed;
        error_ = step.error;
    }
    step.consumed = at;
    return step;
}

/// True when the header is whole and good.
bool FrameReader::take_header(std::string_view bytes, std::size_t& at, Step& step) {
    while (true) {
        const unsigned length = head_[1] & 0x7fU;
        const std::size_t whole = 2U + (length == 126 ? 2U : length == 127 ? 8U : 0U) + (head_[1] >> 7U) * 4U;
        const std::size_t need = (have_ < 2 ? 2 : whole) - have_;
        if (have_ >= 2 && need == 0) return check_length(step);
        if (at == bytes.size()) return false;
        const std::size_t n = std::min(need, bytes.size() - at);
        std::memcpy(head_.data() + have_, bytes.data() + at, n);
        have_ = static_cast<std::uint8_t>(have_ + n);
        at += n;
        if (have_ == 2 && !check_start(step)) return false;
    }
}

bool FrameReader::check_start(Step& step) const {
    const unsigned opcode = head_[0] & 0x0fU;
    const bool fin = (head_[0] & 0x80U) != 0;
    const bool masked = (head_[1] & 0x80U) != 0;
    if ((head_[0] & 0x70U) != 0) return refuse(step, "a reserved bit is set");
    if ((opcode > 2 && opcode < 8) || opcode > 10) return refuse(step, "the opcode is reserved");
    if (masked && sender_ == Sender::server) return refuse(step, "a server's frame is masked");
    if (!masked && sender_ == Sender::client) return refuse(step, "a client's frame is not masked");
    if (opcode >= 8) {
        if (!fin) return refuse(step, "a control frame is fragmented");
        if ((head_[1] & 0x7fU) > 125) return refuse(step, "a control frame is longer than 125 bytes");
    } else if (opcode == 0 && !in_message_) {
        return refuse(step, "a continuation without a message");
    } else if (opcode != 0 && in_message_) {
        return refuse(step, "a new message within another");
    }
    return true;
}

bool FrameReader::check_length(Step& step) {
    const unsigned length = head_[1] & 0x7fU;
    const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
    left_ = extra == 0 ? length : 0;
    for (std::size_t i = 0; i < extra; ++i) left_ = left_ << 8U | head_[2 + i];
    if ((length == 126 && left_ < 126) || (length == 127 && left_ <= 0xffff))
        return refuse(step, "a length is not in its shortest form");
    if (left_ >> 63U != 0) return refuse(step, "a length is out of range");
    if (sender_ == Sender::client) std::memcpy(mask_.data(), head_.data() + 2 + extra, 4);

    fin_ = (head_[0] & 0x80U) != 0;
    opcode_ = head_[0] & 0x0fU;
    offset_ = 0;
    have_ = 0;
    state_ = State::payload;
    if (is_control()) {
        control_.clear();
        return true;
    }
    if (opcode_ != 0) {
        in_message_ = true;
        message_ = static_cast<Opcode>(opcode_);
        message_size_ = 0;
    }
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - message_size_;
    message_size_ += std::min(left_, room);
    if (message_size_ > max_message_) {
        if (parts_ != nullptr && !text_.empty()) parts_->on_part(text_);
        text_.clear();
        text_.shrink_to_fit();
    }
    return true;
}

void FrameReader::take_payload(std::string_view bytes, std::size_t& at) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size() - at));
    const std::string_view part = bytes.substr(at, n);
    if (is_control()) {
        append(control_, part);
    } else if (message_size_ <= max_message_) {
        append(text_, part);
    } else if (parts_ != nullptr && !part.empty()) {
        if (sender_ == Sender::server) {
            parts_->on_part(part);
        } else {
            std::string plain(part);
            unmask(plain.data(), plain.size(), mask_, offset_);
            parts_->on_part(plain);
        }
    }
    at += n;
    left_ -= n;
    offset_ += n;
}

void FrameReader::append(std::string& to, std::string_view bytes) {
    const std::size_t from = to.size();
    to.append(bytes);
    if (sender_ == Sender::client) unmask(to.data() + from, bytes.size(), mask_, offset_);
}

void FrameReader::end_frame(Step& step) {
    state_ = State::header;
    if (is_control()) {
        step.opcode = static_cast<Opcode>(opcode_);
        step.payload = control_;
        step.size = control_.size();
        if (step.opcode == Opcode::close) return read_close(step);
        step.kind = step.opcode == Opcode::ping ? Step::Kind::ping : Step::Kind::pong;
        return;
    }
    if (!fin_) return;
    in_message_ = false;
    step.kind = Step::Kind::message;
    step.opcode = message_;
    step.size = message_size_;
    step.readable = message_size_ <= max_message_;
    if (step.readable) step.payload = text_;
}

void FrameReader::read_close(Step& step) {
    state_ = State::closed;
    step.kind = Step::Kind::close;
    step.close_code = no_code;
    if (control_.empty()) return;
    if (control_.size() == 1) {
        refuse(step, "a close code is cut off");
        return;
    }
    step.close_code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(control_[0]) << 8U |
                                                 static_cast<std::uint8_t>(control_[1]));
    step.payload = std::string_view(control_).substr(2);
    if (!may_be_sent(step.close_code)) refuse(step, "a close code must not be sent");
}

std::string make_frame(Opcode opcode, std::string_view payload, std::optional<std::array<std::uint8_t, 4>> mask) {
    const std::uint64_t size = payload.size();
    const unsigned extra = size < 126 ? 0 : size <= 0xffff ? 2 : 8;
    std::string frame;
    frame.reserve(payload.size() + 14);
    const auto put = [&frame](std::uint64_t byte) { frame.push_back(static_cast<char>(byte & 0xffU)); };
    put(0x80U | static_cast<unsigned>(opcode));
    put((mask ? 0x80U : 0U) | (extra == 0 ? size : extra == 2 ? 126U : 127U));
    for (unsigned i = extra; i > 0; --i) put(size >> (8 * (i - 1)));
    if (mask) frame.append(reinterpret_cast<const char*>(mask->data()), mask->size());
    const std::size_t head = frame.size();
    frame.append(payload);
    if (mask) unmask(frame.data() + head, payload.size(), *mask, 0);
    return frame;
}

std::array<std::uint8_t, 4> random_mask() {
    std::array<std::uint8_t, 4> mask{};
    // Without entropy the frame still is a valid one: the mask protects intermediaries, not what is sent.
    if (RAND_bytes(mask.data(), static_cast<int>(mask.size())) != 1) mask = {0x5a, 0xa5, 0x3c, 0xc3};
    return mask;
}

std::string accept_value(std::string_view key) {
    std::string text(key);
    text += "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455, section 1.3
    std::array<unsigned char, SHA_DIGEST_LENGTH> digest{};
    SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
    return base64({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

std::string make_close(std::uint16_t code, std::string_view reason, std::optional<std::array<std::uint8_t, 4>> mask) {
    std::string payload{static_cast<char>(code >> 8U), static_cast<char>(code & 0xffU)};
    constexpr std::size_t most = 123;
    std::size_t kept = std::min(reason.size(), most);
    // A letter is not cut in two.
    while (kept < reason.size() && kept > 0 && (static_cast<unsigned char>(reason[kept]) & 0xc0U) == 0x80U) --kept;
    payload.append(reason.substr(0, kept));
    return make_frame(Opcode::close, payload, mask);
}

}  // namespace lurus::websocket
