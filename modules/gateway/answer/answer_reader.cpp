#include "modules/gateway/answer/answer_reader.hpp"

#include <algorithm>

#include "core/text/ascii.hpp"
#include "modules/gateway/answer/answer_state.hpp"

namespace lurus::gateway {
namespace {

bool contains(std::string_view text, std::string_view lower_case_word) {
    auto same = [](char a, char b) { return lower(a) == b; };
    return !std::ranges::search(text, lower_case_word, same).empty();
}

bool asks_for_events(std::string_view target) {
    return target.find("alt=sse") != std::string_view::npos;
}

}  // namespace

bool streams_array(const Endpoint& endpoint, std::string_view target) {
    return endpoint.streams && !asks_for_events(target);
}

AnswerFormat answer_format(const UpstreamAnswer& answer, std::string_view target, std::string_view content_type) {
    const bool array = answer.array_stream && !asks_for_events(target);
    // The two that nearly all answers have, then what else they may be called.
    if (content_type == "application/json") return array ? AnswerFormat::json_array : AnswerFormat::json;
    if (content_type == "text/event-stream" || contains(content_type, "text/event-stream")) return AnswerFormat::sse;
    const bool plain = content_type.empty() || (contains(content_type, "text/plain") && !answer.text);
    if (plain && answer.array_stream && !array) return AnswerFormat::sse;
    if (plain ||
        (contains(content_type, "json") && !contains(content_type, "ndjson") && !contains(content_type, "jsonl"))) {
        return array ? AnswerFormat::json_array : AnswerFormat::json;
    }
    return AnswerFormat::other;
}

AnswerReader::AnswerReader(const UpstreamAnswer& answer, AnswerFormat format, int status)
    : state_(std::make_unique<AnswerState>(answer, format, status)) {}
AnswerReader::~AnswerReader() = default;
AnswerReader::AnswerReader(AnswerReader&&) noexcept = default;
AnswerReader& AnswerReader::operator=(AnswerReader&&) noexcept = default;

AnswerReader::Step AnswerReader::feed(std::string_view bytes) {
    state_->step = {};
    state_->feed(bytes);
    state_->step.semantic = state_->semantic;
    return state_->step;
}

AnswerReader::Step AnswerReader::feed_event(std::string_view json) {
    state_->step = {};
    state_->feed_message(json);
    state_->step.semantic = state_->semantic;
    return state_->step;
}

void AnswerReader::ends_with_connection() {
    state_->ends_with_connection();
}
bool AnswerReader::started() const {
    return state_->started();
}
void AnswerReader::tell_tier(std::string_view tier) {
    state_->tell_tier(tier);
}
void AnswerReader::finish(bool clean) {
    state_->finish(clean);
}
bool AnswerReader::at_event_boundary() const {
    return state_->at_boundary();
}
bool AnswerReader::complete() const {
    return state_->complete();
}
bool AnswerReader::may_be_last() const {
    return state_->may_be_last();
}
const std::string& AnswerReader::error_type() const {
    return state_->error_type;
}
const std::string& AnswerReader::error_message() const {
    return state_->error_message;
}
Usage AnswerReader::usage() const {
    return state_->usage();
}
bool AnswerReader::counted(const Usage& usage) const {
    return usage.known() && state_->counted();
}
std::int64_t AnswerReader::output_seen() const {
    return state_->output_seen();
}
bool AnswerReader::is_body() const {
    return state_->is_body();
}
const std::string& AnswerReader::answer_id() const {
    return state_->answer_id;
}
const std::string& AnswerReader::answer_status() const {
    return state_->answer_status;
}
std::string AnswerReader::usage_raw() const {
    return state_->usage_raw();
}

}  // namespace lurus::gateway
