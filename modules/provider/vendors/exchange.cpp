#include "modules/provider/vendors/exchange.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/http/url.hpp"
#include "modules/provider/vendors/presets.hpp"

namespace lurus::provider {
namespace {

using nlohmann::json;

constexpr int exchange_timeout_ms = 60'000;

Result<HttpAnswer> local_answer(const Provider& provider, const Ask& ask) {
    std::vector<std::pair<std::string, std::string>> headers;
    if (ask.family == Family::anthropic) headers.emplace_back("anthropic-version", "2023-06-01");
    auto reply = provider.local->answer(ask.method, ask.target, headers, ask.body);
    HttpAnswer answer;
    answer.status = reply.status;
    answer.headers = std::move(reply.headers);
    for (const auto& part : reply.parts) answer.body += part.bytes;
    return answer;
}

}  // namespace

std::string without_secret(std::string text, const Secret& secret) {
    if (secret.empty()) return text;
    for (auto at = text.find(secret.reveal()); at != std::string::npos; at = text.find(secret.reveal(), at)) {
        text.replace(at, secret.reveal().size(), "[credential]");
    }
    return text;
}

Result<HttpAnswer> exchange(const Provider& provider, const Ask& ask, const OutsideLimit& limit) {
    if (provider.local) return local_answer(provider, ask);
    const FamilyEndpoint& endpoint = provider.endpoints.at(ask.family);
    HttpCall call;
    call.method = ask.method;
    call.url = endpoint.base;
    call.target = provider.kind == "azure-openai"
                      ? azure_target(endpoint.base, provider.azure_api_version, ask.model, ask.target)
                      : upstream_target(endpoint.base, ask.family, ask.target);
    call.body = ask.body;
    call.connect_timeout_ms = provider.connect_timeout_ms;
    call.timeout_ms = std::min(provider.first_byte_timeout_ms, exchange_timeout_ms);
    call.limit = limit;
    call.tls_verify = provider.tls_verify;
    call.roots = provider.roots;
    call.headers = {{"accept", "application/json"}, {"user-agent", "lurus"}};
    if (!ask.body.empty()) call.headers.emplace_back("content-type", "application/json");
    if (ask.family == Family::anthropic) call.headers.emplace_back("anthropic-version", "2023-06-01");
    if (const auto header = header_of(endpoint.auth); !header.empty() && !provider.credential.empty()) {
        const std::string prefix = endpoint.auth == AuthScheme::bearer ? "Bearer " : "";
        call.headers.emplace_back(header, prefix + std::string(provider.credential.reveal()));
    }
    call.headers.insert(call.headers.end(), provider.headers.begin(), provider.headers.end());
    auto answer = http_exchange(call);
    if (!answer) return fail(answer.error().code, without_secret(answer.error().message, provider.credential));
    return answer;
}

std::string short_text(std::string_view text) {
    std::string out(text.substr(0, 300));
    for (char& c : out) {
        if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return out;
}

std::string words_of(const Provider& provider, const HttpAnswer& answer) {
    std::string words;
    json body = json::parse(answer.body, nullptr, false);
    if (body.is_array() && !body.empty()) body = json(body.front());
    if (body.is_object()) {
        const json& error = body.contains("error") ? body["error"] : body;
        if (error.is_string()) {
            words = error.get<std::string>();
        } else if (error.is_object() && error.contains("message") && error["message"].is_string()) {
            words = error["message"].get<std::string>();
        }
    }
    if (words.empty()) words = short_text(answer.body);
    return "HTTP " + std::to_string(answer.status) +
           (words.empty() ? "" : ": " + without_secret(short_text(words), provider.credential));
}

}  // namespace lurus::provider
