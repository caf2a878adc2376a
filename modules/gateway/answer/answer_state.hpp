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
    [[nodiscard]] bool at_boundary() const;
    [[nodiscard]] bool complete() const;
    [[nodiscard]] bool may_be_last() const;
    [[nodiscard]] Usage usage() const;
    [[nodiscard]] std::string usage_raw() const;
    void tell_tier(std::string_view tier) { told_tier_ = tier.substr(0, 32); }

    AnswerReader::Step step;
    bool semantic = false;  // content was seen
    std::string error_type, error_message;

    // --- for the dialects' readers, while they read one event ---
    /// Takes the dialect's values out of the event's data: `members` and what the marks and captures stand for.
    void pick(std::string_view data);
    /// The event at hand is the last one.
    void end_at_event();
    /// The first error stays.
    void take_error(const ErrorText& text);
    void take_error(std::string_view type, std::string_view message);
    /// A picture came, where pictures are counted.
    void count_image() { images_ += answer_.counts_images ? 1 : 0; }

    bool event_semantic = false;  // this event is content
    bool finished = false;        // a finish reason was seen
    ErrorMembers members;         // of the event or body at hand, until it is known whether it is an error
    std::int64_t searches = 0;

private:
    void on_event(const SseEvent& event) override;
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
    bool indented_ = false;  // the white space before it ends in a blank
    bool ended_clean_ = false;
    bool terminal_ = false;  // the dialect's last event, or the JSON's end, was seen
    bool in_body_ = false;   // picks come from a JSON body, not from one event
    std::size_t event_begin_ = 0;

    SseScanner scanner_;
    json::Picker picker_;  // of the body, or of the event at hand
    UsageFields fields_;
    std::string tier_;
    std::string told_tier_;
    std::optional<std::int64_t> seconds_;
    bool reads_pages_ = false;
    std::string item_type_, item_action_;
    std::int64_t images_ = 0, queries_ = 0, most_queries_ = 0;
    /// A session's answers before the current one.
    struct Earlier {
        Usage usage;
        std::vector<std::string> raw;
    };
    std::unique_ptr<Earlier> earlier_;
};

}  // namespace lurus::gateway
