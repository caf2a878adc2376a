#include "modules/gateway/answer/answer_state.hpp"

#include <algorithm>

#include "core/json/json_scan.hpp"
#include "modules/gateway/answer/answer_picks.hpp"
#include "modules/gateway/answer/usage_classes.hpp"

namespace lurus::gateway {
namespace {

constexpr std::size_t max_text = 2048;
constexpr std::size_t max_session_usages = 64;

// Answers about tokens that were not used, or that another request already paid for.
bool costs_nothing(Operation operation) {
    return operation == Operation::count_tokens || operation == Operation::gemini_count_tokens ||
           operation == Operation::responses_input_tokens || operation == Operation::responses_resource ||
           operation == Operation::models_list || operation == Operation::model_get;
}

bool is_chat(Operation operation) {
    return operation == Operation::chat || operation == Operation::completions;
}

bool ends_response(std::string_view type) {
    return type == "response.completed" || type == "response.incomplete" || type == "response.failed" ||
           type == "response.done" || type == "response.cancelled";
}

bool is_response_content(std::string_view type) {
    return type.starts_with("response.") && type != "response.created" && type != "response.in_progress" &&
           type != "response.queued" && type != "response.failed";
}

}  // namespace

AnswerReader::State::State(const Endpoint& endpoint, AnswerFormat answer_format, int answer_status)
    : operation_(endpoint.operation),
      // A realtime session's events are those of the Responses API.
      dialect_(endpoint.operation == Operation::realtime ? Dialect::openai_responses : endpoint.dialect),
      format_(answer_format),
      status_(answer_status),
      counts_images_(endpoint.operation == Operation::images || endpoint.name == "predict"),
      picker_(body_picks(family_of(endpoint.dialect))) {}

void AnswerReader::State::ends_at(std::size_t begin) {
    if (!terminal_) step.terminal = begin;
    terminal_ = true;
}

void AnswerReader::State::take_error(const ErrorText& text) {
    if (!error_type.empty() || text.type.empty()) return;
    error_type = text.type;
    error_message = text.message;
}

void AnswerReader::State::on_value(std::uint8_t id, std::string_view value, bool whole) {
    auto short_text = [&] { return json::string_value(value.size() > max_text ? std::string_view{} : value); };
    switch (id) {
        case want_usage:
            if (!whole || costs_nothing(operation_)) break;
            if (dialect_ == Dialect::anthropic) {
                fields_.merge(value, {"input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"});
            } else {
                fields_.merge(value);
            }
            break;
        case want_error: take_error(read_error(value)); break;
        case want_tier:
            if (json::kind_of(value) == json::Kind::string) tier_ = short_text();
            break;
        case want_type: words_.type = value.substr(0, max_text); break;
        case want_object: words_.object = value.substr(0, max_text); break;
        case want_message: words_.message = value.substr(0, max_text); break;
        case want_code: words_.code = value.substr(0, max_text); break;
        case want_detail: words_.detail = value.substr(0, max_text); break;
        case want_delta: event_semantic_ = event_semantic_ || !is_empty_value(value); break;
        case want_finish:
            if (is_empty_value(value)) break;
            finished_ = event_semantic_ = true;
            break;
        case want_item_type: item_type_ = short_text(); break;
        case want_item_action: item_action_ = short_text(); break;
        default: break;
    }
}

void AnswerReader::State::on_mark(std::uint8_t id, char first) {
    switch (id) {
        case place_content:
            if (first == 'n') break;
            event_semantic_ = true;
            if (in_body_ && status_ < 400 && error_type.empty()) semantic = true;
            break;
        case place_item:
            item_type_.clear();
            item_action_.clear();
            break;
        case place_image: images_ += counts_images_ ? 1 : 0; break;
        case place_grounding: queries_ = 0; break;
        // Chunks repeat the list as it grows.
        case place_query: most_queries_ = std::max(most_queries_, ++queries_); break;
        default: break;
    }
}

void AnswerReader::State::on_end(std::uint8_t id) {
    if (id == place_item && item_type_ == "web_search_call" && (item_action_.empty() || item_action_ == "search"))
        ++searches_;
    if (id == place_element) ++step.events;
}

void AnswerReader::State::sniff(std::string_view bytes) {
    if (started_) return;
    const std::size_t at = bytes.find_first_not_of(" \t\r\n");
    const std::size_t blank = std::min(at, bytes.size());
    if (blank > 0) indented_ = bytes[blank - 1] == ' ' || bytes[blank - 1] == '\t';
    if (at == std::string_view::npos) return;
    started_ = true;
    // Some hosts label a JSON error as an event stream, or a stream as JSON. No line of a stream begins with a bracket,
    // no JSON with the letters of `data`, `event`, `id`, `retry`; and those begin their line.
    const char c = bytes[at];
    if (format_ == AnswerFormat::sse && (c == '{' || c == '[')) {
        format_ = AnswerFormat::json;
    } else if (!indented_ && (format_ == AnswerFormat::json || format_ == AnswerFormat::json_array) &&
               (c == ':' || c == 'd' || c == 'e' || c == 'i' || c == 'r')) {
        format_ = AnswerFormat::sse;
    }
}

void AnswerReader::State::feed(std::string_view bytes) {
    sniff(bytes);
    switch (format_) {
        case AnswerFormat::sse: scanner_.feed(bytes, *this); break;
        case AnswerFormat::json:
        case AnswerFormat::json_array: feed_body(bytes); break;
        case AnswerFormat::other: semantic = semantic || (!bytes.empty() && status_ < 400); break;
    }
}

void AnswerReader::State::feed_body(std::string_view bytes) {
    if (terminal_) return;
    in_body_ = true;
    const std::size_t end = picker_.feed(bytes, *this);
    if (!picker_.done()) return;
    ends_at(end == json::Picker::none ? 0 : end);
    end_body();
    if (format_ == AnswerFormat::json) ++step.events;
}

void AnswerReader::State::end_body() {
    if (status_ >= 400 || words_.object == "\"error\"") take_error(read_error(words_));
    if (status_ < 400 && error_type.empty()) semantic = true;
}

void AnswerReader::State::finish(bool clean) {
    ended_clean_ = clean;
    if (format_ == AnswerFormat::sse && clean) scanner_.finish(*this);
    if ((format_ == AnswerFormat::json || format_ == AnswerFormat::json_array) && !terminal_ && status_ >= 400)
        end_body();
}

bool AnswerReader::State::at_boundary() const {
    switch (format_) {
        case AnswerFormat::sse: return scanner_.at_boundary();
        case AnswerFormat::json_array: return !started_ || picker_.after_element();
        case AnswerFormat::json: return !started_;
        case AnswerFormat::other: break;
    }
    return false;
}

bool AnswerReader::State::complete() const {
    if (format_ == AnswerFormat::json) return terminal_ || ended_clean_;
    if (format_ == AnswerFormat::other) return ended_clean_;
    return terminal_ || finished_;
}

bool AnswerReader::State::may_be_last() const {
    return complete() && !is_chat(operation_);
}

void AnswerReader::State::on_event(const SseEvent& event) {
    ++step.events;
    event_begin_ = event.begin;
    event_semantic_ = false;
    if (event.oversized) {
        event_semantic_ = true;  // not read, but nothing of that size is a ping
    } else {
        switch (dialect_) {
            case Dialect::anthropic:
                anthropic_event(event.name.empty() ? event_type(event.data) : event.name, event.data);
                break;
            case Dialect::openai_responses: responses_event(event.name, event.data); break;
            case Dialect::gemini:
                read_event(event.data);
                if (event.name == "error") take_error(read_error(words_));
                break;
            case Dialect::openai_chat:
            case Dialect::openai: chat_event(event.name, event.data); break;
        }
    }
    // An error before any content is an attempt that failed, whatever follows it.
    if (event_semantic_ && error_type.empty()) semantic = true;
}

void AnswerReader::State::read_event(std::string_view data) {
    words_.clear();
    in_body_ = false;
    picker_.reset(event_picks(dialect_));
    picker_.feed(data, *this);
}

void AnswerReader::State::anthropic_event(std::string_view type, std::string_view data) {
    if (type == "content_block_delta" || type == "content_block_start" || type == "content_block_stop") {
        event_semantic_ = true;
    } else if (type == "message_stop") {
        event_semantic_ = true;
        ends_at(event_begin_);
    } else if (type != "ping") {
        read_event(data);
        // Without an `event:` line, and with `type` not in front.
        const std::string inner = type.empty() ? json::string_value(words_.type) : std::string();
        if (type == "error" || inner == "error") take_error({"error", std::string(data.substr(0, max_text))});
        event_semantic_ = type == "message_delta" || inner == "message_delta" || inner.starts_with("content_block");
        if (inner == "message_stop") ends_at(event_begin_);
    }
}

void AnswerReader::State::responses_event(std::string_view name, std::string_view data) {
    std::string_view type = event_type(data);
    std::string inner;
    if (type.empty()) type = name;
    if (type.ends_with(".delta")) {
        event_semantic_ = true;
        return;
    }
    const bool item_done =
        type == "response.output_item.done" && data.find("web_search_call") != std::string_view::npos;
    if (type.empty() || ends_response(type) || type == "error" || name == "error" || item_done) {
        const std::int64_t before = searches_;
        read_event(data);
        if (type.empty()) type = inner = json::string_value(words_.type);
        // The item also comes in `output_item.added`.
        if (type != "response.output_item.done") searches_ = before;
    }
    if (type == "error" || name == "error") {
        take_error(read_error(words_));
        take_error({"error", std::string(data.substr(0, max_text))});
        return;
    }
    if (type == "response.failed") take_error({"error", "response.failed"});
    if (ends_response(type)) ends_at(event_begin_);
    event_semantic_ = is_response_content(type);
}

void AnswerReader::State::chat_event(std::string_view name, std::string_view data) {
    const bool chat = is_chat(operation_);
    if (data.starts_with("[DONE]")) {
        ends_at(event_begin_);
        return;
    }
    if (chat && semantic && name != "error" && !chat_chunk_matters(data)) return;
    read_event(data);
    const std::string type = json::string_value(words_.type);
    if (name == "error" || type == "error" || words_.object == "\"error\"" ||
        (!event_semantic_ && !words_.code.empty())) {
        take_error(read_error(words_));
        if (name == "error") take_error({"error", std::string(data.substr(0, max_text))});
        return;
    }
    if (chat) return;
    // Pictures and sound as streams: the last event of each says so in its name.
    event_semantic_ = true;
    if (type.ends_with(".completed") || type.ends_with(".done")) {
        finished_ = true;
        images_ += counts_images_ ? 1 : 0;
    }
}

void AnswerReader::State::feed_message(std::string_view message) {
    started_ = true;
    format_ = AnswerFormat::sse;
    if (event_type(message) == "response.created") terminal_ = finished_ = false;
    const bool before = terminal_;
    SseEvent event;
    event.data = message;
    on_event(event);
    if (!terminal_ || before) return;
    if (!earlier_) earlier_ = std::make_unique<Earlier>();
    if (!fields_.empty()) {
        if (earlier_->raw.size() == max_session_usages) earlier_->raw.erase(earlier_->raw.begin());
        earlier_->raw.push_back(fields_.json());
    }
    earlier_->usage = sum(earlier_->usage, current());
    fields_.clear();
    searches_ = images_ = most_queries_ = 0;
}

Usage AnswerReader::State::current() const {
    if (costs_nothing(operation_)) return {};
    Usage usage = usage_classes(family_of(dialect_), fields_);
    if (usage.service_tier.empty()) usage.service_tier = tier_;
    if (counts_images_ && images_ > 0) usage.images = images_;
    if (!usage.web_searches && searches_ > 0) usage.web_searches = searches_;
    if (!usage.web_searches && most_queries_ > 0) usage.web_searches = most_queries_;
    return usage;
}

Usage AnswerReader::State::usage() const {
    return earlier_ ? sum(earlier_->usage, current()) : current();
}

std::string AnswerReader::State::usage_raw() const {
    if (!earlier_ || earlier_->raw.empty()) return fields_.json();
    if (earlier_->raw.size() == 1 && fields_.empty()) return earlier_->raw.front();
    std::string out = "[";
    for (const std::string& raw : earlier_->raw) out += (out.size() > 1 ? "," : "") + raw;
    if (!fields_.empty()) out += "," + fields_.json();
    return out + "]";
}

}  // namespace lurus::gateway
