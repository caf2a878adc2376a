#include "modules/gateway/answer/answer_state.hpp"

#include <algorithm>

#include "core/json/json_scan.hpp"
#include "modules/gateway/answer/answer_picks.hpp"
#include "modules/gateway/answer/usage_counts.hpp"

namespace lurus::gateway {
namespace {

constexpr std::size_t max_session_usages = 64;
constexpr std::int64_t bytes_a_token = 4;

// Of a piece of content: a text's own bytes; of tool calls those of their arguments.
std::size_t text_size(std::string_view value) {
    if (value.starts_with('"')) return value.size() - std::min<std::size_t>(value.size(), 2);
    if (!value.starts_with('[')) return value.starts_with('{') ? value.size() : 0;
    constexpr std::string_view name = R"("arguments")";
    std::size_t size = 0;
    for (std::size_t at = value.find(name); at != std::string_view::npos; at = value.find(name, at + name.size())) {
        std::string_view text = value_after(value.substr(at + name.size()));
        if (!text.starts_with('"')) continue;
        std::size_t end = json::find_quote_or_backslash(text, 1);
        while (end < text.size() && text[end] == '\\')
            end = json::find_quote_or_backslash(text, std::min(end + 2, text.size()));
        size += end - 1;
    }
    return size;
}

// An event's data that is certainly no whole one: JSON without its end, or nothing.
bool is_torn(std::string_view data) {
    data = after_space(data);
    if (!data.starts_with('{') && !data.starts_with('[')) return data.empty();
    json::Reader reader(data, json::Mode::trusting);
    reader.skip();
    return reader.failed();
}

// `8.47`, a number or a string, is 9 seconds. Empty: it is no length of time, or absurdly long.
std::optional<std::int64_t> seconds_of(std::string_view value) {
    const std::string quoted = json::string_value(value);
    const std::string_view text = quoted.empty() ? value : std::string_view(quoted);
    const std::size_t point = std::min(text.find('.'), text.size());
    if (point == 0 || point > 9) return std::nullopt;
    const auto whole = token_count(text.substr(0, point));
    const std::string_view rest = text.substr(std::min(point + 1, text.size()));
    if (!whole || text.find_first_not_of("0123456789.") != std::string_view::npos || rest.contains('.'))
        return std::nullopt;
    return *whole + (rest.find_first_not_of('0') == std::string_view::npos ? 0 : 1);
}

}  // namespace

AnswerState::AnswerState(const UpstreamAnswer& answer, AnswerFormat format, int status)
    : answer_(answer),
      rules_(*rules_of(answer.dialect).read),
      format_(format),
      status_(status),
      picker_(*rules_.body) {}

void AnswerState::end_at_event() {
    ends_at(event_begin_);
}

void AnswerState::ends_at(std::size_t begin) {
    if (!terminal_) step.terminal = begin;
    terminal_ = true;
}

void AnswerState::take_error(const ErrorText& text) {
    if (!error_type.empty() || text.type.empty()) return;
    error_type = text.type;
    error_message = text.message;
}

void AnswerState::take_error(std::string_view type, std::string_view message) {
    if (!error_type.empty()) return;
    error_type = type;
    error_message = message.substr(0, max_kept_text);
}

void AnswerState::on_value(std::uint8_t id, std::string_view value, bool whole) {
    auto short_text = [&] { return json::string_value(value.size() > max_kept_text ? std::string_view{} : value); };
    switch (id) {
        case value_usage:
            if (!whole || !answer_.metered) break;
            take_usage(value);
            if (output_guessed_ && !json::find(value, {"output_tokens"}).empty()) output_counted_ = true;
            break;
        case value_first_usage:
            if (!whole || !answer_.metered) break;
            take_usage(value);
            output_guessed_ = true;
            break;
        case value_error: take_error(read_error(value)); break;
        case value_tier:
            if (json::kind_of(value) == json::Kind::string) tier_ = short_text();
            break;
        case value_type: members.type = value.substr(0, max_kept_text); break;
        case value_object: members.object = value.substr(0, max_kept_text); break;
        case value_message: members.message = value.substr(0, max_kept_text); break;
        case value_code: members.code = value.substr(0, max_kept_text); break;
        case value_detail: members.detail = value.substr(0, max_kept_text); break;
        case value_delta:
            if (is_empty_value(value)) break;
            event_semantic = true;
            picked_text_ += text_size(value);
            break;
        case value_finish:
            if (is_empty_value(value)) break;
            finished = event_semantic = true;
            break;
        case value_id: answer_id = short_text(); break;
        case value_status: answer_status = short_text(); break;
        case value_seconds: seconds_ = seconds_of(value).or_else([&] { return seconds_; }); break;
        case value_item_type: item_type_ = short_text(); break;
        case value_item_action: item_action_ = short_text(); break;
        default: break;
    }
}

void AnswerState::take_usage(std::string_view object) {
    // Where the runs of an answer are listed, the counts beside them are of some of these runs: a zero is meant.
    const bool counted_anew =
        !rules_.runs.empty() && json::kind_of(json::find(object, {rules_.runs})) == json::Kind::array;
    fields_.merge(object, counted_anew ? std::span<const std::string_view>() : rules_.cannot_shrink);
}

void AnswerState::on_mark(std::uint8_t id, char first) {
    switch (id) {
        case mark_content:
            if (first == 'n') break;
            event_semantic = true;
            if (in_body_ && status_ < 400 && error_type.empty()) semantic = true;
            break;
        case mark_item:
            item_type_.clear();
            item_action_.clear();
            break;
        case mark_image: count_image(); break;
        case mark_grounding: queries_ = 0; break;
        case mark_page_read: reads_pages_ = true; break;
        // Chunks repeat the list as it grows.
        case mark_query: most_queries_ = std::max(most_queries_, ++queries_); break;
        default: break;
    }
}

void AnswerState::on_end(std::uint8_t id) {
    if (id == mark_item && item_type_ == "web_search_call" && (item_action_.empty() || item_action_ == "search"))
        ++searches;
    if (id == mark_element) ++step.events;
}

void AnswerState::sniff(std::string_view bytes) {
    if (started_) return;
    const std::size_t at = bytes.find_first_not_of(" \t\r\n");
    const std::size_t blank = std::min(at, bytes.size());
    if (blank > 0) {
        blank_ = true;
        indented_ = bytes[blank - 1] == ' ' || bytes[blank - 1] == '\t';
    }
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
        guessed_ = true;
    }
}

