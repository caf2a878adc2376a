// Answers of the Messages API: docs.anthropic.com, "Messages" and "Streaming Messages". Events are message_start,
// content_block_start, _delta and _stop, message_delta, message_stop, ping and error; message_start and message_delta
// carry parts of the usage.

#include <algorithm>

#include "modules/gateway/answer/answer_picks.hpp"
#include "modules/gateway/answer/answer_state.hpp"
#include "modules/gateway/answer/event_text.hpp"
#include "modules/gateway/answer/usage_counts.hpp"
#include "modules/gateway/answer/usage_fields.hpp"
#include "modules/gateway/dialect/anthropic/anthropic.hpp"

namespace lurus::gateway::anthropic {
namespace {

constexpr json::Pick first_usage[] = {capture("usage", value_first_usage)};
constexpr json::Pick delta_text[] = {capture("type", value_nothing), capture("*", value_delta)};

constexpr json::Pick body_members[] = {
    capture("usage", value_usage),      capture("error", value_error),   capture("message", value_message),
    capture("type", value_type),        capture("detail", value_detail), mark("content", mark_content),
    mark("input_tokens", mark_content),
};
constexpr json::Pick event_members[] = {
    capture("type", value_type),    capture("usage", value_usage), capture("error", value_error),
    inside("message", first_usage), inside("delta", delta_text),
};

constexpr json::Pick body_picks = inside("", body_members);
constexpr json::Pick event_picks = inside("", event_members);

constexpr std::size_t most_text = 256;  // of an event that is not read

constexpr std::string_view cannot_shrink[] = {"input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
                                              "ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"};

constexpr UsageNames usage_names{"input_tokens",
                                 "output_tokens",
                                 "cache_read_input_tokens",
                                 "cache_creation_input_tokens",
                                 "cache_creation",
                                 "ephemeral_5m_input_tokens",
                                 "ephemeral_1h_input_tokens",
                                 "output_tokens_details",
                                 "thinking_tokens",
                                 "reasoning_tokens",
                                 "iterations",
                                 "type",
                                 "model",
                                 "speed",
                                 "inference_geo",
                                 "server_tool_use",
                                 "web_search_requests",
                                 "service_tier"};
using Fields = KnownUsage<usage_names>;

constexpr std::size_t max_runs = 64;

// Cache writes: what the split does not cover is billed as the 5-minute kind.
void cache_writes(const Fields& fields, Usage& usage) {
    const Count total = fields.count("cache_creation_input_tokens");
    const Fields parts = fields.inside("cache_creation");
    const Count five = parts.count("ephemeral_5m_input_tokens");
    const Count hour = parts.count("ephemeral_1h_input_tokens");
    usage.cache_write_5m = five;
    usage.cache_write_1h = hour;
    if (!total) return;
    const std::int64_t split = add(five.value_or(0), hour.value_or(0));
    usage.cache_write_5m = add(five.value_or(0), std::max<std::int64_t>(0, *total - split));
}

Usage usage_of(const Fields& fields) {
    Usage usage;
    usage.input = fields.count("input_tokens");
    usage.cache_read = fields.count("cache_read_input_tokens");
    cache_writes(fields, usage);
    usage.output = fields.count("output_tokens");
    const Fields details = fields.inside("output_tokens_details");
    usage.reasoning = details.first({"thinking_tokens", "reasoning_tokens"});
    return usage;
}

// A run by another model than the one that was asked for has its own speed, where it has one.
UsagePart run_of(const Fields& run, const Fields& answer) {
    UsagePart part{.model = json::string_value(run.raw("model")), .usage = usage_of(run)};
    std::string speed = json::string_value(run.raw("speed"));
    if (speed.empty() && part.model.empty()) speed = json::string_value(answer.raw("speed"));
    part.usage.service_tier = served(json::string_value(answer.raw("service_tier")),
                                     {speed, json::string_value(answer.raw("inference_geo"))});
    return part;
}

// docs.anthropic.com, "Compaction", "Advisor tool" and "Server-side fallback": `iterations` lists every run of a model
// that made the answer. The counts beside it are the sum of the runs of type `message` alone, but each is billed, by
// the price of the model that ran.
struct Runs {
    std::vector<UsagePart> all;
    Usage usage;  // of those that read and wrote the conversation; an advisor's tokens are not the answer's
};

Runs runs_of(const Fields& answer) {
    Runs runs;
    bool answered = false;
    const auto take = [&](const Fields& run, std::string_view type) {
        answered = answered || (type != "compaction" && type != "advisor_message");
        runs.all.push_back(run_of(run, answer));
        if (type != "advisor_message") runs.usage = sum(runs.usage, runs.all.back().usage);
    };
    each_element(answer.raw("iterations"), [&](std::string_view iteration) {
        const Fields run(iteration);
        if (runs.all.size() < max_runs) take(run, json::string_value(run.raw("type")));
    });
    if (!runs.all.empty() && !answered) take(answer, "message");
    return runs;
}

Usage usage(const UsageFields& merged) {
    const Fields fields(merged);
    Runs runs = runs_of(fields);
    Usage usage = runs.all.empty() ? usage_of(fields) : runs.usage;
    usage.web_searches = fields.inside("server_tool_use").count("web_search_requests");
    usage.service_tier =
        served(json::string_value(fields.raw("service_tier")),
               {json::string_value(fields.raw("speed")), json::string_value(fields.raw("inference_geo"))});
    if (runs.all.size() < 2 && (runs.all.empty() || runs.all.front().model.empty())) return usage;
    // Searches are of the model that was asked for, where it ran.
    auto searcher = std::ranges::find_if(runs.all, [](const UsagePart& run) { return run.model.empty(); });
    if (searcher == runs.all.end()) searcher = runs.all.begin();
    searcher->usage.web_searches = usage.web_searches;
    usage.parts = std::move(runs.all);
    return usage;
}

void read_event(AnswerState& answer, const SseEvent& event) {
    const std::string_view data = event.data;
    const std::string_view type = event.name.empty() ? event_type(data) : event.name;
    if (type == "content_block_delta") {
        if (!answer.pass_text(data.size(), most_text)) answer.pick_text(data);
        answer.event_semantic = true;
    } else if (type == "content_block_start" || type == "content_block_stop") {
        answer.event_semantic = true;
    } else if (type == "message_stop") {
        answer.event_semantic = true;
        answer.end_at_event();
    } else if (type != "ping") {
        answer.pick(data);
        // Without an `event:` line, and with `type` not in front.
        const std::string inner = type.empty() ? json::string_value(answer.members.type) : std::string();
        if (type == "error" || inner == "error") answer.take_error("error", data);
        answer.event_semantic =
            type == "message_delta" || inner == "message_delta" || inner.starts_with("content_block");
        if (inner == "content_block_delta") answer.count_text(data.size());
        if (inner == "message_stop") answer.end_at_event();
    }
}

}  // namespace

constinit const ReadRules read{.body = &body_picks,
                               .event = &event_picks,
                               .read_event = read_event,
                               .usage = usage,
                               .cannot_shrink = cannot_shrink,
                               .runs = "iterations"};

}  // namespace lurus::gateway::anthropic
