#include "core/http/url.hpp"

#include <doctest/doctest.h>

#include <string>

using lurus::azure_target;
using lurus::Family;
using lurus::upstream_target;
using lurus::Url;

namespace {

Url url(std::string_view text) {
    auto parsed = Url::parse(text);
    REQUIRE_MESSAGE(parsed.has_value(), text);
    return *parsed;
}

std::string error_of(std::string_view text) {
    const auto parsed = Url::parse(text);
    REQUIRE_MESSAGE(!parsed.has_value(), text);
    CHECK(parsed.error().code == lurus::ErrorCode::invalid_argument);
    return parsed.error().message;
}

}  // namespace

TEST_CASE("url: parts, defaults and authority") {
    const Url a = url("https://api.deepseek.com/anthropic");
    CHECK(a.tls);
    CHECK(a.host == "api.deepseek.com");
    CHECK(a.port == 443);
    CHECK(a.path == "/anthropic");
    CHECK(a.authority() == "api.deepseek.com");

    const Url b = url("HTTP://LocalHost:11434///");
    CHECK_FALSE(b.tls);
    CHECK(b.host == "localhost");
    CHECK(b.port == 11434);
    CHECK(b.path.empty());
    CHECK(b.authority() == "localhost:11434");

    const Url c = url("http://[::1]:8080/v1/");
    CHECK(c.host == "::1");
    CHECK(c.authority() == "[::1]:8080");
    CHECK(c.path == "/v1");
    CHECK(url("https://[2001:DB8::1]").authority() == "[2001:db8::1]");
    CHECK(url("http://h:443").authority() == "h:443");
    CHECK(url("https://h:443").authority() == "h");
    CHECK(to_string(url("https://h:8443/a/b/")) == "https://h:8443/a/b");
    CHECK(to_string(url("https://h/a/#")) == "https://h/a#");
}

TEST_CASE("url: what is refused, and why") {
    CHECK(error_of("api.openai.com/v1").contains("no scheme"));
    CHECK(error_of("").contains("no scheme"));
    CHECK(error_of("ftp://h").contains("http or https"));
    CHECK(error_of("https://").contains("no host"));
    CHECK(error_of("https:///v1").contains("no host"));
    CHECK(error_of("https://:443").contains("no host"));
    CHECK(error_of("https://h:0").contains("port"));
    CHECK(error_of("https://h:65536").contains("port"));
    CHECK(error_of("https://h:").contains("port"));
    CHECK(error_of("https://h:80x").contains("port"));
    CHECK(error_of("https://::1/").contains("IPv6"));
    CHECK(error_of("https://[::1").contains("]"));
    CHECK(error_of("https://[::1]8").contains("port"));
    CHECK(error_of("https://[abc]").contains("host"));
    CHECK(error_of("https://h/p?x=1").contains("query"));
    CHECK(error_of("https://h/a#b#").contains("fragment"));
    CHECK(error_of("https://h?a#").contains("query"));
    CHECK(error_of("https://h#f").contains("fragment"));
    CHECK(error_of("https://h/a b").contains("space"));
    CHECK(error_of("https://h\r\nX: y").contains("space"));
    CHECK(error_of("https://bücher.de").contains("xn--"));
    CHECK(error_of("https://h!x/").contains("host"));
    const std::string secret = error_of("https://user:hunter2@h/v1");
    CHECK(secret.contains("api_key"));
    CHECK_FALSE(secret.contains("hunter2"));
}

TEST_CASE("url: version segments") {
    for (const auto* yes : {"v1", "v4", "v12", "v1beta", "v1alpha", "v1beta1", "v1alpha2"})
        CHECK_MESSAGE(lurus::is_version_segment(yes), yes);
    for (const auto* no : {"", "v", "vv1", "v1x", "v1betas", "V1", "1", "version", "vbeta"})
        CHECK_FALSE_MESSAGE(lurus::is_version_segment(no), no);
}