void AnswerState::feed(std::string_view bytes) {
    sniff(bytes);
    switch (format_) {
        case AnswerFormat::sse: scanner_.feed(bytes, *this); break;
        case AnswerFormat::json:
        case AnswerFormat::json_array: feed_body(bytes); break;
        case AnswerFormat::other:
            semantic = semantic || (!bytes.empty() && status_ < 400);
            body_bytes_ += static_cast<std::int64_t>(bytes.size());
            break;
    }
}

void AnswerState::feed_body(std::string_view bytes) {
    if (terminal_) return;
    in_body_ = true;
    body_bytes_ += static_cast<std::int64_t>(bytes.size());
    const std::size_t end = picker_.feed(bytes, *this);
    if (!picker_.done()) return;
    ends_at(end == json::Picker::none ? 0 : end);
    end_body();
    if (format_ == AnswerFormat::json) ++step.events;
}

void AnswerState::end_body() {
    if (status_ >= 400 || members.object == "\"error\"") take_error(read_error(members));
    if (status_ < 400 && error_type.empty()) semantic = true;
}

void AnswerState::finish(bool clean) {
    ended_ = true;
    ended_clean_ = clean;
    if (format_ == AnswerFormat::sse && clean) scanner_.finish(*this);
    if (format_ == AnswerFormat::sse && !clean) torn_ = !scanner_.at_boundary();
    if ((format_ == AnswerFormat::json || format_ == AnswerFormat::json_array) && !terminal_ && status_ >= 400)
        end_body();
}

bool AnswerState::at_boundary() const {
    switch (format_) {
        case AnswerFormat::sse: return scanner_.at_boundary();
        case AnswerFormat::json_array: return !started_ || picker_.after_element();
        case AnswerFormat::json: return !started_;
        case AnswerFormat::other: break;
    }
    return false;
}

