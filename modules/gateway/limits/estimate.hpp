#pragma once
// What a request is thought to use before anybody has answered it.

#include "modules/gateway/answer/answer_reader.hpp"
#include "modules/gateway/limits/limit_admission.hpp"
#include "modules/gateway/session/request.hpp"

namespace lurus::gateway {

/// Tokens in: a quarter of the body's bytes. Tokens out: what the body allows, else a thousand. None for operations
/// whose answers are not counted in tokens.
RequestEstimate estimate_of(const Endpoint& endpoint, const RequestFacts& facts, std::size_t body_bytes);

/// What those tokens cost at the first candidate; 0 when it has no price.
Money estimated_cost(Request& request, const RequestEstimate& estimate);
/// The same where that provider is asked for that model.
Money estimated_cost(const Request& request, const Provider& provider, const std::string& model,
                     const RequestEstimate& estimate);

/// Puts guesses where a vendor that was asked did not say what it used, or not yet all of it, and flags the usage:
/// tokens in as above, tokens out by what came of the answer, whose reader is null where nothing did.
void estimate_missing(Usage& usage, const Request& request, const AnswerReader* reader);

}  // namespace lurus::gateway