TEST_CASE("url: joining a target to a base") {
    const Url plain = url("https://api.anthropic.com");
    CHECK(upstream_target(plain, Family::gemini, "/v1/messages?beta=true") == "/v1/messages?beta=true");
    CHECK(upstream_target(plain, Family::gemini, "/v1beta/models/m:generateContent") ==
          "/v1beta/models/m:generateContent");
    CHECK(upstream_target(plain, Family::openai, "/responses") == "/v1/responses");
    CHECK(upstream_target(plain, Family::openai, "/responses/abc?x=1") == "/v1/responses/abc?x=1");

    const Url v1 = url("https://api.openai.com/v1");
    CHECK(upstream_target(v1, Family::openai, "/v1/chat/completions") == "/v1/chat/completions");
    CHECK(upstream_target(v1, Family::openai, "/responses") == "/v1/responses");
    CHECK(upstream_target(v1, Family::gemini, "/v1beta/models") == "/v1/models");
    CHECK(upstream_target(v1, Family::openai, "/v1") == "/v1");
    CHECK(upstream_target(v1, Family::openai, "/v12x/y") == "/v1/v12x/y");

    CHECK(upstream_target(url("https://open.bigmodel.cn/api/paas/v4"), Family::openai, "/v1/chat/completions") ==
          "/api/paas/v4/chat/completions");
    CHECK(upstream_target(url("https://g.example/v1beta/openai"), Family::openai, "/v1/chat/completions") ==
          "/v1beta/openai/chat/completions");
    CHECK(upstream_target(url("https://g.example/team/openai"), Family::openai, "/v1/chat/completions") ==
          "/team/openai/v1/chat/completions");
    CHECK(upstream_target(url("https://api.deepseek.com/anthropic"), Family::openai, "/v1/messages") ==
          "/anthropic/v1/messages");
    CHECK(upstream_target(url("https://g.example/v1beta"), Family::openai,
                          "/v1/models/m:streamGenerateContent?alt=sse") ==
          "/v1beta/models/m:streamGenerateContent?alt=sse");
}

