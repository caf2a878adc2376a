// OpenAI beside chat and responses: embeddings, moderations, pictures, sound.

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "core/text/base64.hpp"
#include "modules/provider/demo/demo_openai.hpp"
#include "modules/provider/demo/demo_vectors.hpp"

namespace lurus::provider::demo {
namespace {

// A red square of 1×1 pixel.
constexpr const char* png_base64 =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";
constexpr const char* heard = "Hello from the Lurus demo.";

/// Texts and token lists alike; a list of numbers is one input.
std::vector<json> inputs_of(const json& input) {
    if (!input.is_array() || (!input.empty() && input.front().is_number())) return {input};
    return {input.begin(), input.end()};
}

std::int64_t input_tokens(const json& input) {
    return input.is_array() ? static_cast<std::int64_t>(input.size()) : tokens_in(input);
}

void append_number(std::string& out, std::uint32_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
}

/// A fifth of a second of a 440 Hz tone, 8 kHz, 16 bits, mono.
std::string tone() {
    constexpr std::uint32_t rate = 8000;
    constexpr std::uint32_t samples = rate / 5;
    std::string out = "RIFF";
    append_number(out, 36 + samples * 2, 4);
    out += "WAVEfmt ";
    append_number(out, 16, 4);
    append_number(out, 1, 2);
    append_number(out, 1, 2);
    append_number(out, rate, 4);
    append_number(out, rate * 2, 4);
    append_number(out, 2, 2);
    append_number(out, 16, 2);
    out += "data";
    append_number(out, samples * 2, 4);
    for (std::uint32_t i = 0; i < samples; ++i) {
        const double level = std::sin(2 * std::numbers::pi * 440 * i / rate) * 8000;
        append_number(out, static_cast<std::uint16_t>(static_cast<std::int16_t>(level)), 2);
    }
    return out;
}

/// A field of a multipart form, or empty; enough for short text fields.
std::string form_field(std::string_view body, std::string_view name) {
    const auto at = body.find("name=\"" + std::string(name) + "\"");
    if (at == std::string_view::npos) return {};
    const auto begin = body.find("\r\n\r\n", at);
    if (begin == std::string_view::npos) return {};
    const auto end = body.find("\r\n", begin + 4);
    return std::string(body.substr(begin + 4, end == std::string_view::npos ? end : end - begin - 4));
}

std::string field(const Call& call, std::string_view name) {
    return call.body.is_object() ? text_at(call.body, name) : form_field(call.raw, name);
}

}  // namespace

LocalReply openai_embeddings(const Call& call) {
    if (auto refused = openai_refusal(call, "input")) return std::move(*refused);
    const std::string model = text_at(call.body, "model");
    const std::int64_t usual = model.contains("large") ? 3072 : 1536;
    const std::int64_t wanted = number_at(call.body, "dimensions");
    if (wanted < 0 || wanted > usual)
        return failure(Family::openai, 400, "dimensions must be from 1 to " + std::to_string(usual) + ".");
    const auto size = static_cast<std::size_t>(wanted == 0 ? usual : wanted);
    const bool as_bytes = text_at(call.body, "encoding_format") == "base64";
    const auto inputs = inputs_of(at(call.body, "input"));
    if (inputs.empty()) return failure(Family::openai, 400, "'input' must not be empty.");
    ordered_json data = ordered_json::array();
    std::int64_t tokens = 0;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        const auto vector = unit_vector(inputs[i].is_string() ? inputs[i].get<std::string>() : dump(inputs[i]), size);
        ordered_json shown = as_bytes ? ordered_json(base64(float_bytes(vector))) : ordered_json(vector);
        data.push_back({{"object", "embedding"}, {"index", i}, {"embedding", std::move(shown)}});
        tokens += input_tokens(inputs[i]);
    }
    return json_reply({{"object", "list"},
                       {"data", std::move(data)},
                       {"model", model},
                       {"usage", {{"prompt_tokens", tokens}, {"total_tokens", tokens}}}});
}

LocalReply openai_moderations(const Call& call) {
    if (auto refused = openai_refusal(call, "input?")) return std::move(*refused);
    constexpr std::array<std::string_view, 13> names{"harassment",
                                                     "harassment/threatening",
                                                     "hate",
                                                     "hate/threatening",
                                                     "illicit",
                                                     "illicit/violent",
                                                     "self-harm",
                                                     "self-harm/instructions",
                                                     "self-harm/intent",
                                                     "sexual",
                                                     "sexual/minors",
                                                     "violence",
                                                     "violence/graphic"};
    ordered_json categories = ordered_json::object();
    ordered_json scores = ordered_json::object();
    ordered_json kinds = ordered_json::object();
    for (const auto name : names) {
        categories[std::string(name)] = false;
        scores[std::string(name)] = 0.0001;
        kinds[std::string(name)] = ordered_json::array({"text"});
    }
    const json& input = at(call.body, "input");
    // Parts of one multi-modal message are judged together.
    const bool parts = input.is_array() && !input.empty() && input.front().is_object();
    ordered_json results = ordered_json::array();
    for (std::size_t i = 0; i < (parts ? 1 : inputs_of(input).size()); ++i) {
        results.push_back({{"flagged", false},
                           {"categories", categories},
                           {"category_scores", scores},
                           {"category_applied_input_types", kinds}});
    }
    const std::string model = text_at(call.body, "model");
    return json_reply({{"id", make_id("modr-", call.raw, "moderation")},
                       {"model", model.empty() ? "omni-moderation-latest" : model},
                       {"results", std::move(results)}});
}

