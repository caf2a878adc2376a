#include "modules/provider/catalog/build.hpp"

#include <fstream>

#include "core/http/url.hpp"
#include "core/os/platform.hpp"
#include "tests/unit/provider/support.hpp"

using namespace lurus;
using namespace lurus::provider;
using namespace lurus::provider::test;

namespace {

Provider built(const ProviderSpec& spec) {
    auto provider = build_provider(spec, "config");
    REQUIRE_MESSAGE(provider.has_value(), provider.error().message);
    return std::move(*provider);
}

std::string refused(const ProviderSpec& spec) {
    auto provider = build_provider(spec, "config");
    REQUIRE_FALSE(provider.has_value());
    CHECK(provider.error().code == ErrorCode::invalid_argument);
    return provider.error().message;
}

std::string base(const Provider& provider, Family family) {
    return to_string(provider.endpoints.at(family).base);
}

}  // namespace

TEST_CASE("presets: each can be built, has its families and lists") {
    for (const Preset& preset : presets()) {
        CAPTURE(preset.name);
        auto s = spec("p", std::string(preset.name), {}, preset.name == "demo" ? "" : "sk-test-0123456789abcdef");
        if (preset.needs_base_url()) s.base_url = "https://vendor.example/base";
        const Provider provider = built(s);
        CHECK(provider.endpoints.size() == preset.endpoints.size());
        CHECK_FALSE(provider.models.empty());
        CHECK(provider.problem.empty());
        CHECK(provider.kind == preset.name);
        CHECK((list_endpoint(provider) != nullptr) == !preset.list_path.empty());
        for (const auto& site : preset.other_sites) CHECK(site.bases.size() == preset.endpoints.size());
        for (const auto& endpoint : preset.endpoints) {
            if (!endpoint.base.empty()) CHECK_MESSAGE(Url::parse(endpoint.base).has_value(), endpoint.base);
        }
    }
    CHECK(built(spec("p", "kimi")).kind == "moonshot");
    CHECK(built(spec("p", "glm")).kind == "zhipu");
    CHECK(find_preset("") == nullptr);
}

TEST_CASE("presets: bases for each dialect") {
    const Provider deepseek = built(spec("d", "deepseek"));
    CHECK(base(deepseek, Family::openai) == "https://api.deepseek.com");
    CHECK(base(deepseek, Family::anthropic) == "https://api.deepseek.com/anthropic");
    CHECK(deepseek.endpoints.at(Family::anthropic).auth == AuthScheme::x_api_key);

    // A base on one of the vendor's own hosts keeps the other dialects right.
    const Provider coding = built(at(spec("z", "zhipu"), "https://api.z.ai/api/coding/paas/v4"));
    CHECK(base(coding, Family::openai) == "https://api.z.ai/api/coding/paas/v4");
    CHECK(base(coding, Family::anthropic) == "https://api.z.ai/api/anthropic");
    const Provider china = built(at(spec("m", "moonshot"), "https://api.moonshot.cn/anthropic/"));
    CHECK(base(china, Family::openai) == "https://api.moonshot.cn/v1");
    CHECK(base(china, Family::anthropic) == "https://api.moonshot.cn/anthropic");

    // Any other host serves every dialect at that base.
    const Provider mine = built(at(spec("n", "new-api"), "http://10.0.0.1:3000/v1"));
    CHECK(base(mine, Family::openai) == "http://10.0.0.1:3000/v1");
    CHECK(base(mine, Family::anthropic) == "http://10.0.0.1:3000");
    CHECK(base(mine, Family::gemini) == "http://10.0.0.1:3000");
    CHECK(upstream_target(mine.endpoints.at(Family::gemini).base, Family::gemini, "/v1beta/models/m:generateContent") ==
          "/v1beta/models/m:generateContent");
    CHECK(base(built(at(spec("d", "deepseek"), "https://proxy.example/x")), Family::anthropic) ==
          "https://proxy.example/x");
    CHECK(base(built(at(spec("g", "gemini"), "https://proxy.example/v1beta")), Family::gemini) ==
          "https://proxy.example");
}

