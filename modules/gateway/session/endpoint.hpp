#pragma once
// Which of the served endpoints a request names. The paths are in the dialects' folders.

#include <cstdint>
#include <optional>
#include <string_view>

#include "lurus/dialect.hpp"

namespace lurus::gateway {

enum class Operation : std::uint8_t {
    messages,
    count_tokens,  // Anthropic
    chat,
    completions,
    responses,
    responses_compact,
    responses_input_tokens,
    responses_resource,
    embeddings,  // OpenAI
    moderations,
    images,
    audio,
    realtime,
    generate,
    stream_generate,
    gemini_count_tokens,
    embed,
    batch_embed,
    gemini_live,   // sessions over a WebSocket
    gemini_other,  // Gemini
    rerank,
    resource,  // what a vendor keeps: files, batches, vector stores ...
    models_list,
    model_get,  // answered from the catalogue
};

/// What a vendor answers, in the dialect that is spoken upstream, which need not be the client's.
struct UpstreamAnswer {
    Dialect dialect = Dialect::openai;  // whose events, errors and usage it has
    bool metered = true;         // false: its usage is of tokens that were not used, or that another request paid for
    bool counts_images = false;  // pictures in it are counted
    bool text = false;           // text/plain is its content, not JSON of a host that says so
    bool background = false;     // may be made behind: id and status are looked for
    bool array_stream = false;   // a stream is a JSON array, unless the query's `alt` is `sse`
};

/// Which large bodies need not be held: nothing here looks into them, and they pass as they come.
enum class Passes : std::uint8_t { none, forms, all };

struct Endpoint {
    Operation operation = Operation::messages;
    Dialect dialect = Dialect::openai;  // the client's
    UpstreamAnswer answer;
    std::string_view name;  // for the record: `messages`, `chat.completions`, `generateContent` ...
    std::string_view
        path_model;  // Gemini, `models/{id}`, realtime's `?model=`: a part of the target, still percent-encoded
    std::string_view target;      // as the dialects know it, what goes upstream; empty = as the client wrote it
    std::string_view deployment;  // Azure's: the model, whatever the body says; a part of it, still percent-encoded
    std::string_view resource;    // the id of what the vendor keeps; a part of the target, still percent-encoded
    bool mints = false;           // the answer may name something new that the vendor keeps
    bool unseen_models = false;   // runs models that the rules of a key cannot see
    bool model_in_body = false;   // JSON, or a field of a multipart form
    bool websocket = false;       // an upgrade is relayed here
    bool streams = false;         // the path itself asks for a stream (Gemini)
    Passes passes = Passes::none;
};

/// Header hints for paths that several dialects share (`/v1/models`, `/v1/models/M:generateContent`).
struct DialectHints {
    bool anthropic_version = false;  // anthropic-version or x-api-key is present
    bool google_key = false;         // x-goog-api-key or ?key= is present
    std::optional<Dialect> path;     // what the path's prefix says, which wins
};

enum class MatchError : std::uint8_t { unknown_path, wrong_method, unsafe_path };

struct Match {
    std::optional<Endpoint> endpoint;
    MatchError error = MatchError::unknown_path;
    Family family = Family::openai;  // whose error shape to use, also when there is no endpoint
};

/// `target` is the request's, with its query, as served_target() has it. `websocket`: the request asks for that
/// upgrade.
Match match_endpoint(std::string_view method, std::string_view target, const DialectHints& hints, bool websocket);

}  // namespace lurus::gateway
