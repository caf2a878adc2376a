#pragma once
// The wire protocols that clients and vendors speak.

#include <cstdint>
#include <optional>
#include <string_view>

namespace lurus {

/// A wire protocol. `openai` is what OpenAI serves beside chat and responses (embeddings, images, audio, models ...).
enum class Dialect : std::uint8_t { anthropic, openai_chat, openai_responses, openai, gemini };

/// Which base URL, credential header and error shape belong together.
enum class Family : std::uint8_t { anthropic, openai, gemini };

constexpr Family family_of(Dialect d) {
    switch (d) {
        case Dialect::anthropic: return Family::anthropic;
        case Dialect::gemini: return Family::gemini;
        default: return Family::openai;
    }
}

/// `anthropic`, `openai-chat`, `openai-responses`, `openai`, `gemini`.
constexpr std::string_view name_of(Dialect d) {
    switch (d) {
        case Dialect::anthropic: return "anthropic";
        case Dialect::openai_chat: return "openai-chat";
        case Dialect::openai_responses: return "openai-responses";
        case Dialect::openai: return "openai";
        case Dialect::gemini: return "gemini";
    }
    return "openai";
}

/// `anthropic`, `openai`, `gemini`.
constexpr std::string_view name_of(Family f) {
    switch (f) {
        case Family::anthropic: return "anthropic";
        case Family::openai: return "openai";
        case Family::gemini: return "gemini";
    }
    return "openai";
}

constexpr std::optional<Dialect> dialect_from(std::string_view name) {
    for (Dialect d :
         {Dialect::anthropic, Dialect::openai_chat, Dialect::openai_responses, Dialect::openai, Dialect::gemini}) {
        if (name_of(d) == name) return d;
    }
    return std::nullopt;
}

constexpr std::optional<Family> family_from(std::string_view name) {
    for (Family f : {Family::anthropic, Family::openai, Family::gemini}) {
        if (name_of(f) == name) return f;
    }
    return std::nullopt;
}

}  // namespace lurus
