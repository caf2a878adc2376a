#include "modules/gateway/answer/usage_classes.hpp"

#include <algorithm>
#include <limits>

#include "core/json/json_scan.hpp"

namespace lurus::gateway {
namespace {

using Count = std::optional<std::int64_t>;

std::int64_t add(std::int64_t a, std::int64_t b) {
    // Counts come from outside: a sum must not overflow.
    return a > std::numeric_limits<std::int64_t>::max() - b ? std::numeric_limits<std::int64_t>::max() : a + b;
}

Count plus(Count a, Count b) {
    if (!a) return b;
    return b ? Count(add(*a, *b)) : a;
}

Count minus(Count whole, Count part) {
    if (!whole || !part) return whole;
    return std::max<std::int64_t>(0, *whole - *part);
}

template <class F>
void each_element(std::string_view array, F&& visit) {
    json::Reader reader(array, json::Mode::trusting);
    if (reader.peek() != json::Kind::array || !reader.enter_array()) return;
    while (reader.next_element()) {
        const std::string_view element = reader.skip();
        if (!reader.failed()) visit(element);
    }
}

// Cache writes: what the split does not cover is billed as the 5-minute kind.
void anthropic_cache_writes(const KnownUsage& fields, Usage& usage) {
    const Count total = fields.count("cache_creation_input_tokens");
    const KnownUsage parts = fields.inside("cache_creation");
    const Count five = parts.count("ephemeral_5m_input_tokens");
    const Count hour = parts.count("ephemeral_1h_input_tokens");
    usage.cache_write_5m = five;
    usage.cache_write_1h = hour;
    if (!total) return;
    const std::int64_t split = add(five.value_or(0), hour.value_or(0));
    usage.cache_write_5m = add(five.value_or(0), std::max<std::int64_t>(0, *total - split));
}

Usage anthropic_one(const KnownUsage& fields) {
    Usage usage;
    usage.input = fields.count("input_tokens");
    usage.cache_read = fields.count("cache_read_input_tokens");
    anthropic_cache_writes(fields, usage);
    usage.output = fields.count("output_tokens");
    const KnownUsage details = fields.inside("output_tokens_details");
    usage.reasoning = details.first({"thinking_tokens", "reasoning_tokens"});
    return usage;
}

Usage anthropic(const KnownUsage& fields) {
    Usage usage = anthropic_one(fields);
    // The top-level counts leave the compaction iterations out, which are billed like the others; `message` iterations
    // are in.
    each_element(fields.raw("iterations"), [&](std::string_view iteration) {
        if (json::string_value(json::find(iteration, {"type"})) != "compaction") return;
        UsageFields part;
        part.merge(iteration);
        usage = sum(usage, anthropic_one(KnownUsage(part)));
    });
    usage.web_searches = fields.inside("server_tool_use").count("web_search_requests");
    usage.service_tier = json::string_value(fields.raw("service_tier"));
    return usage;
}

// The breakdowns of one side's tokens, under the names that hosts give them.
struct Details {
    KnownUsage first, second, third;
    [[nodiscard]] Count count(UsageName name) const {
        return first.count(name).or_else([&] { return second.count(name); }).or_else([&] { return third.count(name); });
    }
};

Usage openai(const KnownUsage& f) {
    Usage usage;
    const Count prompt = f.first({"prompt_tokens", "input_tokens"});
    const Count completion = f.first({"completion_tokens", "output_tokens"});
    const Details in{f.inside("prompt_tokens_details"), f.inside("input_tokens_details"),
                     f.inside("input_token_details")};
    const Details out{f.inside("completion_tokens_details"), f.inside("output_tokens_details"),
                      f.inside("output_token_details")};
    usage.cache_read = in.count("cached_tokens").or_else([&] {
        return f.first({"cached_tokens", "prompt_cache_hit_tokens", "num_cached_tokens", "cache_read_input_tokens"});
    });
    usage.cache_write_5m = in.count("cache_write_tokens")
                               .or_else([&] { return in.count("cache_creation_input_tokens"); })
                               .or_else([&] { return in.count("cache_creation_tokens"); })
                               .or_else([&] { return f.count("cache_creation_input_tokens"); });
    usage.input = minus(minus(prompt, usage.cache_read), usage.cache_write_5m);
    // DeepSeek says the fresh part outright when the whole is missing.
    if (!usage.input) usage.input = f.count("prompt_cache_miss_tokens");
    usage.reasoning = out.count("reasoning_tokens").or_else([&] { return f.count("reasoning_tokens"); });
    usage.output = completion;
    // xAI counts reasoning beside the completion; the total tells.
    const Count total = f.count("total_tokens");
    if (total && prompt && completion && usage.reasoning.value_or(0) > 0 &&
        *total == add(add(*prompt, *completion), *usage.reasoning)) {
        usage.output = add(*completion, *usage.reasoning);
    }
    Count cached_audio;
    for (const KnownUsage* object : {&f, &in.third, &in.second, &in.first}) {
        if (!cached_audio) cached_audio = object->inside("cached_tokens_details").count("audio_tokens");
    }
    usage.audio_input = minus(in.count("audio_tokens"), cached_audio);
    usage.audio_output = out.count("audio_tokens");
    usage.web_searches =
        f.inside("server_tool_use").count("web_search_requests").or_else([&] { return f.count("num_search_queries"); });
    usage.service_tier = json::string_value(f.raw("service_tier"));
    return usage;
}

// Tokens of one modality in a `[{modality, tokenCount}]` list; empty when it is not listed.
Count of_modality(std::string_view list, std::string_view modality) {
    Count found;
    each_element(list, [&](std::string_view entry) {
        if (json::string_value(json::find(entry, {"modality"})) == modality)
            found = plus(found, token_count(json::find(entry, {"tokenCount"})));
    });
    return found;
}

std::string gemini_tier(const KnownUsage& fields) {
    const std::string tier = json::string_value(fields.raw("serviceTier"));
    if (!tier.empty()) return tier;
    const std::string traffic = json::string_value(fields.raw("trafficType"));
    if (traffic == "ON_DEMAND") return "standard";
    if (traffic == "ON_DEMAND_FLEX") return "flex";
    if (traffic == "ON_DEMAND_PRIORITY") return "priority";
    return traffic;
}

Usage gemini(const KnownUsage& f) {
    Usage usage;
    usage.cache_read = f.count("cachedContentTokenCount");
    usage.input = plus(minus(f.count("promptTokenCount"), usage.cache_read), f.count("toolUsePromptTokenCount"));
    usage.reasoning = f.count("thoughtsTokenCount");
    // `responseTokenCount` is the live API's name.
    usage.output = plus(f.first({"candidatesTokenCount", "responseTokenCount"}), usage.reasoning);
    usage.audio_input =
        minus(of_modality(f.raw("promptTokensDetails"), "AUDIO"), of_modality(f.raw("cacheTokensDetails"), "AUDIO"));
    usage.audio_output = of_modality(f.raw("candidatesTokensDetails"), "AUDIO");
    usage.service_tier = gemini_tier(f);
    return usage;
}

}  // namespace

Usage usage_classes(Family family, const UsageFields& merged) {
    const KnownUsage fields(merged);
    switch (family) {
        case Family::anthropic: return anthropic(fields);
        case Family::gemini: return gemini(fields);
        case Family::openai: break;
    }
    return openai(fields);
}

Usage sum(const Usage& a, const Usage& b) {
    Usage out;
    out.input = plus(a.input, b.input);
    out.cache_read = plus(a.cache_read, b.cache_read);
    out.cache_write_5m = plus(a.cache_write_5m, b.cache_write_5m);
    out.cache_write_1h = plus(a.cache_write_1h, b.cache_write_1h);
    out.output = plus(a.output, b.output);
    out.reasoning = plus(a.reasoning, b.reasoning);
    out.audio_input = plus(a.audio_input, b.audio_input);
    out.audio_output = plus(a.audio_output, b.audio_output);
    out.images = plus(a.images, b.images);
    out.web_searches = plus(a.web_searches, b.web_searches);
    out.service_tier = b.service_tier.empty() ? a.service_tier : b.service_tier;
    out.estimated = a.estimated || b.estimated;
    return out;
}

}  // namespace lurus::gateway
