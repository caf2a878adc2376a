#include "modules/gateway/session/endpoint.hpp"

#include <doctest/doctest.h>

#include <deque>
#include <string>
#include <vector>

#include "modules/gateway/dialect/served_target.hpp"

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
    static std::deque<std::string> kept;  // what the matches look into
    const ServedTarget served = served_target(target, kept.emplace_back());
    REQUIRE(served.refused == nullptr);
    hints.path = served.dialect;
    Match match = match_endpoint(method, served.target, hints, websocket);
    if (match.endpoint) match.endpoint->target = served.target;
    if (match.endpoint) match.endpoint->deployment = served.deployment;
    return match;
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

TEST_CASE("endpoint: whose large bodies pass without being held") {
    struct Passing {
        std::string_view method, target;
        Passes passes;
        bool anthropic = false;
    };
    for (const Passing& row : std::vector<Passing>{
             {"POST", "/v1/files", Passes::forms},
             {"POST", "/v1/files", Passes::forms, true},
             {"POST", "/v1/uploads/upload_1/parts", Passes::forms},
             {"POST", "/v1/containers/c/files", Passes::forms},
             {"POST", "/v1/vector_stores/v/files", Passes::forms},
             {"POST", "/v1/skills", Passes::forms, true},
             {"POST", "/v1/videos/v/edits", Passes::forms},
             {"POST", "/upload/v1beta/files", Passes::all},
             {"POST", "/upload/v1beta/files?upload_id=u", Passes::all},
             {"POST", "/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore", Passes::all},
             // What says a model, or what it runs, is looked into.
             {"POST", "/v1/videos", Passes::none},
             {"POST", "/v1/batches", Passes::none},
             {"POST", "/v1/threads", Passes::none},
             {"POST", "/v1/messages/batches", Passes::none},
             {"POST", "/v1beta/cachedContents", Passes::none},
             {"POST", "/v1/chat/completions", Passes::none},
             {"POST", "/v1/audio/transcriptions", Passes::none},
             {"GET", "/v1/files", Passes::none},
             {"GET", "/download/v1beta/files/f", Passes::none},
         }) {
        CAPTURE(row.target);
        const Match found = match(row.method, row.target, {.anthropic_version = row.anthropic});
        REQUIRE(found.endpoint.has_value());
        CHECK(found.endpoint->passes == row.passes);
    }
}

