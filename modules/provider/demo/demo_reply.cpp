#include "modules/provider/demo/demo_reply.hpp"

#include <algorithm>
#include <charconv>

#include "modules/provider/demo/demo.hpp"

namespace lurus::provider::demo {
namespace {

constexpr int pause_ms = 15;

std::string_view anthropic_type(int status) {
    switch (status) {
        case 400: return "invalid_request_error";
        case 401: return "authentication_error";
        case 403: return "permission_error";
        case 404: return "not_found_error";
        case 413: return "request_too_large";
        case 429: return "rate_limit_error";
        case 529: return "overloaded_error";
        default: return status < 500 ? "invalid_request_error" : "api_error";
    }
}

std::string_view gemini_status(int status) {
    switch (status) {
        case 401: return "UNAUTHENTICATED";
        case 403: return "PERMISSION_DENIED";
        case 404: return "NOT_FOUND";
        case 429: return "RESOURCE_EXHAUSTED";
        case 503:
        case 529: return "UNAVAILABLE";
        case 504: return "DEADLINE_EXCEEDED";
        default: return status < 500 ? "INVALID_ARGUMENT" : "INTERNAL";
    }
}

ordered_json text_or_null(std::string_view text) {
    return text.empty() ? ordered_json(nullptr) : ordered_json(text);
}

}  // namespace

std::string_view Call::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (key == name) return value;
    }
    return {};
}

ordered_json failure_body(Family family, int status, std::string_view message, std::string_view kind,
                          std::string_view code) {
    switch (family) {
        case Family::anthropic:
            return {{"type", "error"},
                    {"error", {{"type", kind.empty() ? anthropic_type(status) : kind}, {"message", message}}},
                    {"request_id", make_id("req_", message, "request")}};
        case Family::gemini:
            return {
                {"error",
                 {{"code", status}, {"message", message}, {"status", kind.empty() ? gemini_status(status) : kind}}}};
        case Family::openai: break;
    }
    const std::string_view usual = status == 429 ? "requests" : status < 500 ? "invalid_request_error" : "server_error";
    return {{"error",
             {{"message", message},
              {"type", kind.empty() ? usual : kind},
              {"param", nullptr},
              {"code", text_or_null(code)}}}};
}

LocalReply failure(Family family, int status, std::string_view message, std::string_view kind, std::string_view code) {
    LocalReply reply = json_reply(failure_body(family, status, message, kind, code));
    reply.status = status;
    if (status == 429 || status == 503 || status == 529) reply.headers.emplace_back("retry-after", "1");
    return reply;
}

std::optional<LocalReply> wanted_failure(Family family, std::string_view model) {
    constexpr std::string_view prefix = "demo-error-";
    const auto at = model.find(prefix);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view digits = model.substr(at + prefix.size());
    int status = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), status);
    if (error != std::errc{} || end != digits.data() + digits.size() || status < 400 || status > 599)
        return std::nullopt;
    std::string_view message = "This failure was asked for by the model's name.";
    std::string_view code;
    if (status == 429) {
        message = "Rate limit reached, as the model's name asked for. Please try again in 1s.";
        code = "rate_limit_exceeded";
    } else if (status == 529) {
        message = "Overloaded";
    }
    return failure(family, status, message, {}, code);
}

LocalReply json_reply(const ordered_json& body) {
    return bytes_reply("application/json", dump(body));
}

LocalReply bytes_reply(std::string content_type, std::string bytes) {
    LocalReply reply;
    reply.headers.emplace_back("content-type", std::move(content_type));
    LocalReply::Part part;
    part.delay_ms = pause_ms;
    part.bytes = std::move(bytes);
    reply.parts.push_back(std::move(part));
    return reply;
}

Stream::Stream(std::string content_type) {
    reply_.headers.emplace_back("content-type", std::move(content_type));
    reply_.headers.emplace_back("cache-control", "no-cache");
}

void Stream::event(std::string_view name, const ordered_json& data) {
    raw("event: " + std::string(name) + "\ndata: " + dump(data) + "\n\n");
}

void Stream::data(const ordered_json& data, std::string_view line_end) {
    raw("data: " + dump(data) + std::string(line_end) + std::string(line_end));
}

void Stream::raw(std::string bytes) {
    LocalReply::Part part;
    part.delay_ms = pause_ms;
    part.bytes = std::move(bytes);
    reply_.parts.push_back(std::move(part));
}

bool wants_cut(std::string_view model) {
    return model.ends_with("demo-cut");
}

bool wants_error_event(std::string_view model) {
    return model.ends_with("demo-error-event");
}

LocalReply models(const Call&, Family family, std::string_view id) {
    const auto names = demo_models(family);
    const auto one = [&](const std::string& name) -> ordered_json {
        switch (family) {
            case Family::anthropic:
                return {
                    {"type", "model"}, {"id", name}, {"display_name", name}, {"created_at", "2026-01-01T00:00:00Z"}};
            case Family::gemini:
                return {{"name", "models/" + name},
                        {"version", "001"},
                        {"displayName", name},
                        {"inputTokenLimit", 1'048'576},
                        {"outputTokenLimit", 65'536},
                        {"supportedGenerationMethods", name.contains("embedding")
                                                           ? ordered_json::array({"embedContent"})
                                                           : ordered_json::array({"generateContent", "countTokens"})}};
            case Family::openai: break;
        }
        return {{"id", name}, {"object", "model"}, {"created", made_at}, {"owned_by", "lurus-demo"}};
    };
    if (!id.empty()) {
        if (std::ranges::find(names, id) == names.end()) {
            return failure(family, 404,
                           "The demo lists no model " + excerpt(id, 100) + ", though it answers for any name.");
        }
        return json_reply(one(std::string(id)));
    }
    ordered_json list = ordered_json::array();
    for (const auto& name : names) list.push_back(one(name));
    switch (family) {
        case Family::anthropic:
            return json_reply({{"data", std::move(list)},
                               {"has_more", false},
                               {"first_id", names.front()},
                               {"last_id", names.back()}});
        case Family::gemini: return json_reply({{"models", std::move(list)}});
        case Family::openai: break;
    }
    return json_reply({{"object", "list"}, {"data", std::move(list)}});
}

}  // namespace lurus::provider::demo