TEST_CASE("url: what people paste, and where a request goes then") {
    using enum Family;
    struct Row {
        const char* base;
        Family family;
        const char* target;
        const char* upstream;
    };
    const char* chat = "/v1/chat/completions";
    const char* messages = "/v1/messages";
    const char* generate = "/v1beta/models/m:generateContent";
    for (const Row& row : {
             Row{"https://api.openai.com", openai, chat, "/v1/chat/completions"},
             {"https://api.openai.com/", openai, chat, "/v1/chat/completions"},
             {"https://api.openai.com/v1/", openai, chat, "/v1/chat/completions"},
             {"https://api.openai.com/v1//", openai, chat, "/v1/chat/completions"},
             {"https://api.openai.com/v1/chat/completions", openai, "/v1/responses", "/v1/responses"},
             {"https://api.openai.com/v1/chat/completions/", openai, "/v1/models", "/v1/models"},
             {"https://api.openai.com/v1/responses", openai, chat, "/v1/chat/completions"},
             {"https://h/v1/models", openai, chat, "/v1/chat/completions"},
             {"https://h/v1/images/generations", openai, chat, "/v1/chat/completions"},
             {"https://generativelanguage.googleapis.com/v1beta/openai/", openai, chat,
              "/v1beta/openai/chat/completions"},
             {"https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", openai, chat,
              "/v1beta/openai/chat/completions"},
             {"https://gateway.ai.cloudflare.com/v1/a/g/compat", openai, chat, "/v1/a/g/compat/chat/completions"},
             {"https://gateway.ai.cloudflare.com/v1/a/g/compat/chat/completions", openai, "/v1/models",
              "/v1/a/g/compat/models"},
             {"https://gateway.ai.cloudflare.com/v1/a/g/openai", openai, chat, "/v1/a/g/openai/chat/completions"},
             {"https://gateway.ai.cloudflare.com/v1/a/g/workers-ai", openai, chat,
              "/v1/a/g/workers-ai/v1/chat/completions"},
             {"https://gateway.ai.cloudflare.com/v1/a/g/anthropic", anthropic, messages,
              "/v1/a/g/anthropic/v1/messages"},
             {"https://gateway.ai.cloudflare.com/v1/a/g/google-ai-studio", gemini, generate,
              "/v1/a/g/google-ai-studio/v1beta/models/m:generateContent"},
             {"https://x.example/compat", openai, chat, "/compat/chat/completions"},
             {"https://models.github.ai/inference", openai, chat, "/inference/chat/completions"},
             {"https://models.github.ai/inference/chat/completions", openai, chat, "/inference/chat/completions"},
             {"https://models.github.ai/orgs/o/inference/", openai, chat, "/orgs/o/inference/chat/completions"},
             {"https://models.inference.ai.azure.com", openai, chat, "/chat/completions"},
             {"https://a.cloud.databricks.com/serving-endpoints", openai, chat, "/serving-endpoints/chat/completions"},
             {"https://us.aiplatform.googleapis.com/v1/projects/p/locations/l/endpoints/openapi", openai, chat,
              "/v1/projects/p/locations/l/endpoints/openapi/chat/completions"},
             {"https://api.perplexity.ai", openai, chat, "/chat/completions"},
             {"https://api.perplexity.ai/v1", openai, chat, "/v1/chat/completions"},
             {"https://api.githubcopilot.com", openai, chat, "/chat/completions"},
             {"https://r.services.ai.azure.com/models", openai, chat, "/models/chat/completions"},
             {"https://open.bigmodel.cn/api/paas/v4/chat/completions", openai, chat, "/api/paas/v4/chat/completions"},
             {"https://ark.cn-beijing.volces.com/api/v3", openai, chat, "/api/v3/chat/completions"},
             {"https://api.novita.ai/v3/openai", openai, chat, "/v3/openai/chat/completions"},
             {"https://openrouter.ai/api/v1", openai, chat, "/api/v1/chat/completions"},
             {"https://openrouter.ai/api", openai, chat, "/api/v1/chat/completions"},
             {"https://api.groq.com/openai", openai, chat, "/openai/v1/chat/completions"},
             {"https://api.groq.com/openai/v1", openai, "/v1/models", "/openai/v1/models"},
             {"https://dashscope.aliyuncs.com/compatible-mode/v1", openai, chat,
              "/compatible-mode/v1/chat/completions"},
             {"https://api.fireworks.ai/inference/v1", openai, chat, "/inference/v1/chat/completions"},
             {"https://h/deep/path", openai, chat, "/deep/path/v1/chat/completions"},
             {"https://h/deep/path#", openai, chat, "/deep/path/chat/completions"},
             {"https://h/deep/path/#", openai, "/v1/models?a=1", "/deep/path/models?a=1"},
             {"https://h#", openai, chat, "/chat/completions"},
             {"https://h/responses#", openai, chat, "/responses/chat/completions"},
             {"https://api.cohere.com", openai, "/v2/rerank", "/v2/rerank"},
             {"https://api.cohere.com/v2", openai, "/v1/rerank", "/v2/rerank"},
             {"https://api.jina.ai/v1/rerank", openai, "/v1/rerank", "/v1/rerank"},
             {"https://api.anthropic.com", anthropic, messages, "/v1/messages"},
             {"https://api.anthropic.com/v1", anthropic, messages, "/v1/messages"},
             {"https://api.anthropic.com/v1/messages", anthropic, "/v1/messages/count_tokens",
              "/v1/messages/count_tokens"},
             {"https://api.anthropic.com/v1/messages/count_tokens", anthropic, messages, "/v1/messages"},
             {"https://api.deepseek.com/anthropic/v1/messages", anthropic, messages, "/anthropic/v1/messages"},
             {"https://api.z.ai/api/anthropic/", anthropic, messages, "/api/anthropic/v1/messages"},
             {"https://h/inference", anthropic, messages, "/inference/v1/messages"},
             {"https://generativelanguage.googleapis.com", gemini, generate, "/v1beta/models/m:generateContent"},
             {"https://generativelanguage.googleapis.com/v1beta", gemini, generate, "/v1beta/models/m:generateContent"},
             {"https://generativelanguage.googleapis.com/v1beta/models", gemini, generate,
              "/v1beta/models/m:generateContent"},
             {"https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent", gemini,
              generate, "/v1beta/models/m:generateContent"},
             {"https://g.example/google/v1beta", gemini, "/upload/v1beta/files?key=k&a=b",
              "/google/upload/v1beta/files?a=b"},
             {"https://g.example", gemini, "/download/v1beta/files/f:download?alt=media",
              "/download/v1beta/files/f:download?alt=media"},
         }) {
        CAPTURE(row.base);
        CHECK(upstream_target(lurus::without_endpoint(url(row.base)), row.family, row.target) == row.upstream);
    }
}