TEST_CASE("endpoint: what base URLs leave in a path") {
    using enum Operation;
    struct Left {
        std::string_view method, target, served;
        Operation operation;
        Dialect dialect;
        std::string_view deployment = "";
    };
    for (const Left& row : std::vector<Left>{
             {"POST", "/v1/v1/chat/completions", "/v1/chat/completions", chat, Dialect::openai_chat},
             {"POST", "//v1/chat/completions", "/v1/chat/completions", chat, Dialect::openai_chat},
             {"POST", "/v1//chat//completions?a=//", "/v1/chat/completions?a=//", chat, Dialect::openai_chat},
             {"POST", "/chat/completions", "/v1/chat/completions", chat, Dialect::openai_chat},
             {"POST", "/completions", "/v1/completions", completions, Dialect::openai},
             {"POST", "/embeddings?x=1", "/v1/embeddings?x=1", embeddings, Dialect::openai},
             {"POST", "/responses", "/v1/responses", responses, Dialect::openai_responses},
             {"GET", "/models", "/v1/models", models_list, Dialect::openai},
             {"POST", "/messages?beta=true", "/v1/messages?beta=true", messages, Dialect::anthropic},
             {"POST", "/anthropic/v1/messages", "/v1/messages", messages, Dialect::anthropic},
             {"POST", "/anthropic/messages", "/v1/messages", messages, Dialect::anthropic},
             {"POST", "/v1/anthropic/v1/messages", "/v1/messages", messages, Dialect::anthropic},
             {"GET", "/anthropic/v1/models", "/v1/models", models_list, Dialect::anthropic},
             {"POST", "/v1beta/openai/chat/completions", "/v1/chat/completions", chat, Dialect::openai_chat},
             {"POST", "/gemini/v1beta/openai/chat/completions", "/v1/chat/completions", chat, Dialect::openai_chat},
             {"POST", "/openai/v1/responses", "/v1/responses", responses, Dialect::openai_responses},
             {"POST", "/openai/chat/completions", "/v1/chat/completions", chat, Dialect::openai_chat},
             {"POST", "/openai/responses?api-version=2025-04-01-preview", "/v1/responses", responses,
              Dialect::openai_responses},
             {"POST", "/openai/deployments/gpt%204/chat/completions?api-version=2024-10-21&a=b",
              "/v1/chat/completions?a=b", chat, Dialect::openai_chat, "gpt%204"},
             {"POST", "/openai/deployments/e/embeddings?api-version=1", "/v1/embeddings", embeddings, Dialect::openai,
              "e"},
             {"POST", "/openai/deployments/w/audio/transcriptions", "/v1/audio/transcriptions", audio, Dialect::openai,
              "w"},
             {"POST", "/gemini/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent", generate,
              Dialect::gemini},
             {"POST", "/v1beta/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent", generate,
              Dialect::gemini},
             {"POST", "/v1/v1beta/models/m:generateContent", "/v1beta/models/m:generateContent", generate,
              Dialect::gemini},
             {"POST", "/models/m:generateContent", "/v1beta/models/m:generateContent", generate, Dialect::gemini},
             {"GET", "/gemini/v1beta/models", "/v1beta/models", models_list, Dialect::gemini},
             {"POST", "/gemini/upload/v1beta/files?key=k", "/upload/v1beta/files?key=k", resource, Dialect::gemini},
             {"POST", "/rerank", "/v1/rerank", rerank, Dialect::openai},
             {"POST", "/v1/rerank", "/v1/rerank", rerank, Dialect::openai},
             {"POST", "/v2/rerank", "/v2/rerank", rerank, Dialect::openai},
             {"POST", "/api/v1/messages", "/v1/messages", messages, Dialect::anthropic},
         }) {
        CAPTURE(row.target);
        const Match found = match(row.method, row.target);
        REQUIRE(found.endpoint.has_value());
        CHECK(found.endpoint->target == row.served);
        CHECK(found.endpoint->operation == row.operation);
        CHECK(found.endpoint->dialect == row.dialect);
        CHECK(found.endpoint->deployment == row.deployment);
    }
    const Match session = match("GET", "/openai/realtime?api-version=1&deployment=rt", {}, true);
    REQUIRE(session.endpoint.has_value());
    CHECK(session.endpoint->path_model == "rt");
    CHECK(session.endpoint->target == "/v1/realtime?model=rt");
    for (const std::string version : {"v1beta", "v1alpha", "v1"}) {
        const std::string path =
            "/ws/google.ai.generativelanguage." + version + ".GenerativeService.BidiGenerateContent";
        const Match live = match("GET", path, {}, true);
        REQUIRE(live.endpoint.has_value());
        CHECK(live.endpoint->operation == Operation::gemini_live);
        CHECK(live.endpoint->dialect == Dialect::gemini);
        CHECK(live.endpoint->websocket);
        CHECK(match("GET", path, {}, false).error == MatchError::wrong_method);
        CHECK_FALSE(match("GET", path + "Constrained", {}, true).endpoint.has_value());
    }
}

TEST_CASE("endpoint: a target that needs no change is not copied") {
    for (const std::string_view target :
         {"/v1/chat/completions", "/v1/messages?beta=true", "/v1beta/models/m:generateContent?alt=sse",
          "/v1/models/openai/x", "/nothing/v1/messages", "/v1", "/", "/upload/v1beta/files?upload_id=1"}) {
        std::string storage;
        const ServedTarget served = served_target(target, storage);
        CHECK(served.target.data() == target.data());
        CHECK(served.target == target);
        CHECK(storage.empty());
    }
}