bool AnswerState::complete() const {
    if (terminal_) return true;
    switch (format_) {
        case AnswerFormat::json:
            // A body of white space was to be followed by something, and one that only the connection's end ends has
            // said nothing when nothing came.
            return ended_clean_ && !picker_.unfinished() && (started_ || (!blank_ && !ends_with_connection_));
        case AnswerFormat::json_array: return finished && !(ended_ && picker_.unfinished());
        case AnswerFormat::sse:
            if (guessed_ && !any_event_) break;
            return finished && !torn_;
        case AnswerFormat::other: break;
    }
    return ended_clean_;
}

bool AnswerState::may_be_last() const {
    return complete() && !rules_.event_after_finish;
}

void AnswerState::on_event(const SseEvent& event) {
    if (event.unclosed && (event.in_parts ? !parts_->whole() : is_torn(event.data))) {
        torn_ = true;
        return;
    }
    any_event_ = true;
    ++step.events;
    event_begin_ = event.begin;
    event_semantic = false;
    rules_.read_event(*this, event);
    parts_.reset();
    // An error before any content is an attempt that failed, whatever follows it.
    if (event_semantic && error_type.empty()) semantic = true;
}

void AnswerState::on_part(std::string_view data, bool first) {
    if (first) parts_ = std::make_unique<EventParts>(*rules_.event);
    parts_->feed(data);
}

void AnswerState::pick(std::string_view data) {
    members.clear();
    picked_text_ = 0;
    in_body_ = false;
    if (parts_) return parts_->replay(*this);
    picker_.reset(*rules_.event);
    picker_.feed(data, *this);
}

void AnswerState::count_text(std::size_t event_size) {
    if (picked_text_ == 0 || picked_text_ > event_size) return;
    around_text_ = event_size - picked_text_;
    text_bytes_ += static_cast<std::int64_t>(picked_text_);
    ++text_events_;
}

bool AnswerState::pass_text(std::size_t event_size, std::size_t most) {
    if (around_text_ == 0 || event_size <= around_text_ || event_size > around_text_ + most) return false;
    text_bytes_ += static_cast<std::int64_t>(event_size - around_text_);
    ++text_events_;
    return true;
}

bool AnswerState::counted() const {
    return output_guessed_ ? output_counted_ : complete();
}

std::int64_t AnswerState::output_seen() const {
    return std::max(text_events_, (text_bytes_ + body_bytes_) / bytes_a_token);
}

void AnswerState::feed_message(std::string_view message) {
    started_ = true;
    format_ = AnswerFormat::sse;
    if (event_type(message) == "response.created") terminal_ = finished = false;
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
    searches = images_ = most_queries_ = 0;
}

Usage AnswerState::current() const {
    if (!answer_.metered) return {};
    Usage usage = rules_.usage(fields_);
    if (usage.service_tier.empty()) usage.service_tier = tier_;
    if (!told_tier_.empty()) usage.service_tier = told_tier_;
    // A sound's length is what is billed where the host counts nothing else.
    if (answer_.text && !usage.known()) usage.audio_seconds = seconds_;
    // What a page that was read holds is billed, what a search found is not; together they cannot be told apart.
    if (reads_pages_ || most_queries_ == 0) usage.unbilled_input.reset();
    if (answer_.counts_images && images_ > 0) usage.images = images_;
    if (!usage.web_searches && searches > 0) usage.web_searches = searches;
    if (!usage.web_searches && most_queries_ > 0) usage.web_searches = most_queries_;
    return usage;
}

Usage AnswerState::usage() const {
    return earlier_ ? sum(earlier_->usage, current()) : current();
}

std::string AnswerState::usage_raw() const {
    if (!earlier_ || earlier_->raw.empty()) return fields_.json();
    if (earlier_->raw.size() == 1 && fields_.empty()) return earlier_->raw.front();
    std::string out = "[";
    for (const std::string& raw : earlier_->raw) out += (out.size() > 1 ? "," : "") + raw;
    if (!fields_.empty()) out += "," + fields_.json();
    return out + "]";
}

}  // namespace lurus::gateway