TEST_CASE("provider: a base URL with the endpoint that was copied with it") {
    const auto openai = [](const char* kind, const char* url) {
        return base(built(at(spec("p", kind), url)), Family::openai);
    };
    CHECK(openai("openai-compatible", " https://h.example/v1/chat/completions\n") == "https://h.example/v1");
    CHECK(openai("new-api", "https://h.example/v1/messages") == "https://h.example/v1");
    CHECK(base(built(at(spec("p", "new-api"), "https://h.example/v1/chat/completions")), Family::anthropic) ==
          "https://h.example");
    CHECK(base(built(at(spec("p", "anthropic"), "https://h.example/v1/messages")), Family::anthropic) ==
          "https://h.example/v1");
    CHECK(openai("openai-compatible", "https://h.example/x#") == "https://h.example/x#");
    CHECK(
        refused(at(spec("p", "openai-compatible"), "https://r.openai.azure.com/openai/deployments/m/chat/completions"))
            .contains("kind azure-openai"));

    const char* google = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent";
    for (const char* url : {google, "https://generativelanguage.googleapis.com/v1beta",
                            "https://generativelanguage.googleapis.com/v1beta/openai/"}) {
        const Provider gemini = built(at(spec("g", "gemini"), url));
        CHECK(base(gemini, Family::gemini) == "https://generativelanguage.googleapis.com");
        CHECK(base(gemini, Family::openai) == "https://generativelanguage.googleapis.com/v1beta/openai");
    }
    CHECK(base(built(at(spec("g", "gemini"), "https://mirror.example/g/v1beta")), Family::openai) ==
          "https://mirror.example/g/v1beta/openai");

    const Provider azure =
        built(at(spec("z", "azure-openai"),
                 "https://r.openai.azure.com/openai/deployments/m/chat/completions?api-version=2024-10-21"));
    CHECK(azure.azure_api_version == "2024-10-21");
    CHECK(refused(at(spec("z", "azure-openai"), "https://r.openai.azure.com/openai?api-version=1&key=abc"))
              .contains("api-version"));
}

TEST_CASE("provider: wrong declarations name the provider, the field and the way out") {
    CHECK(refused(spec("a b", "openai")).contains("provider 'a b': a name is"));
    CHECK(refused(spec("", "openai")).contains("a name is"));
    CHECK(refused(spec("a/b", "openai")).contains("a name is"));
    CHECK(refused(spec("a", "")).contains("kind is missing; it is one of anthropic, openai"));
    CHECK(refused(spec("a", "opnai")).contains("the kind 'opnai' is unknown"));
    CHECK(refused(spec("a", "openai-compatible")).contains("needs a base_url"));
    CHECK(refused(spec("a", "azure-openai")).contains("https://RESOURCE.openai.azure.com"));
    CHECK(refused(at(spec("a", "openai"), "api.openai.com")).contains("base_url: the URL has no scheme"));
    const std::string secret = refused(at(spec("a", "openai"), "https://u:hunter2@h"));
    CHECK_FALSE(secret.contains("hunter2"));
    auto two = spec("a", "openai");
    two.api_key_env = "X";
    CHECK(refused(two).contains("one of api_key, api_key_env and api_key_file"));
    CHECK_FALSE(refused(two).contains("sk-test"));
    CHECK(refused(spec("a", "demo")).contains("takes no credential"));
    CHECK(refused(spec("a", "openai", {"has space"})).contains("models holds 'has space'"));
    CHECK(refused(spec("a", "openai", {""})).contains("models holds ''"));
    auto gone = spec("a", "openai");
    gone.on_client_gone = "wait";
    CHECK(refused(gone).contains("it is cancel or drain"));
    auto timeout = spec("a", "openai");
    timeout.idle_timeout_ms = 0;
    CHECK(refused(timeout).contains("idle_timeout_ms is 0"));
    auto version = spec("a", "openai");
    version.api_version = "2024-10-21";
    CHECK(refused(version).contains("azure-openai only"));
    for (const auto& [name, value] :
         {std::pair{"Host", "x"}, {"a b", "x"}, {"x", "a\r\nb"}, {"Authorization", "x"}, {"content-length", "1"}}) {
        auto header = spec("a", "openai");
        header.headers[name] = value;
        CHECK_MESSAGE(refused(header).contains("header"), name);
    }
}

