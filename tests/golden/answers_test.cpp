// The project's own transcripts, one for every shape of answer and request, with what must be read from them beside
// each.

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "modules/gateway/session/request_scan.hpp"
#include "tests/golden/replay.hpp"

namespace fs = std::filesystem;
using lurus::gateway::AnswerReader;
using nlohmann::json;

namespace {

std::vector<fs::path> expectations(const char* folder) {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(fs::path(LURUS_SOURCE_DIR) / "tests/golden" / folder)) {
        if (entry.path().string().ends_with(".expect.json")) found.push_back(entry.path());
    }
    std::ranges::sort(found);
    return found;
}

// Byte by byte, the commit point must come with the line end after the event that holds the text, in JSON with the text
// itself.
bool reached_by(const std::string& body, bool events, std::size_t end, const std::string& text) {
    const std::size_t at = body.find(text);
    if (at == std::string::npos || at >= end) return false;
    if (!events) return end <= at + std::max<std::size_t>(1, text.size());
    int blank_lines = 0;
    for (std::size_t i = at; i < end; ++i) {
        const std::size_t width = body.compare(i, 2, "\r\n") == 0 ? 2 : 1;
        const std::string line_end = body.substr(i, width);
        if (body[i] != '\r' && body[i] != '\n') continue;
        if (body.compare(i + width, width, line_end) == 0 && i + width < end) ++blank_lines;
        i += width - 1;
    }
    return blank_lines == 1;
}

}  // namespace

TEST_CASE("golden: answers") {
    for (const fs::path& path : expectations("answers")) {
        const json want = json::parse(golden::read_file(path.string()));
        golden::Case one;
        one.name = path.filename().string();
        one.method = want.value("method", "POST");
        one.target = want["target"];
        one.content_type = want["content_type"];
        one.status = want["status"];
        one.body = golden::read_file((path.parent_path() / want["body"].get<std::string>()).string());
        CAPTURE(one.name);
        const golden::Seen seen = golden::replay(one);
        ++golden::tally().answers;

        json usage = golden::usage_json(seen.usage);
        for (const auto& [key, value] : want["usage"].items()) {
            CAPTURE(key);
            REQUIRE(usage.contains(key));
            CHECK(usage[key] == value);
            usage.erase(key);
        }
        for (const auto& [key, value] : usage.items()) {
            CAPTURE(key);
            CHECK(value.is_null());
        }
        if (want.contains("raw")) CHECK(json::parse(seen.raw) == want["raw"]);
        CHECK(seen.error_type == (want.contains("error") ? want["error"]["type"].get<std::string>() : ""));
        CHECK(seen.error_message == (want.contains("error") ? want["error"]["message"].get<std::string>() : ""));
        CHECK(seen.complete == want["complete"].get<bool>());
        CHECK(seen.events == want["events"].get<int>());
        CHECK((seen.terminal != AnswerReader::none) == want.contains("terminal"));
        if (want.contains("terminal") && seen.terminal != AnswerReader::none) {
            const std::string mark = want["terminal"];
            CHECK(one.body.substr(seen.terminal, mark.size()) == mark);
        }
        CHECK(seen.semantic == want.contains("commit"));
        if (want.contains("commit")) {
            CAPTURE(seen.committed);
            CHECK(reached_by(
                one.body,
                one.content_type.starts_with("text/event-stream") || want["body"].get<std::string>().ends_with(".sse"),
                seen.committed, want["commit"]));
        }
    }
    CHECK(golden::tally().answers > 80);
}

TEST_CASE("golden: requests") {
    for (const fs::path& path : expectations("requests")) {
        const json want = json::parse(golden::read_file(path.string()));
        const std::string target = want["target"];
        const std::string body = golden::read_file((path.parent_path() / want["body"].get<std::string>()).string());
        CAPTURE(path.filename().string());
        const auto match = lurus::gateway::match_endpoint(want["method"].get<std::string>(), target, {}, false);
        REQUIRE(match.endpoint.has_value());
        const auto facts = lurus::gateway::scan_request(*match.endpoint, want["content_type"].get<std::string>(), body);
        ++golden::tally().requests;
        CHECK(facts.error == want.value("error", ""));
        CHECK(facts.model == want["model"].get<std::string>());
        CHECK(facts.stream == want["stream"].get<bool>());
        CHECK(facts.session == want["session"].get<std::string>());
        CHECK(body.substr(facts.model_begin, facts.model_end - facts.model_begin) == want.value("splice", ""));
        CHECK(match.endpoint->path_model == want.value("path_model", ""));
    }
    CHECK(golden::tally().requests > 10);
}
