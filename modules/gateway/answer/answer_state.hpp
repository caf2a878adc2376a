#pragma once
// What AnswerReader knows of an answer so far.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/json_pick.hpp"
#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/answer/answer_text.hpp"
#include "modules/gateway/answer/sse.hpp"
#include "modules/gateway/answer/usage_fields.hpp"

namespace lurus::gateway {

struct AnswerReader::State final : SseSink, json::PickSink {
    State(const Endpoint& endpoint, AnswerFormat answer_format, int answer_status);

    void feed(std::string_view bytes);
    void feed_message(std::string_view message);
    void finish(bool clean);
    [[nodiscard]] bool at_boundary() const;
    [[nodiscard]] bool complete() const;
    [[nodiscard]] bool may_be_last() const;
    [[nodiscard]] Usage usage() const;
    [[nodiscard]] std::string usage_raw() const;

    void on_event(const SseEvent& event) override;
    void on_value(std::uint8_t id, std::string_view value, bool whole) override;
    void on_mark(std::uint8_t id, char first) override;
    void on_end(std::uint8_t id) override;

    Step step;
    bool semantic = false;  // content was seen
    std::string error_type, error_message;

private:
    void sniff(std::string_view bytes);
    void feed_body(std::string_view bytes);
    void end_body();
    void read_event(std::string_view data);
    void anthropic_event(std::string_view type, std::string_view data);
    void responses_event(std::string_view name, std::string_view data);
    void chat_event(std::string_view name, std::string_view data);
    void ends_at(std::size_t begin);
    void take_error(const ErrorText& text);
    [[nodiscard]] Usage current() const;

    Operation operation_;
    Dialect dialect_;
    AnswerFormat format_;
    int status_;
    bool counts_images_;
    bool started_ = false;   // a byte that is not white space came
    bool indented_ = false;  // the white space before it ends in a blank
    bool ended_clean_ = false;
    bool terminal_ = false;  // the dialect's last event, or the JSON's end, was seen
    bool finished_ = false;  // a finish reason was seen
    bool in_body_ = false;   // picks come from a JSON body, not from one event
    bool event_semantic_ = false;
    std::size_t event_begin_ = 0;

    SseScanner scanner_;
    json::Picker picker_;  // of the body, or of the event at hand
    UsageFields fields_;
    std::string tier_;
    ErrorWords words_;  // of the event or body at hand, until it is known whether it is an error
    std::string item_type_, item_action_;
    std::int64_t images_ = 0, searches_ = 0, queries_ = 0, most_queries_ = 0;
    /// A session's answers before the current one.
    struct Earlier {
        Usage usage;
        std::vector<std::string> raw;
    };
    std::unique_ptr<Earlier> earlier_;
};

}  // namespace lurus::gateway
