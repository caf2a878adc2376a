#pragma once
// Server-sent events read while they pass (WHATWG HTML §9.2): sans-I/O, split anywhere, CR, LF or CRLF line ends.
// An event that lies whole in one piece is read in place; only an unfinished one is kept.

#include <cstddef>
#include <string>
#include <string_view>

namespace lurus::gateway {

struct SseEvent {
    std::string_view name;   // of the `event:` line; empty = none
    std::string_view data;   // lines joined by LF; valid until the sink returns
    std::size_t begin = 0;   // index in this piece of its block's first byte; 0 when it began earlier
    bool oversized = false;  // longer than `SseScanner::max_event`: no data
};

class SseSink {
public:
    virtual ~SseSink() = default;
    virtual void on_event(const SseEvent& event) = 0;
};

class SseScanner {
public:
    static constexpr std::size_t max_event = 8 << 20;

    SseScanner() = default;
    SseScanner(const SseScanner&) = delete;  // views of its own strings
    SseScanner& operator=(const SseScanner&) = delete;

    /// Hands out each event with data that ends in this piece.
    void feed(std::string_view piece, SseSink& sink);
    /// The stream ended: an event whose closing blank line is missing still counts.
    void finish(SseSink& sink);
    /// Between two blocks: bytes put here disturb nothing.
    [[nodiscard]] bool at_boundary() const;

private:
    void line(std::string_view text, bool in_place, SseSink& sink);
    void dispatch(SseSink& sink);
    void add_data(std::string_view value, bool in_place);
    void keep();
    void keep_line(std::string_view part);

    std::string line_;                        // an unfinished line's bytes from earlier pieces
    std::string data_;                        // data that is not, or no longer, in the piece
    std::string name_;                        // the same for the name
    std::string_view data_view_, name_view_;  // in the piece, or in the strings above
    bool has_data_ = false, has_name_ = false;
    bool data_kept_ = false, name_kept_ = false;  // the views are of data_, name_
    bool oversized_ = false;
    bool in_block_ = false;    // bytes were seen since the last blank line
    bool swallow_lf_ = false;  // the last piece ended in CR
    bool bare_cr_ = false;     // this stream ends lines by CR alone
    int bom_ = 0;              // bytes of the byte order mark seen; -1 = past it
    std::size_t begin_ = 0;
};

}  // namespace lurus::gateway
