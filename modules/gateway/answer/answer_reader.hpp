#pragma once
// Reads an answer while it is relayed: usage, errors, where it ends. It never changes a byte and never fails: what it
// cannot read stays unknown.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "lurus/usage.hpp"
#include "modules/gateway/session/endpoint.hpp"

namespace lurus::gateway {

class AnswerState;

enum class AnswerFormat : std::uint8_t { json, sse, json_array, other };

/// The client expects a stream as a JSON array (Gemini, unless the query's `alt` is `sse`).
bool streams_array(const Endpoint& endpoint, std::string_view target);

/// From the content type, what was asked for and (Gemini) the query's `alt` in the target that the vendor got.
AnswerFormat answer_format(const UpstreamAnswer& answer, std::string_view target, std::string_view content_type);

/// One answer's reader, for the dialect that the vendor speaks. One shard's; not copied. Memory: an unfinished event up
/// to 256 KiB, values of interest up to 1 MiB; a longer event and a JSON body are of any length and not kept.
class AnswerReader {
public:
    AnswerReader(const UpstreamAnswer& answer, AnswerFormat format, int status);
    ~AnswerReader();
    AnswerReader(AnswerReader&&) noexcept;
    AnswerReader& operator=(AnswerReader&&) noexcept;

    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    struct Step {
        int events = 0;  // complete events in this piece
        bool semantic =
            false;  // content was seen, here or before: the commit point is reached. Not after an error alone.
        std::size_t terminal = none;  // where in this piece the dialect's last event starts (0 when it started
                                      // earlier); for JSON and arrays the byte that closes them
    };
    /// The next bytes of the (unframed, uncompressed) body.
    Step feed(std::string_view bytes);
    /// One WebSocket message, an event as JSON. Each answer of the session adds to the usage.
    Step feed_event(std::string_view json);
    /// The body has no end of its own but the connection's.
    void ends_with_connection();
    /// The tier that was served, said outside of the body: it wins over what the body says.
    void tell_tier(std::string_view tier);
    /// The body ended. `clean`: by its framing, not by a reset.
    void finish(bool clean);

    /// Something that is no white space came.
    [[nodiscard]] bool started() const;

    /// Between two events (in an array: right after an element): the only place for a keepalive or an event of our own.
    [[nodiscard]] bool at_event_boundary() const;
    /// The dialect's own end was seen (message_stop, [DONE], response.completed ...; the end of a JSON text) or is not
    /// needed (Gemini after a finishReason; chat after a finish_reason). False after finish(): the answer was cut.
    [[nodiscard]] bool complete() const;
    /// What came last may be the last event, though none may follow that says so: Gemini after a finishReason, pictures
    /// and sound. Chat has [DONE], and where a host leaves it out the client knows the end by the framing.
    [[nodiscard]] bool may_be_last() const;
    /// An error inside the answer: an error event in a 200 stream, or an error body. Empty = none.
    [[nodiscard]] const std::string& error_type() const;
    [[nodiscard]] const std::string& error_message() const;
    /// The vendor's numbers as disjoint classes, merged over all events, totals computed now.
    [[nodiscard]] Usage usage() const;
    /// The vendor's usage object; where several events carried one, merged field by field; for a session of several
    /// answers an array of such objects (the last 64). Empty = none.
    [[nodiscard]] std::string usage_raw() const;
    /// `usage`, which is what usage() says, is the vendor's last word on this answer; else the output's count is
    /// missing, or of an answer that had only begun.
    [[nodiscard]] bool counted(const Usage& usage) const;
    [[nodiscard]] bool counted() const { return counted(usage()); }
    /// Of an answer of the Responses API that may be made behind: its id and status; empty = not seen.
    [[nodiscard]] const std::string& answer_id() const;
    [[nodiscard]] const std::string& answer_status() const;
    /// Tokens of output that came, by the text's bytes and the events that carried it: a guess.
    [[nodiscard]] std::int64_t output_seen() const;
    /// What came is no stream of events.
    [[nodiscard]] bool is_body() const;

private:
    std::unique_ptr<AnswerState> state_;
};

}  // namespace lurus::gateway
