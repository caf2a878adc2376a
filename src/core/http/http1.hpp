#pragma once
// HTTP/1.1 messages (RFC 9112) as sans-I/O parsers. The parser is the framing gate: what it accepts has one meaning.
// Invariants: views point into the caller's bytes; nothing here allocates in steady state; nothing reads past the
// input.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace lurus::http1 {

struct Field {
    std::string_view name;   // as sent
    std::string_view value;  // trimmed
};

struct Head {
    std::vector<Field> fields;  // in order
    int minor_version = 1;      // HTTP/1.x
    bool chunked = false;       // Transfer-Encoding is exactly `chunked`
    std::optional<std::uint64_t> content_length;
    bool keep_alive = true;    // from the version and Connection
    std::string_view upgrade;  // Upgrade's value when Connection lists `upgrade`

    /// The first field of that name (case-insensitive), or null.
    [[nodiscard]] const Field* find(std::string_view name) const;
    [[nodiscard]] std::string_view value(std::string_view name) const;
    /// True when Connection names this field: it is hop-by-hop then.
    [[nodiscard]] bool connection_lists(std::string_view name) const;
};

struct RequestHead : Head {
    std::string_view method;
    std::string_view target;  // origin-form as sent, also of one in absolute form, or `*` of OPTIONS
    std::string_view host;    // the absolute form's, else the Host field's
    bool expect_continue = false;
};

struct ResponseHead : Head {
    int status = 0;
    std::string_view reason;
};

struct HeadResult {
    enum class State : std::uint8_t { need_more, complete, bad };
    State state = State::need_more;
    std::size_t consumed = 0;   // complete: the head's length with its blank line
    int status = 0;             // bad: what to answer (400, 431, 501, 505; a bad response is always 502)
    const char* why = nullptr;  // bad: a constant text
};

/// Parses a request's head from the start of `bytes`; leading CRLFs are skipped and counted in `consumed`.
/// Bad, each with its reason: bare CR, bare LF, NUL or control characters, obs-fold, space before the colon, an invalid
/// method, target or version, HTTP/1.1 without Host, two Hosts, two Content-Lengths (also equal ones), a Content-Length
/// that is not digits, Transfer-Encoding with Content-Length, Transfer-Encoding that is not exactly `chunked`,
/// Transfer-Encoding in HTTP/1.0, more than 256 fields (431), and no end within `max_bytes` (431). The views in `out`
/// are good only after `complete`.
HeadResult parse_request_head(std::string_view bytes, std::size_t max_bytes, RequestHead& out);

/// The same for a response. Two equal Content-Lengths are bad too; unknown status codes from 100 to 999 are taken.
HeadResult parse_response_head(std::string_view bytes, std::size_t max_bytes, ResponseHead& out);

/// How a body's end is known.
enum class BodyKind : std::uint8_t { none, length, chunked, until_close };

/// A request's body framing (RFC 9112 §6.3).
BodyKind body_kind(const RequestHead& head);
/// A response's, which depends on the request's method and the status (HEAD, 1xx, 204, 304 have none).
BodyKind body_kind(const ResponseHead& head, std::string_view request_method);

/// Takes a body's framing off, piece by piece. Call `feed` again with what it did not consume until it stops making
/// progress. Strict: no white space in chunk sizes, at most 16 digits; extensions and trailers are checked, capped and
/// dropped.
class BodyFramer {
public:
    BodyFramer() = default;  // no body
    BodyFramer(BodyKind kind, std::uint64_t length);

    struct Step {
        std::size_t consumed = 0;
        std::string_view payload;     // a part of the input, may be empty
        const char* error = nullptr;  // a constant text; the body cannot be read on
    };
    /// Consumes framing and at most one run of payload. After the end it consumes nothing.
    Step feed(std::string_view bytes);
    [[nodiscard]] bool done() const;
    /// The connection ended: true when that is a proper end of this body.
    [[nodiscard]] bool end_of_input();

private:
    enum class State : std::uint8_t {
        done,
        length,
        until_close,
        size_start,
        size,
        extension,
        size_lf,
        data,
        data_cr,
        data_lf,
        trailer_start,
        trailer_name,
        trailer,
        trailer_lf,
        end_lf,
        failed
    };
    std::string_view take(std::string_view bytes);
    bool frame(char byte);
    void fail(const char* why);

    State state_ = State::done;
    std::uint8_t digits_ = 0;
    std::uint16_t skipped_ = 0;  // bytes of this chunk's extension, or of the trailers
    std::uint64_t left_ = 0;
    const char* why_ = nullptr;
};

}  // namespace lurus::http1
