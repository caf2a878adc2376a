// The recordings of real vendors that LURUS_WIRE names; each has its expected usage beside it.

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/golden/replay.hpp"
#include "tests/golden/wire.hpp"

namespace fs = std::filesystem;
using nlohmann::json;

namespace golden {

fs::path wire_folder() {
    if (const char* named = std::getenv("LURUS_WIRE"); named != nullptr && *named != '\0') return named;
    return fs::path(LURUS_SOURCE_DIR) / "../shared/wire";
}

std::string target_of(const json& meta) {
    const std::string protocol = meta["protocol"];
    const std::string semantics = meta["usage_semantics"].is_string() ? meta["usage_semantics"].get<std::string>() : "";
    const bool counts =
        semantics.find("count_tokens") != std::string::npos || semantics.find("countTokens") != std::string::npos;
    if (protocol == "anthropic-messages") return counts ? "/v1/messages/count_tokens" : "/v1/messages";
    if (protocol == "openai-chat") return "/v1/chat/completions";
    if (protocol == "openai-responses")
        return semantics.find("input_tokens") == 0 ? "/v1/responses/input_tokens" : "/v1/responses";
    if (protocol != "gemini") return {};
    if (counts) return "/v1beta/models/m:countTokens";
    const std::string type =
        meta["response"]["content_type"].is_string() ? meta["response"]["content_type"].get<std::string>() : "";
    if (type.find("event-stream") != std::string::npos) return "/v1beta/models/m:streamGenerateContent?alt=sse";
    return meta["response"].value("stream", false) ? "/v1beta/models/m:streamGenerateContent"
                                                   : "/v1beta/models/m:generateContent";
}

std::vector<fs::path> recordings(const fs::path& folder) {
    std::vector<fs::path> metas;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.path().string().ends_with(".meta.json")) metas.push_back(entry.path());
    }
    std::ranges::sort(metas);
    return metas;
}

}  // namespace golden

namespace {

std::optional<std::int64_t> number(const json& object, const char* key) {
    return object.is_object() && object.contains(key) && object[key].is_number_integer()
               ? std::optional(object[key].get<std::int64_t>())
               : std::nullopt;
}

// What the recording's own numbers mean in disjoint classes.
struct Expected {
    std::optional<std::int64_t> input, cache_read, cache_write, output, reasoning;
};

Expected expected_of(const json& meta, bool counts) {
    Expected want;
    const json usage = meta.value("usage", json());
    if (!usage.is_object() || counts) return want;
    const std::string protocol = meta["protocol"];
    want.cache_read = number(usage, "cache_read");
    want.cache_write = number(usage, "cache_write");
    want.reasoning = number(usage, "reasoning");
    want.output = number(usage, "output");
    want.input = number(usage, "input");
    if (protocol == "anthropic-messages") return want;
    if (want.input)
        want.input =
            std::max<std::int64_t>(0, *want.input - want.cache_read.value_or(0) - want.cache_write.value_or(0));
    if (protocol == "gemini") {
        if (want.output || want.reasoning) want.output = want.output.value_or(0) + want.reasoning.value_or(0);
        if (const auto tools = number(meta.value("usage_raw", json()), "toolUsePromptTokenCount"))
            want.input = want.input.value_or(0) + *tools;
    }
    return want;
}

}  // namespace

TEST_CASE("recordings: usage, errors and ends agree with what is written beside them") {
    const fs::path folder = golden::wire_folder();
    if (!fs::is_directory(folder)) {
        ++golden::tally().skipped;
        golden::tally().skipped_why += " [all recordings: no folder " + folder.string() + "]";
        MESSAGE("recordings skipped: no folder ", folder.string());
        return;
    }
    const std::vector<fs::path> metas = golden::recordings(folder);
    int bedrock = 0;
    for (const fs::path& path : metas) {
        const json meta = json::parse(golden::read_file(path.string()));
        golden::Case one;
        one.name = fs::relative(path, folder).generic_string();
        one.target = golden::target_of(meta);
        if (one.target.empty()) {
            ++bedrock;
            continue;
        }
        one.status = meta["response"]["status"];
        one.content_type =
            meta["response"]["content_type"].is_string() ? meta["response"]["content_type"].get<std::string>() : "";
        one.body = golden::read_file((path.parent_path() / meta["response"]["body_file"].get<std::string>()).string());
        CAPTURE(one.name);
        const golden::Seen seen = golden::replay(one);
        ++golden::tally().recordings;

        const bool counts = one.target.find("ount") != std::string::npos || one.target.ends_with("input_tokens");
        const Expected want = expected_of(meta, counts);
        CHECK(seen.usage.input == want.input);
        CHECK(seen.usage.cache_read == want.cache_read);
        const bool wrote = seen.usage.cache_write_5m || seen.usage.cache_write_1h;
        const std::int64_t written = seen.usage.cache_write_5m.value_or(0) + seen.usage.cache_write_1h.value_or(0);
        CHECK((wrote ? std::optional(written) : std::nullopt) == want.cache_write);
        CHECK(seen.usage.output == want.output);
        CHECK(seen.usage.reasoning == want.reasoning);
        if (!counts && meta.value("usage_raw", json()).is_object()) {
            REQUIRE(seen.raw != "");
            CHECK(json::parse(seen.raw) == meta["usage_raw"]);
        }

        const json summary = meta.value("summary", json::object());
        const json error = summary.is_object() ? summary.value("error", json()) : json();
        CHECK((seen.error_type != "") == (one.status >= 400 || !error.is_null()));
        if (one.status >= 400) CHECK_FALSE(seen.semantic);
        const bool streamed = one.content_type.find("event-stream") != std::string::npos;
        if (streamed && !summary.value("stop", json()).is_null()) CHECK(seen.complete);
        if (one.name.find("truncated") != std::string::npos) CHECK_FALSE(seen.complete);
        if (one.status < 400 && summary.value("text_len", 0) > 0) CHECK(seen.semantic);
        if (streamed && summary.contains("stream_events")) {
            const int done = one.body.find("[DONE]") == std::string::npos ? 0 : 1;
            CHECK(seen.events - done == summary["stream_events"].get<int>());
        }
    }
    if (bedrock > 0) {
        golden::tally().skipped += bedrock;
        golden::tally().skipped_why +=
            " [" + std::to_string(bedrock) + " recordings: Bedrock's formats are not served]";
    }
    CHECK(golden::tally().recordings > 0);
}
