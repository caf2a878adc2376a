#pragma once
// Server-sent events read while they pass (WHATWG HTML §9.2): sans-I/O, split anywhere, CR, LF or CRLF line ends.
// An event that lies whole in one piece is read in place; of an unfinished one `max_event` bytes are kept at most, and
// one that is longer is handed out part by part.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lurus::gateway {

struct SseEvent {
    std::string_view name;  // of the `event:` line; empty = none
    std::string_view data;  // lines joined by LF; valid until the sink returns
    std::size_t begin = 0;  // index in this piece of its block's first byte; 0 when it began earlier
    bool in_parts = false;  // its data went to on_part(); `data` is only the beginning
    bool unclosed = false;  // the stream ended without its blank line
};

class SseSink {
public:
    virtual ~SseSink() = default;
    virtual void on_event(const SseEvent& event) = 0;
    /// The next part of the data of a long event, valid until the sink returns. `first`: a new event's. When the event
    /// ends comes its on_event().
    virtual void on_part(std::string_view data, bool first) = 0;
};

class SseScanner {
public:
    static constexpr std::size_t default_max_event = 256 << 10;
    static constexpr std::size_t kept_beginning = 4 << 10;  // of a long event

    explicit SseScanner(std::size_t max_event = default_max_event) : max_event_(max_event) {}
    SseScanner(const SseScanner&) = delete;  // views of its own strings
    SseScanner& operator=(const SseScanner&) = delete;

    /// Hands out each event with data that ends in this piece.
    void feed(std::string_view piece, SseSink& sink);
    /// The stream ended: an event whose closing blank line is missing is handed out as an unclosed one. Where it ended
    /// is then no boundary.
    void finish(SseSink& sink);
    /// Between two blocks: bytes put here disturb nothing.
    [[nodiscard]] bool at_boundary() const;
    /// Bytes of the stream that are kept.
    [[nodiscard]] std::size_t kept() const { return line_.size() + data_.size() + name_.size(); }

private:
    /// What becomes of an unfinished line.
    enum class Line : std::uint8_t { kept, part, skipped };

    void line(std::string_view text, bool in_place, SseSink& sink);
    void dispatch(SseSink& sink);
    void add_data(std::string_view value, bool in_place, SseSink& sink);
    void begin_parts(SseSink& sink);
    void add_part(std::string_view value, SseSink& sink);
    void hand_out(std::string_view part, bool first, SseSink& sink);
    void keep(SseSink& sink);
    void keep_line(std::string_view part, SseSink& sink);

    const std::size_t max_event_;
    std::string line_;                        // an unfinished line's bytes from earlier pieces
    std::string data_;                        // data that is not, or no longer, in the piece
    std::string name_;                        // the same for the name
    std::string_view data_view_, name_view_;  // in the piece, or in the strings above
    bool has_data_ = false, has_name_ = false;
    bool data_kept_ = false, name_kept_ = false;  // the views are of data_, name_
    bool in_parts_ = false;
    bool finishing_ = false;
    Line unfinished_ = Line::kept;
    bool in_block_ = false;    // bytes were seen since the last blank line
    bool swallow_lf_ = false;  // the last piece ended in CR
    bool bare_cr_ = false;     // this stream ends lines by CR alone
    int bom_ = 0;              // bytes of the byte order mark seen; -1 = past it
    std::size_t begin_ = 0;
};

}  // namespace lurus::gateway
