#include "modules/provider/vendors/presets.hpp"

namespace lurus::provider {
namespace {

constexpr auto anthropic = Family::anthropic;
constexpr auto openai = Family::openai;
constexpr auto gemini = Family::gemini;
constexpr std::string_view openai_list = "/v1/models";

std::vector<Preset> make_presets() {
    std::vector<Preset> all;
    all.reserve(32);
    const auto add = [&all](std::string_view name, std::string_view title,
                            std::vector<PresetEndpoint> endpoints) -> Preset& {
        Preset& preset = all.emplace_back();
        preset.name = name;
        preset.title = title;
        preset.endpoints = std::move(endpoints);
        preset.list_family = preset.endpoints.front().family;
        preset.list_path = openai_list;
        preset.models = {"*"};
        return preset;
    };

    Preset& a = add("anthropic", "Anthropic", {{anthropic, AuthScheme::x_api_key, "https://api.anthropic.com"}});
    a.key_env = "ANTHROPIC_API_KEY";
    a.list_path = "/v1/models?limit=1000";
    a.models = {"claude-*"};

    Preset& o = add("openai", "OpenAI", {{openai, AuthScheme::bearer, "https://api.openai.com/v1"}});
    o.key_env = "OPENAI_API_KEY";
    o.models = {"gpt-*",
                "chatgpt-*",
                "o?",
                "o?-*",
                "codex-*",
                "computer-use-*",
                "text-embedding-*",
                "text-moderation-*",
                "omni-moderation-*",
                "dall-e-*",
                "tts-*",
                "whisper-*",
                "davinci-*",
                "babbage-*",
                "sora-*",
                "ft:*"};

    Preset& g = add("gemini", "Google Gemini",
                    {{gemini, AuthScheme::x_goog_api_key, "https://generativelanguage.googleapis.com"},
                     {openai, AuthScheme::bearer, "https://generativelanguage.googleapis.com/v1beta/openai"}});
    g.key_env = "GEMINI_API_KEY";
    g.list_path = "/v1beta/models?pageSize=1000";
    g.models = {"gemini-*",  "gemma-*",           "imagen-*",     "veo-*", "lyria-*",
                "learnlm-*", "text-embedding-0*", "embedding-0*", "aqa"};

    Preset& z = add("azure-openai", "Azure OpenAI", {{openai, AuthScheme::api_key, ""}});
    z.key_env = "AZURE_OPENAI_API_KEY";
    z.list_path = "";  // Azure lists base models, not deployments

    Preset& r = add("openrouter", "OpenRouter",
                    {{openai, AuthScheme::bearer, "https://openrouter.ai/api/v1"},
                     {anthropic, AuthScheme::bearer, "https://openrouter.ai/api"}});
    r.key_env = "OPENROUTER_API_KEY";

    Preset& d = add("deepseek", "DeepSeek",
                    {{openai, AuthScheme::bearer, "https://api.deepseek.com"},
                     {anthropic, AuthScheme::x_api_key, "https://api.deepseek.com/anthropic"}});
    d.key_env = "DEEPSEEK_API_KEY";
    d.models = {"deepseek-*"};

    Preset& k = add("moonshot", "Moonshot AI (Kimi)",
                    {{openai, AuthScheme::bearer, "https://api.moonshot.ai/v1"},
                     {anthropic, AuthScheme::bearer, "https://api.moonshot.ai/anthropic"}});
    k.alias = "kimi";
    k.key_env = "MOONSHOT_API_KEY";
    k.other_sites = {{{"https://api.moonshot.cn/v1", "https://api.moonshot.cn/anthropic"}}};
    k.models = {"kimi-*", "moonshot-*"};

    Preset& l = add("zhipu", "Zhipu AI, Z.ai (GLM)",
                    {{openai, AuthScheme::bearer, "https://open.bigmodel.cn/api/paas/v4"},
                     {anthropic, AuthScheme::bearer, "https://open.bigmodel.cn/api/anthropic"}});
    l.alias = "glm";
    l.key_env = "ZHIPUAI_API_KEY";
    l.other_sites = {{{"https://api.z.ai/api/paas/v4", "https://api.z.ai/api/anthropic"}}};
    l.models = {"glm-*", "cogview-*", "cogvideox-*", "charglm-*", "embedding-2", "embedding-3"};

    Preset& q = add("qwen", "Alibaba Cloud Model Studio (Qwen)",
                    {{openai, AuthScheme::bearer, "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"},
                     {anthropic, AuthScheme::x_api_key, "https://dashscope-intl.aliyuncs.com/apps/anthropic"}});
    q.key_env = "DASHSCOPE_API_KEY";
    q.other_sites = {
        {{"https://dashscope.aliyuncs.com/compatible-mode/v1", "https://dashscope.aliyuncs.com/apps/anthropic"}},
        {{"https://dashscope-us.aliyuncs.com/compatible-mode/v1", "https://dashscope-us.aliyuncs.com/apps/anthropic"}},
        {{"https://cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1",
          "https://cn-hongkong.dashscope.aliyuncs.com/apps/anthropic"}},
    };
    q.models = {"qwen*", "qwq-*", "qvq-*", "text-embedding-v*"};

    Preset& m = add("mistral", "Mistral AI", {{openai, AuthScheme::bearer, "https://api.mistral.ai/v1"}});
    m.key_env = "MISTRAL_API_KEY";
    m.takes_ask_usage = false;  // it answers 422, and sends its usage unasked
    m.models = {"mistral-*", "ministral-*", "codestral-*",    "magistral-*",    "devstral-*",
                "pixtral-*", "voxtral-*",   "open-mistral-*", "open-mixtral-*", "open-codestral-*"};

    Preset& q2 = add("groq", "Groq", {{openai, AuthScheme::bearer, "https://api.groq.com/openai/v1"}});
    q2.key_env = "GROQ_API_KEY";

    Preset& x = add("xai", "xAI", {{openai, AuthScheme::bearer, "https://api.x.ai/v1"}});
    x.key_env = "XAI_API_KEY";
    x.models = {"grok-*"};

    Preset& u = add("ollama", "Ollama",
                    {{openai, AuthScheme::bearer, "http://127.0.0.1:11434/v1"},
                     {anthropic, AuthScheme::bearer, "http://127.0.0.1:11434"}});
    u.needs_key = false;

    Preset& v = add("vllm", "vLLM",
                    {{openai, AuthScheme::bearer, "http://127.0.0.1:8000/v1"},
                     {anthropic, AuthScheme::bearer, "http://127.0.0.1:8000"}});
    v.needs_key = false;

    Preset& c = add("openai-compatible", "any OpenAI-compatible server", {{openai, AuthScheme::bearer, ""}});
    c.needs_key = false;

    Preset& n = add("new-api", "New API and others that serve every dialect at one address",
                    {{openai, AuthScheme::bearer, ""},
                     {anthropic, AuthScheme::x_api_key, ""},
                     {gemini, AuthScheme::x_goog_api_key, ""}});
    n.needs_key = false;

    Preset& demo = add("demo", "the built-in demo, answered in-process",
                       {{openai, AuthScheme::none, "http://demo.invalid"},
                        {anthropic, AuthScheme::none, "http://demo.invalid"},
                        {gemini, AuthScheme::none, "http://demo.invalid"}});
    demo.needs_key = false;
    return all;
}

}  // namespace

std::span<const Preset> presets() {
    static const std::vector<Preset> all = make_presets();
    return all;
}

const Preset* find_preset(std::string_view kind) {
    if (kind.empty()) return nullptr;
    for (const Preset& preset : presets()) {
        if (preset.name == kind || preset.alias == kind) return &preset;
    }
    return nullptr;
}

std::string preset_names() {
    std::string out;
    for (const Preset& preset : presets()) {
        if (!out.empty()) out += ", ";
        out += preset.name;
    }
    return out;
}

std::string_view name_of(AuthScheme scheme) {
    switch (scheme) {
        case AuthScheme::none: return "none";
        case AuthScheme::bearer: return "bearer";
        case AuthScheme::x_api_key: return "x-api-key";
        case AuthScheme::x_goog_api_key: return "x-goog-api-key";
        case AuthScheme::api_key: return "api-key";
    }
    return "none";
}

std::string_view header_of(AuthScheme scheme) {
    switch (scheme) {
        case AuthScheme::none: return {};
        case AuthScheme::bearer: return "authorization";
        default: return name_of(scheme);
    }
}

}  // namespace lurus::provider
