#include "modules/gateway/limits/limit_answer.hpp"

#include <array>

#include "core/json/json_scan.hpp"
#include "modules/gateway/dialect/own_answers.hpp"

namespace lurus::gateway {
namespace {

constexpr std::int64_t second_us = 1'000'000;

std::int64_t whole_seconds(std::int64_t us) {
    return us <= second_us ? 1 : (us + second_us - 1) / second_us;
}

std::string rfc3339_seconds(UnixMicros time) {
    // Rounded up: at that time it is so.
    std::string text = format_time((time + second_us - 1) / second_us * second_us);
    const std::size_t dot = text.find('.');
    return dot == std::string::npos ? text : text.substr(0, dot) + "Z";
}

std::string amount_text(const Refusal& refusal) {
    const std::string number = std::to_string(refusal.limit);
    switch (refusal.what) {
        case Refusal::What::requests: return number + " requests a minute";
        case Refusal::What::tokens: return number + " tokens a minute";
        case Refusal::What::input_tokens: return number + " input tokens a minute";
        case Refusal::What::output_tokens: return number + " output tokens a minute";
        case Refusal::What::concurrency: return number + " requests at once";
        case Refusal::What::budget: return refusal.budget->text();
    }
    return number;
}

std::string subject_text(const Refusal& refusal) {
    const std::string kind = refusal.subject == Subject::ip ? "address" : std::string(name_of(refusal.subject));
    return kind + " " + refusal.name;
}

std::string gemini_body(const Refusal& refusal, const std::string& message) {
    const std::string metric = std::string(name_of(refusal.subject)) + "/" + std::string(name_of(refusal.what));
    std::string out = R"({"error":{"code":429,"message":)" + json::quote(message) +
                      R"(,"status":"RESOURCE_EXHAUSTED","details":[)"
                      R"({"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":)" +
                      json::quote("lurus/" + metric) + R"(,"quotaId":)" + json::quote(metric);
    if (!refusal.budget) out += R"(,"quotaValue":")" + std::to_string(refusal.limit) + "\"";
    out += "}]}";
    if (refusal.wait_us) {
        out += R"(,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":")" +
               std::to_string(whole_seconds(*refusal.wait_us)) + "s\"}";
    }
    return out + "]}}";
}

void line(std::string& out, std::string_view prefix, std::string_view name, std::string_view value) {
    out.append(prefix).append(name).append(": ").append(value).append("\r\n");
}

struct Words {
    Measure measure;
    std::string_view anthropic;
    std::string_view openai;  // empty = that vendor has no such limit
};
constexpr std::array<Words, 4> words = {{
    {Measure::requests, "requests", "requests"},
    {Measure::tokens, "tokens", "tokens"},
    {Measure::input_tokens, "input-tokens", ""},
    {Measure::output_tokens, "output-tokens", ""},
}};

}  // namespace

std::string refusal_message(const Refusal& refusal, UnixMicros now) {
    if (refusal.what == Refusal::What::budget) {
        std::string out = "the budget of " + amount_text(refusal) + " of " + subject_text(refusal);
        if (refusal.waits_for_running)
            return out + " is held by requests that are running; try again when one has ended";
        out += " is used up";
        const auto end = refusal.budget->end(now);
        return end ? out + " until " + rfc3339_seconds(*end) : out;
    }
    const std::string out = "over the limit of " + amount_text(refusal) + " of " + subject_text(refusal);
    if (refusal.waits_for_running || !refusal.wait_us) return out + "; try again when one has ended";
    return out + "; try again in " + std::to_string(whole_seconds(*refusal.wait_us)) + " s";
}

std::string refusal_body(Family family, const Refusal& refusal, std::string_view message, const Id& trace_id) {
    if (family == Family::gemini) {
        return gemini_body(refusal, std::string(message) + " (trace " + trace_id.hex() + ")");
    }
    // OpenAI's SDKs and users tell a quota from a rate by its code.
    const bool quota = family == Family::openai && refusal.what == Refusal::What::budget && !refusal.waits_for_running;
    return error_body(family, quota ? 402 : 429, message, trace_id);
}

std::string refusal_fields(const Refusal& refusal) {
    std::string out;
    if (refusal.wait_us) line(out, "", "Retry-After", std::to_string(whole_seconds(*refusal.wait_us)));
    if (refusal.what == Refusal::What::budget && !refusal.waits_for_running) line(out, "", "x-should-retry", "false");
    return out;
}

std::string limit_fields(Family family, const Admission& admission, std::int64_t now_us, UnixMicros now) {
    std::string out;
    if (family == Family::gemini || !admission.limited()) return out;
    for (const auto& word : words) {
        const auto status = admission.status(word.measure, now_us);
        if (!status) continue;
        const std::string limit = std::to_string(status->limit);
        const std::string remaining = std::to_string(status->remaining);
        if (family == Family::anthropic) {
            const std::string prefix = "anthropic-ratelimit-" + std::string(word.anthropic);
            line(out, prefix, "-limit", limit);
            line(out, prefix, "-remaining", remaining);
            line(out, prefix, "-reset", rfc3339_seconds(now + status->empty_in_us));
        } else if (!word.openai.empty()) {
            line(out, "x-ratelimit-limit-", word.openai, limit);
            line(out, "x-ratelimit-remaining-", word.openai, remaining);
            line(out, "x-ratelimit-reset-", word.openai, short_duration(status->empty_in_us));
        }
    }
    return out;
}

std::string short_duration(std::int64_t us) {
    const std::int64_t ms = (us + 999) / 1000;
    if (ms < 1000) return std::to_string(ms) + "ms";
    std::string out;
    const std::int64_t seconds = ms / 1000;
    if (seconds >= 3600) out += std::to_string(seconds / 3600) + "h";
    if (seconds >= 60) out += std::to_string(seconds / 60 % 60) + "m";
    out += std::to_string(seconds % 60);
    if (std::int64_t rest = ms % 1000; rest != 0) {
        std::string digits = std::to_string(rest);
        digits.insert(0, 3 - digits.size(), '0');
        while (digits.back() == '0') digits.pop_back();
        out += "." + digits;
    }
    return out + "s";
}

}  // namespace lurus::gateway