TEST_CASE("url: the caller's key never goes upstream") {
    const Url base = url("https://g.example");
    CHECK(upstream_target(base, Family::openai, "/v1beta/models?key=AIza") == "/v1beta/models");
    CHECK(upstream_target(base, Family::openai, "/v1beta/m?alt=sse&key=AIza") == "/v1beta/m?alt=sse");
    CHECK(upstream_target(base, Family::openai, "/v1beta/m?key=AIza&alt=sse") == "/v1beta/m?alt=sse");
    CHECK(upstream_target(base, Family::openai, "/v1beta/m?k%65y=AIza&a=%20&key") == "/v1beta/m?a=%20");
    CHECK(upstream_target(base, Family::openai, "/v1beta/m?keys=1&monkey=2") == "/v1beta/m?keys=1&monkey=2");
    CHECK(upstream_target(base, Family::openai, "/v1/m?") == "/v1/m");
    CHECK(upstream_target(base, Family::openai, "/v1/m?a%zz=1") == "/v1/m?a%zz=1");
}

TEST_CASE("url: Azure's two shapes") {
    for (const auto* base :
         {"https://r.openai.azure.com", "https://r.openai.azure.com/openai", "https://r.openai.azure.com/openai/v1/",
          "https://r.openai.azure.com/openai/deployments/other"}) {
        const Url b = url(base);
        CHECK(azure_target(b, "2024-10-21", "gpt 4", "/v1/chat/completions?a=1") ==
              "/openai/deployments/gpt%204/chat/completions?api-version=2024-10-21&a=1");
        CHECK(azure_target(b, "2024-10-21", "e", "/v1/embeddings") ==
              "/openai/deployments/e/embeddings?api-version=2024-10-21");
        CHECK(azure_target(b, "2024-10-21", "i", "/v1/images/generations") ==
              "/openai/deployments/i/images/generations?api-version=2024-10-21");
        CHECK(azure_target(b, "2024-10-21", "a", "/v1/audio/speech") ==
              "/openai/deployments/a/audio/speech?api-version=2024-10-21");
        CHECK(azure_target(b, "2025-04-01-preview", "g", "/responses?api-version=1&key=k") ==
              "/openai/responses?api-version=2025-04-01-preview");
        CHECK(azure_target(b, "2024-10-21", "g", "/v1/models") == "/openai/models?api-version=2024-10-21");
        CHECK(azure_target(b, "", "g", "/v1/responses?stream=1") == "/openai/v1/responses?stream=1");
        CHECK(azure_target(b, "", "g", "/responses") == "/openai/v1/responses");
    }
    CHECK(azure_target(url("https://r.openai.azure.com"), "2024-10-01-preview", "rt", "/v1/realtime") ==
          "/openai/realtime?api-version=2024-10-01-preview&deployment=rt");
    CHECK(azure_target(url("https://apim.example/team/openai"), "", "g", "/v1/embeddings") ==
          "/team/openai/v1/embeddings");
    CHECK(azure_target(url("https://apim.example/openais"), "", "g", "/v1/embeddings") ==
          "/openais/openai/v1/embeddings");
}

TEST_CASE("url: percent coding round trip") {
    std::string all;
    for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
    CHECK(lurus::percent_decode(lurus::percent_encode(all)) == all);
    CHECK(lurus::percent_encode("a/b c~") == "a%2Fb%20c~");
    CHECK(lurus::percent_decode("a+b%2f") == "a+b/");
    CHECK_FALSE(lurus::percent_decode("%"));
    CHECK_FALSE(lurus::percent_decode("%4"));
    CHECK_FALSE(lurus::percent_decode("%zz"));
}