TEST_CASE("endpoint: what no vendor gets") {
    for (const std::string_view path : {"/v1/images/../files",
                                        "/v1/images/%2e%2e/files",
                                        "/v1/images/.%2E/files",
                                        "/v1/images/..%2Ffiles",
                                        "/v1/images/..%2ffiles",
                                        "/v1/images/%252e%252e/files",
                                        "/v1/images/%25252e%25252e%252Ffiles",
                                        "/v1/./models",
                                        "/v1/%2e/models",
                                        "/v1/images/..",
                                        "/v1/images/%2e%2e",
                                        "/v1/images/..;x/files",
                                        "/v1/images/..%3bx/files",
                                        "/v1/images/..%5cfiles",
                                        "/v1/images/a%5C..%5C..%5Cfiles",
                                        "/v1/images/..%255cfiles",
                                        "/v1/images\\x",
                                        "/v1/images/x%5cy",
                                        "/v1/images/%00",
                                        "/v1/images/a%0d%0ab",
                                        "/v1/images/%c0%ae%c0%ae/files",
                                        "/v1/images/%zz",
                                        "/v1/images/%2",
                                        "/v1beta/models/..%2F..%2Ffiles:generateContent",
                                        "/../v1/models",
                                        "/v1/files/file-1/../../x",
                                        "/openai/deployments/../chat/completions",
                                        "/v1/models/%25252525252e"}) {
        CAPTURE(path);
        std::string storage;
        CHECK(served_target(path, storage).refused != nullptr);
    }
    for (const std::string_view path : {"/v1/models/a.b", "/v1/models/...", "/v1/models/.hidden", "/v1/models/a..b",
                                        "/v1/models/a%2Fb", "/v1/models/gpt-4%2e1", "/v1/models/50%2525",
                                        "/v1/models/a;b", "/v1/models/%C3%A9", "/v1/files/x?path=../../y"}) {
        CAPTURE(path);
        std::string storage;
        CHECK(served_target(path, storage).refused == nullptr);
    }
}

