#include "modules/gateway/session/endpoint.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace lurus;
using namespace lurus::gateway;

namespace {

struct Row {
    std::string_view method, target;
    Operation operation;
    Dialect dialect;
    std::string_view name;
    std::string_view path_model = "";
};

Match match(std::string_view method, std::string_view target, DialectHints hints = {}, bool websocket = false) {
    return match_endpoint(method, target, hints, websocket);
}

}  // namespace

TEST_CASE("endpoint: every served path") {
    using enum Operation;
    const std::vector<Row> rows{
        {"POST", "/v1/messages", messages, Dialect::anthropic, "messages"},
        {"POST", "/v1/messages?beta=true", messages, Dialect::anthropic, "messages"},
        {"POST", "/v1/messages/", messages, Dialect::anthropic, "messages"},
        {"POST", "/v1/messages/count_tokens?beta=true", count_tokens, Dialect::anthropic, "messages.count_tokens"},
        {"POST", "/v1/chat/completions", chat, Dialect::openai_chat, "chat.completions"},
        {"POST", "/v1/completions", completions, Dialect::openai, "completions"},
        {"POST", "/v1/responses", responses, Dialect::openai_responses, "responses"},
        {"POST", "/responses", responses, Dialect::openai_responses, "responses"},
        {"POST", "/responses/", responses, Dialect::openai_responses, "responses"},
        {"POST", "/v1/responses/compact", responses_compact, Dialect::openai_responses, "responses.compact"},
        {"POST", "/responses/compact", responses_compact, Dialect::openai_responses, "responses.compact"},
        {"POST", "/v1/responses/input_tokens", responses_input_tokens, Dialect::openai_responses,
         "responses.input_tokens"},
        {"GET", "/v1/responses/resp_1?stream=true", responses_resource, Dialect::openai_responses,
         "responses.resource"},
        {"DELETE", "/responses/resp_1", responses_resource, Dialect::openai_responses, "responses.resource"},
        {"GET", "/v1/responses/resp_1/input_items?limit=3", responses_resource, Dialect::openai_responses,
         "responses.resource"},
        {"POST", "/v1/responses/resp_1/cancel", responses_resource, Dialect::openai_responses, "responses.resource"},
        {"POST", "/v1/embeddings", embeddings, Dialect::openai, "embeddings"},
        {"POST", "/v1/moderations", moderations, Dialect::openai, "moderations"},
        {"POST", "/v1/images/generations", images, Dialect::openai, "images.generations"},
        {"POST", "/v1/images/edits", images, Dialect::openai, "images.edits"},
        {"POST", "/v1/images/anything", images, Dialect::openai, "images"},
        {"POST", "/v1/audio/speech", audio, Dialect::openai, "audio.speech"},
        {"POST", "/v1/audio/transcriptions", audio, Dialect::openai, "audio.transcriptions"},
        {"POST", "/v1/audio/translations", audio, Dialect::openai, "audio.translations"},
        {"GET", "/v1/models", models_list, Dialect::openai, "models.list"},
        {"GET", "/v1/models/gpt-5", model_get, Dialect::openai, "models.get", "gpt-5"},
        {"GET", "/v1/models/openai/gpt-5", model_get, Dialect::openai, "models.get", "openai/gpt-5"},
        {"GET", "/v1/models/llama3%3A8b", model_get, Dialect::openai, "models.get", "llama3%3A8b"},
        {"GET", "/v1beta/models?pageSize=1000", models_list, Dialect::gemini, "models.list"},
        {"GET", "/v1beta/models/gemini-2.5-pro", model_get, Dialect::gemini, "models.get", "gemini-2.5-pro"},
        {"GET", "/v1beta1/publishers/google/models", models_list, Dialect::gemini, "models.list"},
        {"POST", "/v1beta/models/gemini-2.5-pro:generateContent", generate, Dialect::gemini, "generateContent",
         "gemini-2.5-pro"},
        {"POST", "/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", stream_generate, Dialect::gemini,
         "streamGenerateContent", "gemini-2.5-pro"},
        {"POST", "/v1/models/gemini-2.5-pro:streamGenerateContent", stream_generate, Dialect::gemini,
         "streamGenerateContent", "gemini-2.5-pro"},
        {"POST", "/v1beta1/publishers/google/models/gemini-2.5-flash:generateContent", generate, Dialect::gemini,
         "generateContent", "gemini-2.5-flash"},
        {"POST", "/v1/publishers/google/models/gemini-2.5-flash:generateContent", generate, Dialect::gemini,
         "generateContent", "gemini-2.5-flash"},
        {"POST", "/v1beta/models/m:countTokens?key=k", gemini_count_tokens, Dialect::gemini, "countTokens", "m"},
        {"POST", "/v1beta/models/m:embedContent", embed, Dialect::gemini, "embedContent", "m"},
        {"POST", "/v1beta/models/m:batchEmbedContents", batch_embed, Dialect::gemini, "batchEmbedContents", "m"},
        {"POST", "/v1beta/models/imagen-4:predict", gemini_other, Dialect::gemini, "predict", "imagen-4"},
        {"POST", "/v1beta/models/m:somethingNew", gemini_other, Dialect::gemini, "gemini.other", "m"},
        {"POST", "/v1beta/tunedModels/mine:generateContent", generate, Dialect::gemini, "generateContent", "mine"},
        {"POST", "/v1beta/models/a%2Fb%3agenerateContent", generate, Dialect::gemini, "generateContent", "a%2Fb"},
        {"POST", "/v1beta/models/llama3:8b:generateContent", generate, Dialect::gemini, "generateContent", "llama3:8b"},
    };
    for (const Row& row : rows) {
        CAPTURE(row.method);
        CAPTURE(row.target);
        const Match found = match(row.method, row.target);
        REQUIRE(found.endpoint.has_value());
        CHECK(found.endpoint->operation == row.operation);
        CHECK(found.endpoint->dialect == row.dialect);
        CHECK(found.endpoint->name == row.name);
        CHECK(found.endpoint->path_model == row.path_model);
        CHECK(found.family == family_of(row.dialect));
        CHECK(found.endpoint->streams == (row.operation == stream_generate));
        CHECK_FALSE(found.endpoint->websocket);
    }
}

