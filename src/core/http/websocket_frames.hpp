#pragma once
// RFC 6455 frames as a sans-I/O reader, for a relay that passes the bytes through untouched and looks inside.
// One reader for each direction. No extension may be negotiated (the relay strips Sec-WebSocket-Extensions), so that
// messages are readable and any reserved bit is an error. Invariants: nothing reads past the input; memory is bounded
// by `max_message`, and given back after a large one.

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
    bool readable = false;                 // message: it fits, so `payload` holds all of it
    std::uint64_t size = 0;                // message: its payload's bytes, read or not
    std::string_view payload;              // unmasked; ping, pong: theirs; close: the reason. Valid until the next feed
    std::uint16_t close_code = 0;          // close: as sent, 1005 where none was; bad: what to close with
    const char* error = nullptr;           // bad: a constant text
};

/// Gets the payload of a message that is too long to be kept, in pieces, until the step that ends it.
class PartSink {
public:
    virtual ~PartSink() = default;
    virtual void on_part(std::string_view payload) = 0;
};

class FrameReader {
public:
    /// Of messages above `max_message` bytes only the size is known, and `parts` gets their payload.
    explicit FrameReader(Sender sender, std::size_t max_message = std::size_t{8} << 20, PartSink* parts = nullptr);

    /// Reads up to the end of one message or control frame. Call again with the rest while `consumed` moves on.
    Step feed(std::string_view bytes);
    /// True where a frame of one's own may be put into the stream.
    [[nodiscard]] bool between_frames() const;
    /// True where a message of one's own may be put into the stream.
    [[nodiscard]] bool between_messages() const;
    /// How many of the last bytes belong to a header or a control frame that is not whole yet. Who keeps them back
    /// until it is has passed whole frames, or a part of a message's payload: see inside_payload().
    [[nodiscard]] std::size_t unfinished() const;
    /// The input so far ends inside of a message's frame, its header being whole.
    [[nodiscard]] bool inside_payload() const { return state_ == State::payload && !is_control(); }
    /// A message has begun and has not ended.
    [[nodiscard]] bool inside_message() const { return in_message_; }
    /// Of that one, the bytes that the frames so far announced.
    [[nodiscard]] std::uint64_t message_size() const { return message_size_; }

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
    std::size_t max_message_;
    PartSink* parts_;
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

/// A mask that nobody can foretell; a client has one for each frame.
std::array<std::uint8_t, 4> random_mask();

/// What a server answers to a handshake's Sec-WebSocket-Key.
std::string accept_value(std::string_view key);

/// A Close frame; `reason` is cut to the 123 bytes that fit.
std::string make_close(std::uint16_t code, std::string_view reason,
                       std::optional<std::array<std::uint8_t, 4>> mask = {});

}  // namespace lurus::websocket