TEST_CASE("provider: where credentials come from") {
    const TemporaryDir dir;
    const auto file = dir.path() / "key";
    auto from_file = spec("a", "openai", {}, "");
    from_file.api_key_file = file.string();
    CHECK(built(from_file).problem.contains("does not exist"));
    std::ofstream(file) << "  sk-from-file \n";
    CHECK(built(from_file).credential.reveal() == "sk-from-file");
    CHECK(built(from_file).credential_source == "file:" + file.string());
    std::ofstream(file) << "\n";
    CHECK(built(from_file).problem.contains("is empty"));
    std::ofstream(file) << "two words";
    CHECK(built(from_file).problem.contains("spaces"));

    // The conventional variable is for the vendor's own addresses only.
    platform::set_variable("MISTRAL_API_KEY", "sk-conventional");
    const auto bare = spec("a", "mistral", {}, "");
    CHECK(built(bare).credential.reveal() == "sk-conventional");
    CHECK(built(bare).credential_source == "env:MISTRAL_API_KEY");
    const Provider elsewhere = built(at(bare, "https://proxy.example/v1"));
    CHECK(elsewhere.credential.empty());
    CHECK(elsewhere.problem.empty());
    CHECK(elsewhere.endpoints.at(Family::openai).auth == AuthScheme::none);
    platform::set_variable("MISTRAL_API_KEY", "");
    CHECK(built(bare).problem.contains("or set MISTRAL_API_KEY"));

    const Provider local = built(spec("a", "ollama", {}, ""));
    CHECK(local.problem.empty());
    CHECK(local.endpoints.at(Family::openai).auth == AuthScheme::none);
    CHECK(built(spec("a", "ollama")).endpoints.at(Family::openai).auth == AuthScheme::bearer);
}

TEST_CASE("provider: settings arrive") {
    auto s = spec("a", "azure-openai");
    s.base_url = "https://r.openai.azure.com";
    s.api_version = "2024-10-21";
    s.connect_timeout_ms = 1;
    s.first_byte_timeout_ms = 2;
    s.idle_timeout_ms = 3;
    s.on_client_gone = "drain";
    s.ask_usage = false;
    s.tls_verify = false;
    s.headers = {{"X-Team", "a b"}};
    const Provider p = built(s);
    CHECK(p.azure_api_version == "2024-10-21");
    CHECK(p.connect_timeout_ms == 1);
    CHECK(p.first_byte_timeout_ms == 2);
    CHECK(p.idle_timeout_ms == 3);
    CHECK(p.on_client_gone == OnClientGone::drain);
    CHECK_FALSE(p.ask_usage);
    CHECK_FALSE(p.tls_verify);
    CHECK(p.headers == std::vector<std::pair<std::string, std::string>>{{"X-Team", "a b"}});
    CHECK(p.endpoints.at(Family::openai).auth == AuthScheme::api_key);
    CHECK(list_endpoint(p) == nullptr);
    s.ca_file = "/nonexistent.pem";
    CHECK(built(s).problem.contains("/nonexistent.pem"));
}

TEST_CASE("route: its shape") {
    CHECK(check_route(route("m", {"a/b"})).has_value());
    CHECK(check_route(route("*", {"a"}, Family::openai)).has_value());
    CHECK(check_route(route("", {"a"})).error().message.contains("model"));
    CHECK(check_route(route("a b", {"a"})).error().message.contains("model"));
    CHECK(check_route(route("m", {})).error().message.contains("'to' is empty"));
    CHECK(check_route(route("m", {""})).error().message.contains("'to' holds ''"));
    CHECK(check_route(route("m", {"a"}, Family::openai)).error().message.contains("'*'"));
}

TEST_CASE("build: chat streams are asked for their usage, but where the vendor refuses that") {
    CHECK(built(spec("a", "openai")).ask_usage);
    CHECK_FALSE(built(spec("a", "mistral")).ask_usage);
    auto told = spec("a", "mistral");
    told.ask_usage = true;
    CHECK(built(told).ask_usage);
}
