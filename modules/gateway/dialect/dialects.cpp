#include "modules/gateway/dialect/anthropic/anthropic.hpp"
#include "modules/gateway/dialect/dialect.hpp"
#include "modules/gateway/dialect/gemini/gemini.hpp"
#include "modules/gateway/dialect/openai/openai.hpp"
#include "modules/gateway/dialect/openai_chat/openai_chat.hpp"
#include "modules/gateway/dialect/openai_responses/openai_responses.hpp"

namespace lurus::gateway {
namespace {

// A dialect's place is its number.
constexpr DialectRules dialects[] = {
    {Dialect::anthropic, &anthropic::scan, &anthropic::read, &anthropic::errors, &anthropic::limits,
     &anthropic::endpoints},
    {Dialect::openai_chat, &openai_chat::scan, &openai_chat::read, &openai_chat::errors, &openai::limits,
     &openai_chat::endpoints},
    {Dialect::openai_responses, &openai_responses::scan, &openai_responses::read, &openai_responses::errors,
     &openai::limits, &openai_responses::endpoints},
    {Dialect::openai, &openai::scan, &openai::read, &openai::errors, &openai::limits, &openai::endpoints},
    {Dialect::gemini, &gemini::scan, &gemini::read, &gemini::errors, &gemini::limits, &gemini::endpoints},
};

static_assert([] {
    for (std::size_t i = 0; i < std::size(dialects); ++i) {
        if (static_cast<std::size_t>(dialects[i].dialect) != i) return false;
    }
    return std::size(dialects) == dialect_names.size();
}());

}  // namespace

std::span<const DialectRules> all_dialects() {
    return dialects;
}

const DialectRules& rules_of(Dialect dialect) {
    return dialects[static_cast<std::size_t>(dialect)];
}

const DialectRules& rules_of(Family family) {
    switch (family) {
        case Family::anthropic: return rules_of(Dialect::anthropic);
        case Family::gemini: return rules_of(Dialect::gemini);
        case Family::openai: break;
    }
    return rules_of(Dialect::openai);
}

}  // namespace lurus::gateway
