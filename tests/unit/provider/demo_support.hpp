#pragma once
// Asking the demo, and reading what it streams.

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "modules/provider/demo/demo.hpp"

namespace lurus::provider::test {

using nlohmann::json;

struct DemoAnswer {
    int status = 0;
    std::string text;
    std::vector<std::string> parts;
    std::vector<std::pair<std::string, std::string>> headers;
    int total_ms = 0;

    [[nodiscard]] json body() const {
        auto parsed = json::parse(text, nullptr, false);
        REQUIRE_MESSAGE(!parsed.is_discarded(), text);
        return parsed;
    }
    [[nodiscard]] std::string header(const std::string& name) const {
        for (const auto& [key, value] : headers) {
            if (key == name) return value;
        }
        return {};
    }
};

inline DemoAnswer ask_demo(const std::string& method, const std::string& target, const std::string& body,
                           const std::vector<std::pair<std::string, std::string>>& headers = {}) {
    const LocalReply reply = demo_vendor()->answer(method, target, headers, body);
    DemoAnswer out;
    out.status = reply.status;
    out.headers = reply.headers;
    for (const auto& part : reply.parts) {
        out.parts.push_back(part.bytes);
        out.text += part.bytes;
        out.total_ms += part.delay_ms;
    }
    CHECK_FALSE(out.header("content-type").empty());
    return out;
}

inline DemoAnswer post_demo(const std::string& target, const json& body) {
    return ask_demo("POST", target, body.dump());
}

struct SseEvent {
    std::string name;
    json data;  // null for [DONE]
};

/// Every part is whole events with the given line ending.
inline std::vector<SseEvent> events_of(const DemoAnswer& answer, const std::string& line_end = "\n") {
    CHECK(answer.status == 200);
    CHECK(answer.header("content-type").starts_with("text/event-stream"));
    CHECK(answer.total_ms < 3000);
    std::vector<SseEvent> out;
    for (const std::string& part : answer.parts) {
        REQUIRE_MESSAGE(part.ends_with(line_end + line_end), part);
        SseEvent event;
        std::size_t at = 0;
        while (at < part.size()) {
            const auto end = part.find(line_end, at);
            const std::string line = part.substr(at, end - at);
            at = end + line_end.size();
            if (line.starts_with("event: ")) event.name = line.substr(7);
            if (line.starts_with("data: ") && line != "data: [DONE]") event.data = json::parse(line.substr(6));
        }
        out.push_back(std::move(event));
    }
    return out;
}

inline const json bash_schema =
    json::parse(R"({"type":"object","properties":{"command":{"type":"string"},"timeout":{"type":"number"}},
                                                "required":["command"],"additionalProperties":false})");

}  // namespace lurus::provider::test
