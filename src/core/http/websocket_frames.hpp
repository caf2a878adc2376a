#pragma once
// RFC 6455 frames as a sans-I/O reader, for a relay that passes the bytes through untouched and looks inside.
// One reader for each direction. No extension may be negotiated (the relay strips Sec-WebSocket-Extensions), so that
// text is readable and any reserved bit is an error. Invariants: nothing reads past the input; memory is bounded by
// `max_text`, and given back after a large message.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lurus::websocket {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

/// Whose frames are read: a client's must be masked, a server's must not be.
enum class Sender : std::uint8_t { client, server };

/// What one call of `feed` found.
struct Step {
    enum class Kind : std::uint8_t {
        none,     // all input consumed, nothing complete
        message,  // a whole message, of one or more frames, has ended
        ping,
        pong,
        close,  // whatever follows is consumed and ignored
        bad     // the framing is broken: what follows means nothing
    };
    Kind kind = Kind::none;
    std::size_t consumed = 0;
    Opcode opcode = Opcode::continuation;  // message: text or binary; control frames: theirs
    bool readable = false;                 // message: text that fits, so `payload` holds all of it
    std::uint64_t size = 0;                // message: its payload's bytes, read or not
    std::string_view payload;              // unmasked; ping, pong: theirs; close: the reason. Valid until the next feed
    std::uint16_t close_code = 0;          // close: as sent, 1005 where none was; bad: what to close with
    const char* error = nullptr;           // bad: a constant text
};

class FrameReader {
public:
    /// Text messages above `max_text` bytes are passed but not read.
    explicit FrameReader(Sender sender, std::size_t max_text = std::size_t{8} << 20);

    /// Reads up to the end of one message or control frame. Call again with the rest while `consumed` moves on.
    Step feed(std::string_view bytes);
    /// True where a frame of one's own may be put into the stream.
    [[nodiscard]] bool between_frames() const;
    /// True where a message of one's own may be put into the stream.
    [[nodiscard]] bool between_messages() const;

private:
    enum class State : std::uint8_t { header, payload, closed, failed };
    bool take_header(std::string_view bytes, std::size_t& at, Step& step);
    bool check_start(Step& step) const;
    bool check_length(Step& step);
    void take_payload(std::string_view bytes, std::size_t& at);
    void end_frame(Step& step);
    void read_close(Step& step);
    void append(std::string& to, std::string_view bytes);
    [[nodiscard]] bool is_control() const { return (opcode_ & 8U) != 0; }

    Sender sender_;
    std::size_t max_text_;
    State state_ = State::header;
    std::array<std::uint8_t, 14> head_{};
    std::uint8_t have_ = 0;  // bytes in head_
    std::uint8_t opcode_ = 0;
    bool fin_ = false;
    bool in_message_ = false;
    Opcode message_ = Opcode::continuation;
    std::array<std::uint8_t, 4> mask_{};
    std::uint64_t left_ = 0;          // of this frame's payload
    std::uint64_t offset_ = 0;        // into this frame's payload
    std::uint64_t message_size_ = 0;  // saturates
    std::string text_;
    std::string control_;
    const char* error_ = nullptr;
};

/// One whole frame, masked with `mask` where there is one (frames that go to a server must be).
std::string make_frame(Opcode opcode, std::string_view payload, std::optional<std::array<std::uint8_t, 4>> mask = {});

/// A Close frame; `reason` is cut to the 123 bytes that fit.
std::string make_close(std::uint16_t code, std::string_view reason,
                       std::optional<std::array<std::uint8_t, 4>> mask = {});

}  // namespace lurus::websocket
