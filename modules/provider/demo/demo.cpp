#include "modules/provider/demo/demo.hpp"

#include <algorithm>

#include "core/http/url.hpp"
#include "modules/provider/demo/demo_reply.hpp"

namespace lurus::provider {
namespace {

using demo::Call;
using demo::Headers;

std::string without_version(const std::string& path) {
    const auto end = path.find('/', 1);
    if (end == std::string::npos || !is_version_segment(std::string_view(path).substr(1, end - 1))) return path;
    return path.substr(end);
}

bool has_query(std::string_view query, std::string_view name) {
    while (!query.empty()) {
        const auto end = query.find('&');
        if (query.substr(0, end).starts_with(name) && query.substr(0, end).substr(name.size()).starts_with('='))
            return true;
        query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    }
    return false;
}

/// The dialects walk the body recursively.
bool nests_too_deep(std::string_view text) {
    constexpr int deepest = 256;
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quoted) {
            if (c == '\\') ++i;
            quoted = c != '"';
        } else if (c == '"') {
            quoted = true;
        } else if (c == '{' || c == '[') {
            if (++depth > deepest) return true;
        } else if (c == '}' || c == ']') {
            --depth;
        }
    }
    return false;
}

Family family_of_shared_path(const Call& call) {
    if (call.path.starts_with("/v1beta") || !call.header("x-goog-api-key").empty() || has_query(call.query, "key"))
        return Family::gemini;
    if (!call.header("anthropic-version").empty() || !call.header("x-api-key").empty()) return Family::anthropic;
    return Family::openai;
}

class DemoVendor final : public LocalVendor {
public:
    [[nodiscard]] LocalReply answer(std::string_view method, std::string_view target, const Headers& headers,
                                    std::string_view body) const override {
        const auto mark = target.find('?');
        Call call{method,
                  std::string(target.substr(0, mark)),
                  mark == std::string_view::npos ? std::string() : std::string(target.substr(mark + 1)),
                  headers,
                  body,
                  nests_too_deep(body) ? nlohmann::json(nlohmann::json::value_t::discarded)
                                       : nlohmann::json::parse(body, nullptr, false)};
        return route(call, without_version(call.path));
    }

private:
    static LocalReply route(const Call& call, const std::string& path) {
        const bool post = call.method == "POST";
        if (const auto at = path.rfind("/models/");
            at != std::string::npos && path.find(':', at) != std::string::npos && post) {
            return demo::gemini_call(call, std::string_view(path).substr(at + 8));
        }
        if (path == "/models" || path.starts_with("/models/")) {
            if (call.method != "GET" && call.method != "HEAD") return wrong_method(call);
            return demo::models(call, family_of_shared_path(call),
                                path.size() > 8 ? std::string_view(path).substr(8) : std::string_view{});
        }
        if (path.starts_with("/responses/") && path != "/responses/compact" && path != "/responses/input_tokens") {
            const std::string id = path.substr(11, path.find('/', 11) - 11);
            return demo::failure(Family::openai, 404,
                                 "Response with id '" + id + "' not found: the demo keeps no responses.",
                                 "invalid_request_error");
        }
        struct Entry {
            std::string_view path;
            LocalReply (*answer)(const Call&);
        };
        static constexpr Entry table[] = {
            {"/messages", demo::anthropic_messages},
            {"/messages/count_tokens", demo::anthropic_count_tokens},
            {"/chat/completions", demo::openai_chat},
            {"/completions", demo::openai_completions},
            {"/responses", demo::openai_responses},
            {"/responses/compact", demo::openai_compact},
            {"/responses/input_tokens", demo::openai_input_tokens},
            {"/embeddings", demo::openai_embeddings},
            {"/moderations", demo::openai_moderations},
            {"/images/generations", demo::openai_images},
            {"/images/edits", demo::openai_images},
            {"/images/variations", demo::openai_images},
            {"/audio/speech", demo::openai_speech},
            {"/audio/transcriptions", demo::openai_transcription},
            {"/audio/translations", demo::openai_transcription},
        };
        for (const Entry& entry : table) {
            if (entry.path == path) return post ? entry.answer(call) : wrong_method(call);
        }
        const Family family = path.starts_with("/messages") ? Family::anthropic : family_of_shared_path(call);
        return demo::failure(family, 404, "The demo does not serve " + demo::excerpt(call.path, 100) + ".");
    }

    static LocalReply wrong_method(const Call& call) {
        return demo::failure(family_of_shared_path(call), 405, "The demo does not answer this method here.");
    }
};

}  // namespace

std::shared_ptr<const LocalVendor> demo_vendor() {
    static const auto vendor = std::make_shared<const DemoVendor>();
    return vendor;
}

std::vector<std::string> demo_models(Family family) {
    switch (family) {
        case Family::anthropic: return {"claude-opus-4-5", "claude-sonnet-4-5", "claude-haiku-4-5"};
        case Family::openai:
            return {"gpt-5.5",
                    "gpt-5",
                    "gpt-5-mini",
                    "gpt-4.1",
                    "gpt-4.1-mini",
                    "text-embedding-3-small",
                    "text-embedding-3-large",
                    "gpt-image-1",
                    "gpt-4o-mini-tts",
                    "whisper-1",
                    "omni-moderation-latest"};
        case Family::gemini:
            return {"gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-embedding-001"};
    }
    return {};
}

}  // namespace lurus::provider
