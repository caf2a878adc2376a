#pragma once
// The wire protocols that clients and vendors speak.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lurus {

/// A wire protocol. `openai` is what OpenAI serves beside chat and responses (embeddings, images, audio, models ...).
/// What a client speaks and what is spoken upstream are two things, also where they are equal.
enum class Dialect : std::uint8_t { anthropic, openai_chat, openai_responses, openai, gemini };

/// Which base URL, credential header and error shape belong together.
enum class Family : std::uint8_t { anthropic, openai, gemini };

struct DialectName {
    Dialect dialect;
    Family family;
    std::string_view name;
};

/// A dialect's place is its number, which the log keeps: a new one comes last.
inline constexpr std::array dialect_names{
    DialectName{Dialect::anthropic, Family::anthropic, "anthropic"},
    DialectName{Dialect::openai_chat, Family::openai, "openai-chat"},
    DialectName{Dialect::openai_responses, Family::openai, "openai-responses"},
    DialectName{Dialect::openai, Family::openai, "openai"},
    DialectName{Dialect::gemini, Family::gemini, "gemini"},
};

/// In the order of their numbers.
inline constexpr std::array<std::string_view, 3> family_names{"anthropic", "openai", "gemini"};

constexpr Family family_of(Dialect d) {
    return dialect_names[static_cast<std::size_t>(d)].family;
}

constexpr std::string_view name_of(Dialect d) {
    return dialect_names[static_cast<std::size_t>(d)].name;
}

constexpr std::string_view name_of(Family f) {
    return family_names[static_cast<std::size_t>(f)];
}

constexpr std::optional<Dialect> dialect_from(std::string_view name) {
    for (const DialectName& known : dialect_names) {
        if (known.name == name) return known.dialect;
    }
    return std::nullopt;
}

constexpr std::optional<Family> family_from(std::string_view name) {
    for (std::size_t i = 0; i < family_names.size(); ++i) {
        if (family_names[i] == name) return static_cast<Family>(i);
    }
    return std::nullopt;
}

}  // namespace lurus