TEST_CASE("endpoint: what vendors keep") {
    struct Kept {
        std::string_view method, target, name, resource;
        bool mints = false;
        DialectHints hints{};
        Dialect dialect = Dialect::openai;
    };
    const DialectHints anthropic{.anthropic_version = true};
    const DialectHints google{.google_key = true};
    for (const Kept& row : std::vector<Kept>{
             {"POST", "/v1/files", "files", "", true},
             {"GET", "/v1/files?purpose=batch", "files", ""},
             {"GET", "/v1/files/file-1/content", "files", "file-1"},
             {"DELETE", "/v1/files/file-1", "files", "file-1"},
             {"GET", "/openai/files/file-1?api-version=1", "files", "file-1"},
             {"POST", "/v1/batches", "batches", "", true},
             {"POST", "/v1/batches/batch_1/cancel", "batches", "batch_1"},
             {"POST", "/v1/uploads/upload_1/parts", "uploads", "upload_1", true},
             {"POST", "/v1/vector_stores/vs_1/search", "vector_stores", "vs_1", true},
             {"GET", "/v1/vector_stores/vs_1/files/file-1", "vector_stores", "vs_1"},
             {"GET", "/v1/containers/cntr_1/files/cfile_1/content", "containers", "cntr_1"},
             {"POST", "/v1/conversations/conv_1/items", "conversations", "conv_1"},
             {"POST", "/v1/videos", "videos", "", true},
             {"GET", "/v1/videos/video_1/content", "videos", "video_1"},
             {"POST", "/v1/fine_tuning/jobs", "fine_tuning.jobs", "", true},
             {"GET", "/v1/fine_tuning/jobs/ftjob-1/events", "fine_tuning.jobs", "ftjob-1"},
             {"POST", "/v1/evals/eval_1/runs", "evals", "eval_1", true},
             {"POST", "/v1/messages/batches", "messages.batches", "", true, anthropic, Dialect::anthropic},
             {"GET",
              "/v1/messages/batches/msgbatch_1/results",
              "messages.batches",
              "msgbatch_1",
              false,
              {},
              Dialect::anthropic},
             {"POST", "/v1/files?beta=true", "files", "", true, anthropic, Dialect::anthropic},
             {"GET", "/v1/skills/skill_1/versions", "skills", "skill_1", false, anthropic, Dialect::anthropic},
             {"GET", "/anthropic/v1/files/file_1", "files", "file_1", false, {}, Dialect::anthropic},
             {"GET", "/openai/v1/files/file-1", "files", "file-1", false, anthropic},
             {"GET", "/v1beta/files", "files", "", false, {}, Dialect::gemini},
             {"DELETE", "/v1beta/files/f", "files", "files/f", false, {}, Dialect::gemini},
             {"GET", "/v1/files/f", "files", "files/f", false, google, Dialect::gemini},
             {"GET", "/v1beta/files/f:download?alt=media", "files", "files/f", false, {}, Dialect::gemini},
             {"GET", "/download/v1beta/files/f:download", "files.download", "files/f", false, {}, Dialect::gemini},
             {"POST", "/upload/v1beta/files", "files.upload", "", true, {}, Dialect::gemini},
             {"POST",
              "/upload/v1beta/files?upload_id=u&upload_protocol=resumable",
              "files.upload",
              "u",
              true,
              {},
              Dialect::gemini},
             {"POST",
              "/upload/v1beta/fileSearchStores/s:uploadToFileSearchStore",
              "files.upload",
              "fileSearchStores/s",
              true,
              {},
              Dialect::gemini},
             {"POST", "/v1beta/cachedContents", "cachedContents", "", true, {}, Dialect::gemini},
             {"PATCH",
              "/v1beta/cachedContents/c?updateMask=ttl",
              "cachedContents",
              "cachedContents/c",
              false,
              {},
              Dialect::gemini},
             {"POST", "/v1beta/batches/b:cancel", "batches", "batches/b", true, {}, Dialect::gemini},
             {"GET",
              "/v1beta/models/veo-3/operations/o",
              "operations",
              "models/veo-3/operations/o",
              false,
              {},
              Dialect::gemini},
             {"GET", "/v1beta/operations/o", "operations", "operations/o", false, {}, Dialect::gemini},
             {"GET",
              "/v1beta/fileSearchStores/s/documents/d",
              "fileSearchStores",
              "fileSearchStores/s",
              false,
              {},
              Dialect::gemini},
             {"GET", "/v1beta/tunedModels/t", "tunedModels", "tunedModels/t", false, {}, Dialect::gemini},
         }) {
        CAPTURE(row.method);
        CAPTURE(row.target);
        const Match found = match(row.method, row.target, row.hints);
        REQUIRE(found.endpoint.has_value());
        CHECK(found.endpoint->operation == Operation::resource);
        CHECK(found.endpoint->dialect == row.dialect);
        CHECK(found.endpoint->name == row.name);
        CHECK(found.endpoint->resource == row.resource);
        CHECK(found.endpoint->mints == row.mints);
    }
    for (const std::string_view target : {"/v1/batches", "/v1/messages/batches", "/v1/evals", "/v1/threads/t/runs"})
        CHECK(match("POST", target).endpoint->unseen_models);
    CHECK_FALSE(match("GET", "/v1/batches").endpoint->unseen_models);
    CHECK_FALSE(match("POST", "/v1/files").endpoint->unseen_models);
    CHECK(match("POST", "/v1/videos").endpoint->model_in_body);
    CHECK(match("GET", "/v1/responses/resp_1").endpoint->resource == "resp_1");
    CHECK(match("POST", "/v1/responses").endpoint->mints);
    CHECK(match("POST", "/v1beta/models/m:batchGenerateContent").endpoint->mints);
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
             {"PUT", "/v1/messages/batches", MatchError::wrong_method, Family::anthropic},
             {"DELETE", "/v1/files", MatchError::wrong_method, Family::openai},
             {"PATCH", "/v1/files/file-1", MatchError::wrong_method, Family::openai},
             {"GET", "/v1/rerank", MatchError::wrong_method, Family::openai},
             {"POST", "/v2/chat/completions", MatchError::unknown_path, Family::openai},
             {"POST", "/v1/realtime/client_secrets", MatchError::unknown_path, Family::openai},
             {"GET", "/v1/organization/usage", MatchError::unknown_path, Family::openai},
             {"GET", "/v1/organizations/me", MatchError::unknown_path, Family::openai},
             {"POST", "/v1alpha/auth_tokens", MatchError::unknown_path, Family::gemini},
             {"POST", "/upload/v1beta/other", MatchError::unknown_path, Family::gemini},
             {"GET", "/openai", MatchError::unknown_path, Family::openai},
             {"GET", "/openai/deployments/m", MatchError::unknown_path, Family::openai},
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
             {"GET", "/v1/responses/a//b", MatchError::unknown_path, Family::openai},
             {"GET", "/v1/images/generations", MatchError::wrong_method, Family::openai},
             {"POST", "/v1/images/", MatchError::unknown_path, Family::openai},
             {"GET", "/", MatchError::unknown_path, Family::openai},
             {"GET", "", MatchError::unknown_path, Family::openai},
             {"GET", "/v1", MatchError::unknown_path, Family::openai},
             {"POST", "/V1/messages", MatchError::unknown_path, Family::openai},
             {"POST", "/v1x//messages", MatchError::unknown_path, Family::openai},
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
