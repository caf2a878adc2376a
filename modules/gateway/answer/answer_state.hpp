#pragma once
// What is known of an answer so far: what AnswerReader reads into, and the dialects' readers of events write to.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/json_pick.hpp"
#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/answer/event_parts.hpp"
#include "modules/gateway/answer/event_text.hpp"
#include "modules/gateway/answer/sse.hpp"
#include "modules/gateway/answer/usage_fields.hpp"
#include "modules/gateway/dialect/dialect.hpp"

namespace lurus::gateway {

class AnswerState final : SseSink, json::PickSink {
public:
    AnswerState(const UpstreamAnswer& answer, AnswerFormat format, int status);

    void feed(std::string_view bytes);
    void feed_message(std::string_view message);
    void finish(bool clean);
    void ends_with_connection() { ends_with_connection_ = true; }
    [[nodiscard]] bool started() const { return started_; }
    [[nodiscard]] bool at_boundary() const;
    [[nodiscard]] bool complete() const;
    [[nodiscard]] bool may_be_last() const;
    [[nodiscard]] Usage usage() const;
    [[nodiscard]] std::string usage_raw() const;
    [[nodiscard]] bool counted() const;
    [[nodiscard]] std::int64_t output_seen() const;
    [[nodiscard]] bool is_body() const { return body_bytes_ > 0; }
    void tell_tier(std::string_view tier) { told_tier_ = tier.substr(0, 32); }

    AnswerReader::Step step;
    bool semantic = false;  // content was seen
    std::string error_type, error_message;
    std::string answer_id, answer_status;  // where they are looked for

    // --- for the dialects' readers, while they read one event ---
    /// Takes the dialect's values out of the event's data: `members` and what the marks and captures stand for.
    void pick(std::string_view data);
    /// The same for an event that carries a piece of the answer's text: how much of it is text.
    void pick_text(std::string_view data) {
        pick(data);
        count_text(data.size());
    }
    void count_text(std::size_t event_size);
    /// Such an event that is not read: what it has beyond what stood around the text of the one that was read last is
    /// text. False: it looks different (more than `most` bytes of text, or none), so it is to be read.
    bool pass_text(std::size_t event_size, std::size_t most);
    /// The event at hand is the last one.
    void end_at_event();
    /// The first error stays.
    void take_error(const ErrorText& text);
    void take_error(std::string_view type, std::string_view message);
    /// The answer may be made behind: its id is looked for where it begins.
    [[nodiscard]] bool may_be_background() const { return answer_.background; }
    /// A picture came, where pictures are counted.
    void count_image() { images_ += answer_.counts_images ? 1 : 0; }

    bool event_semantic = false;  // this event is content
    bool finished = false;        // a finish reason was seen
    ErrorMembers members;         // of the event or body at hand, until it is known whether it is an error
    std::int64_t searches = 0;

private:
    void on_event(const SseEvent& event) override;
    void on_part(std::string_view data, bool first) override;
    void on_value(std::uint8_t id, std::string_view value, bool whole) override;
    void on_mark(std::uint8_t id, char first) override;
    void on_end(std::uint8_t id) override;

    void sniff(std::string_view bytes);
    void feed_body(std::string_view bytes);
    void end_body();
    void ends_at(std::size_t begin);
    void take_usage(std::string_view object);
    [[nodiscard]] Usage current() const;

    UpstreamAnswer answer_;
    const ReadRules& rules_;
    AnswerFormat format_;
    int status_;
    bool started_ = false;   // a byte that is not white space came
    bool blank_ = false;     // there was white space before it
    bool indented_ = false;  // which ends in a blank
    bool ended_ = false;
    bool ended_clean_ = false;
    bool ends_with_connection_ = false;
    bool torn_ = false;     // the stream ended inside of an event
    bool guessed_ = false;  // by its first letter the body is a stream, though it was not called one
    bool any_event_ = false;
    bool terminal_ = false;  // the dialect's last event, or the JSON's end, was seen
    bool in_body_ = false;   // picks come from a JSON body, not from one event
    std::size_t event_begin_ = 0;

    SseScanner scanner_;
    json::Picker picker_;                // of the body, or of the event at hand
    std::unique_ptr<EventParts> parts_;  // the event at hand, where it comes in parts
    UsageFields fields_;
    std::string tier_;
    std::string told_tier_;
    std::optional<std::int64_t> seconds_;
    bool reads_pages_ = false;
    std::string item_type_, item_action_;
    std::int64_t images_ = 0, queries_ = 0, most_queries_ = 0;
    bool output_guessed_ = false;  // the output's count is of an answer that had only begun
    bool blocked_ = false;         // no answer was made
    bool output_counted_ = false;  // and this one of its end
    std::size_t picked_text_ = 0;  // of the event at hand
    std::size_t around_text_ = 0;  // bytes of an event that are no text; 0 = not known yet
    std::int64_t text_bytes_ = 0, text_events_ = 0;
    std::int64_t body_bytes_ = 0;  // of a body that is no stream of events
    /// A session's answers before the current one.
    struct Earlier {
        Usage usage;
        std::vector<std::string> raw;
    };
    std::unique_ptr<Earlier> earlier_;
};

}  // namespace lurus::gateway