TEST_CASE("endpoint: the models list answers in the caller's dialect") {
    const DialectHints anthropic{.anthropic_version = true};
    const DialectHints google{.google_key = true};
    CHECK(match("GET", "/v1/models?limit=1000", anthropic).endpoint->dialect == Dialect::anthropic);
    CHECK(match("GET", "/v1/models", google).endpoint->dialect == Dialect::gemini);
    CHECK(match("GET", "/v1/models/x", anthropic).endpoint->dialect == Dialect::anthropic);
    CHECK(match("GET", "/v1beta/models", anthropic).endpoint->dialect == Dialect::gemini);
    CHECK(match("POST", "/v1/models/x:generateContent", anthropic).endpoint->dialect == Dialect::gemini);
}

TEST_CASE("endpoint: WebSocket upgrades") {
    const Match responses = match("GET", "/v1/responses", {}, true);
    REQUIRE(responses.endpoint.has_value());
    CHECK(responses.endpoint->websocket);
    CHECK_FALSE(responses.endpoint->model_in_body);
    const Match realtime = match("GET", "/v1/realtime?x=1&model=gpt-realtime", {}, true);
    REQUIRE(realtime.endpoint.has_value());
    CHECK(realtime.endpoint->operation == Operation::realtime);
    CHECK(realtime.endpoint->path_model == "gpt-realtime");
    CHECK(match("GET", "/v1/realtime", {}, false).error == MatchError::wrong_method);
    CHECK(match("GET", "/v1/responses").error == MatchError::wrong_method);
    CHECK(match("GET", "/v1/chat/completions", {}, true).error == MatchError::wrong_method);
}

TEST_CASE("endpoint: a refusal knows whose error shape to use") {
    struct Refusal {
        std::string_view method, target;
        MatchError error;
        Family family;
    };
    for (const Refusal& r : std::vector<Refusal>{
             {"GET", "/v1/messages", MatchError::wrong_method, Family::anthropic},
             {"POST", "/v1/messages/batches", MatchError::unknown_path, Family::anthropic},
             {"PUT", "/v1/chat/completions", MatchError::wrong_method, Family::openai},
             {"POST", "/v1/models", MatchError::wrong_method, Family::openai},
             {"POST", "/v1/models/m", MatchError::wrong_method, Family::openai},
             {"DELETE", "/v1/models/m:generateContent", MatchError::wrong_method, Family::gemini},
             {"POST", "/v1beta/models/m", MatchError::wrong_method, Family::gemini},
             {"POST", "/v1beta/models/:generateContent", MatchError::unknown_path, Family::gemini},
             {"POST", "/v1beta/models/m:", MatchError::unknown_path, Family::gemini},
             {"POST", "/v1beta/modelsx", MatchError::unknown_path, Family::gemini},
             {"GET", "/v1beta", MatchError::unknown_path, Family::gemini},
             {"POST", "/v1/responses/a/b", MatchError::unknown_path, Family::openai},
             {"POST", "/v1/responses/a", MatchError::wrong_method, Family::openai},
             {"GET", "/v1/responses//input_items", MatchError::unknown_path, Family::openai},
             {"GET", "/v1/images/generations", MatchError::wrong_method, Family::openai},
             {"POST", "/v1/images/", MatchError::unknown_path, Family::openai},
             {"GET", "/", MatchError::unknown_path, Family::openai},
             {"GET", "", MatchError::unknown_path, Family::openai},
             {"GET", "/v1", MatchError::unknown_path, Family::openai},
             {"POST", "/V1/messages", MatchError::unknown_path, Family::openai},
             {"POST", "/v1//messages", MatchError::unknown_path, Family::openai},
         }) {
        CAPTURE(r.method);
        CAPTURE(r.target);
        const Match found = match(r.method, r.target);
        CHECK_FALSE(found.endpoint.has_value());
        CHECK(found.error == r.error);
        CHECK(found.family == r.family);
    }
    CHECK(match("GET", "/nothing", {.anthropic_version = true}).family == Family::anthropic);
    CHECK(match("GET", "/nothing", {.google_key = true}).family == Family::gemini);
}

TEST_CASE("endpoint: which bodies name a model") {
    CHECK(match("POST", "/v1/messages").endpoint->model_in_body);
    CHECK(match("POST", "/v1/audio/transcriptions").endpoint->model_in_body);
    CHECK_FALSE(match("POST", "/v1beta/models/m:generateContent").endpoint->model_in_body);
    CHECK_FALSE(match("GET", "/v1/responses/r").endpoint->model_in_body);
}