LocalReply openai_images(const Call& call) {
    const std::string model = field(call, "model");
    if (auto wanted = wanted_failure(Family::openai, model)) return std::move(*wanted);
    const std::string prompt = field(call, "prompt");
    if (prompt.empty() && !call.path.ends_with("/variations"))
        return failure(Family::openai, 400, "Missing required parameter: 'prompt'.");
    std::int64_t count = number_at(call.body, "n");
    if (const std::string text = form_field(call.raw, "n"); !call.body.is_object() && text.size() == 1)
        count = text[0] - '0';
    const bool as_url = field(call, "response_format") == "url";
    ordered_json data = ordered_json::array();
    for (std::int64_t i = 0; i < std::clamp<std::int64_t>(count, 1, 10); ++i) {
        if (as_url) {
            data.push_back({{"url", std::string("data:image/png;base64,") + png_base64}});
        } else {
            data.push_back({{"b64_json", png_base64}});
        }
    }
    const std::int64_t input = tokens_of(prompt);
    const auto output = static_cast<std::int64_t>(data.size()) * 272;
    ordered_json body{{"created", made_at}, {"data", std::move(data)}};
    if (!model.starts_with("dall-e")) {
        body["usage"] = {{"input_tokens", input},
                         {"input_tokens_details", {{"image_tokens", 0}, {"text_tokens", input}}},
                         {"output_tokens", output},
                         {"total_tokens", input + output}};
    }
    return json_reply(body);
}

LocalReply openai_speech(const Call& call) {
    if (auto refused = openai_refusal(call, "input")) return std::move(*refused);
    return bytes_reply("audio/wav", tone());
}

LocalReply openai_transcription(const Call& call) {
    const std::string model = form_field(call.raw, "model");
    if (model.empty()) return failure(Family::openai, 400, "you must provide a model parameter");
    if (auto wanted = wanted_failure(Family::openai, model)) return std::move(*wanted);
    const std::string format = form_field(call.raw, "response_format");
    const std::int64_t output = tokens_of(std::string_view(heard));
    const ordered_json usage{{"type", "tokens"},
                             {"input_tokens", 20},
                             {"input_token_details", {{"text_tokens", 0}, {"audio_tokens", 20}}},
                             {"output_tokens", output},
                             {"total_tokens", 20 + output}};
    if (form_field(call.raw, "stream") == "true") {
        Stream stream("text/event-stream; charset=utf-8");
        for (const auto& piece : pieces(heard)) stream.data({{"type", "transcript.text.delta"}, {"delta", piece}});
        stream.data({{"type", "transcript.text.done"}, {"text", heard}, {"usage", usage}});
        return stream.take();
    }
    if (format == "text") return bytes_reply("text/plain; charset=utf-8", std::string(heard) + "\n");
    if (format == "srt")
        return bytes_reply("text/plain; charset=utf-8",
                           std::string("1\n00:00:00,000 --> 00:00:01,000\n") + heard + "\n\n");
    if (format == "vtt")
        return bytes_reply("text/plain; charset=utf-8",
                           std::string("WEBVTT\n\n00:00:00.000 --> 00:00:01.000\n") + heard + "\n\n");
    if (format == "verbose_json") {
        ordered_json segment{{"id", 0},
                             {"seek", 0},
                             {"start", 0.0},
                             {"end", 1.0},
                             {"text", heard},
                             {"tokens", ordered_json::array()},
                             {"temperature", 0.0},
                             {"avg_logprob", -0.1},
                             {"compression_ratio", 1.0},
                             {"no_speech_prob", 0.0}};
        return json_reply({{"task", call.path.ends_with("/translations") ? "translate" : "transcribe"},
                           {"language", "english"},
                           {"duration", 1.0},
                           {"text", heard},
                           {"segments", ordered_json::array({std::move(segment)})},
                           {"usage", {{"type", "duration"}, {"seconds", 1}}}});
    }
    return json_reply({{"text", heard}, {"usage", usage}});
}

}  // namespace lurus::provider::demo
