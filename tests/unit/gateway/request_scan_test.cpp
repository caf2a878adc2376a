#include "modules/gateway/session/request_scan.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

using namespace lurus;
using namespace lurus::gateway;

namespace {

Endpoint endpoint(std::string_view target, std::string_view method = "POST") {
    return *match_endpoint(method, target, {}, false).endpoint;
}

RequestFacts scan(std::string_view target, std::string_view body, std::string_view type = "application/json") {
    return scan_request(endpoint(target), type, body);
}

std::string splice(std::string_view body, const RequestFacts& facts, std::string_view model) {
    std::string out(body.substr(0, facts.model_begin));
    out += facts.model_is_json ? quote_json(model) : std::string(model);
    out += body.substr(facts.model_end);
    return out;
}

// Random JSON text, written with any white space and escapes.
class Writer {
public:
    explicit Writer(std::mt19937& random) : random_(random) {}

    std::string space() {
        std::string out;
        while (pick(4) == 0) out += " \t\r\n"[pick(4)];
        return out;
    }

    std::string string(std::string_view text) {
        std::string out = "\"";
        for (const char c : text) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < 0x80 && pick(5) == 0) {
                static constexpr char digits[] = "0123456789abcdef";
                out += std::string("\\u00") + digits[byte >> 4] +
                       (pick(2) == 0 ? digits[byte & 15] : "0123456789ABCDEF"[byte & 15]);
            } else if (c == '"' || c == '\\') {
                out += std::string("\\") + c;
            } else if (byte < 0x20) {
                out += c == '\n' ? "\\n" : "\\t";
            } else {
                out += c;
            }
        }
        return out + "\"";
    }

    std::string text() {
        static const std::vector<std::string> atoms{"a",  "model", "\"", "\\", "\n", "é",     "你好",
                                                    "😀", "{",     "}",  ":",  ",",  "stream"};
        std::string out;
        for (unsigned n = pick(6); n > 0; --n) out += atoms[pick(static_cast<unsigned>(atoms.size()))];
        return out;
    }

    std::string value(int depth) {
        switch (pick(depth > 4 ? 5 : 7)) {
            case 0: return "null";
            case 1: return pick(2) == 0 ? "true" : "false";
            case 2: return std::vector<std::string>{"0", "-1", "3.25", "1e9", "-0.5E-3"}[pick(5)];
            case 3:
            case 4: return string(text());
            case 5: {
                std::string out = "[" + space();
                for (unsigned n = pick(4), i = 0; i < n; ++i)
                    out += (i > 0 ? "," : "") + space() + value(depth + 1) + space();
                return out + "]";
            }
            default: return object(depth, {});
        }
    }

    std::string object(int depth, const std::vector<std::pair<std::string, std::string>>& members) {
        std::vector<std::string> all;
        for (const auto& [key, value] : members) all.push_back(string(key) + space() + ":" + space() + value);
        for (unsigned n = pick(5); n > 0; --n) {
            // A key that only looks like the wanted one must not count.
            const std::string key = depth == 0 ? "x" + text() : pick(3) == 0 ? "model" : text();
            all.insert(all.begin() + pick(static_cast<unsigned>(all.size()) + 1),
                       string(key) + space() + ":" + space() + value(depth + 1));
        }
        std::string out = "{" + space();
        for (std::size_t i = 0; i < all.size(); ++i) out += (i > 0 ? "," + space() : "") + all[i] + space();
        return out + "}";
    }

    unsigned pick(unsigned n) { return static_cast<unsigned>(random_() % n); }

private:
    std::mt19937& random_;
};

}  // namespace

TEST_CASE("request: model, stream and their ranges") {
    const std::string_view body = R"({ "stream" : true, "mod\u0065l": "claude-\u0033", "messages":[{"model":"no"}] })";
    const RequestFacts facts = scan("/v1/messages", body);
    CHECK(facts.error == "");
    CHECK(facts.model == "claude-3");
    CHECK(facts.stream);
    CHECK(facts.model_is_json);
    CHECK(body.substr(facts.model_begin, facts.model_end - facts.model_begin) == "\"claude-\\u0033\"");
}

TEST_CASE("request: the last of equal keys wins") {
    const std::string_view body = R"({"model":"a","stream":true,"model":"b","stream":false})";
    const RequestFacts facts = scan("/v1/chat/completions", body);
    CHECK(facts.model == "b");
    CHECK_FALSE(facts.stream);
    CHECK(facts.model_begin == body.rfind("\"b\""));
    const RequestFacts none = scan("/v1/chat/completions", R"({"model":"a","model":7})");
    CHECK(none.model == "");
    CHECK(none.model_begin == none.model_end);
}

TEST_CASE("request: bad JSON is named with its offset") {
    CHECK(scan("/v1/messages", "").error == "unexpected end of JSON at byte 0");
    CHECK(scan("/v1/messages", R"({"model":"claude)").error == "unexpected end of JSON at byte 16");
    CHECK(scan("/v1/messages", R"({"model":"a"} x)").error == "text after the JSON value at byte 14");
    CHECK(scan("/v1/messages", "[]").error == "expected a JSON object at byte 0");
    CHECK(scan("/v1/messages", R"({"a":1,})").error_offset == 7);
    CHECK(scan("/v1beta/models/m:generateContent", "{").error == "unexpected end of JSON at byte 1");
    CHECK(scan("/v1/responses/r/cancel", "").error == "");
    const RequestFacts deep = scan("/v1/messages", R"({"a":)" + std::string(600, '[') + std::string(600, ']') + "}");
    CHECK(deep.error.starts_with("nesting is deeper than 512 at byte "));
}

TEST_CASE("request: sessions of the clients") {
    auto session = [](std::string_view target, std::string_view body) { return scan(target, body).session; };
    CHECK(
        session(
            "/v1/messages",
            R"({"metadata":{"user_id":"{\"device_id\":\"d\",\"account_uuid\":\"\",\"session_id\":\"98d9dae2\"}"}})") ==
        "98d9dae2");
    CHECK(session("/v1/messages", R"({"metadata":{"user_id":"user_ab_account_cd_session_1f2e-33"}})") == "1f2e-33");
    CHECK(session("/v1/messages", R"({"metadata":{"user_id":"somebody"}})") == "");
    CHECK(session("/v1/messages", R"({"metadata":null})") == "");
    CHECK(session("/v1/responses", R"({"prompt_cache_key":"k1"})") == "k1");
    CHECK(session("/v1/responses",
                  R"({"client_metadata":{"thread_id":"t","session_id":"s"},"prompt_cache_key":"k1"})") == "s");
    CHECK(session("/v1/responses", R"({"conversation":"conv_1"})") == "conv_1");
    CHECK(session("/v1/responses", R"({"conversation":{"id":"conv_2"}})") == "conv_2");
    CHECK(session("/v1/chat/completions", R"({"session_id":"or-1"})") == "or-1");
    CHECK(session("/v1/responses", R"({"prompt_cache_key":")" + std::string(9000, 'k') + "\"}").size() == 512);
    CHECK(session_header_rank("x-claude-code-session-id") > session_header_rank("session-id"));
    CHECK(session_header_rank("session-id") > session_header_rank("thread-id"));
    CHECK(session_header_rank("x-session-id") > 0);
    CHECK(session_header_rank("conversation_id") > 0);
    CHECK(session_header_rank("content-type") == 0);
}

TEST_CASE("request: Gemini's stream is in the path") {
    CHECK(scan("/v1beta/models/m:streamGenerateContent", "{}").stream);
    const RequestFacts facts = scan("/v1beta/models/m:generateContent", R"({"model":"models/other"})");
    CHECK_FALSE(facts.stream);
    CHECK(facts.model == "");
    CHECK(facts.model_begin == facts.model_end);
}

TEST_CASE("request: requests without a body have no facts and no error") {
    CHECK(scan_request(endpoint("/v1/models", "GET"), "", "").error == "");
    CHECK(scan_request(endpoint("/v1/responses/r", "GET"), "", "").error == "");
    CHECK(scan_request(*match_endpoint("GET", "/v1/realtime?model=m", {}, true).endpoint, "", "").error == "");
}

TEST_CASE("request: a WebSocket's message is a body when it names the model") {
    Endpoint socket = *match_endpoint("GET", "/v1/responses", {}, true).endpoint;
    socket.model_in_body = true;
    const RequestFacts facts =
        scan_request(socket, "application/json", R"({"type":"response.create","model":"m","prompt_cache_key":"k"})");
    CHECK(facts.model == "m");
    CHECK(facts.session == "k");
}

TEST_CASE("request: the model field of a form") {
    const std::string audio("\0\x01\r\n\r\n--b\r\nmodel\xFF", 18);
    const std::string body =
        "preamble\r\n--bound42\r\nContent-Disposition: form-data; name=\"file\"; filename=\"model\"\r\nContent-Type: "
        "audio/wav\r\n\r\n" +
        audio +
        "\r\n--bound42\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n"
        "--bound42\r\nContent-Disposition: form-data; name=stream\r\n\r\ntrue\r\n--bound42--\r\nepilogue";
    for (const char* type :
         {"multipart/form-data; boundary=bound42", "Multipart/Form-Data;charset=utf-8; boundary=\"bound42\""}) {
        const RequestFacts facts = scan("/v1/audio/transcriptions", body, type);
        CHECK(facts.error == "");
        CHECK(facts.model == "whisper-1");
        CHECK_FALSE(facts.model_is_json);
        CHECK(facts.stream);
        const std::string spliced = splice(body, facts, "gpt-4o-transcribe");
        CHECK(scan("/v1/audio/transcriptions", spliced, type).model == "gpt-4o-transcribe");
        CHECK(splice(spliced, scan("/v1/audio/transcriptions", spliced, type), "whisper-1") == body);
    }
    CHECK(scan("/v1/images/edits", body, "multipart/form-data").error == "multipart form without a boundary at byte 0");
    CHECK(scan("/v1/images/edits", body, "multipart/form-data; boundary=zzz").error ==
          "multipart form without its boundary at byte 0");
    for (std::size_t cut = body.find("--bound42") + 9; cut < body.rfind("--bound42--") + 9; ++cut) {
        const std::string part = body.substr(0, cut);
        CHECK(scan("/v1/images/edits", part, "multipart/form-data; boundary=bound42")
                  .error.starts_with("unexpected end of the form"));
    }
    const std::string empty = "--b\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n\r\n--b--";
    CHECK(scan("/v1/images/edits", empty, "multipart/form-data; boundary=b").model == "");
    CHECK(scan("/v1/images/edits", empty, "multipart/form-data; boundary=b").error == "");
}

TEST_CASE("request: splicing leaves everything else as it was") {
    std::mt19937 random(2026);
    Writer writer(random);
    for (int i = 0; i < 5000; ++i) {
        std::vector<std::pair<std::string, std::string>> members{{"model", writer.string("first")}};
        if (writer.pick(3) == 0) members.emplace_back("model", writer.string("second" + writer.text()));
        const std::string stream = std::vector<std::string>{"true", "false", "null"}[writer.pick(3)];
        members.emplace_back("stream", stream);
        const std::string body = writer.space() + writer.object(0, members) + writer.space();
        CAPTURE(body);
        const nlohmann::json before = nlohmann::json::parse(body);
        const RequestFacts facts = scan("/v1/chat/completions", body);
        REQUIRE(facts.error == "");
        REQUIRE(facts.model == before["model"].get<std::string>());
        REQUIRE(facts.stream == (before["stream"] == true));

        const std::string model = "new \"model\" \xE4\xBD\xA0\n" + writer.text();
        const std::string spliced = splice(body, facts, model);
        const RequestFacts again = scan("/v1/chat/completions", spliced);
        REQUIRE(again.error == "");
        REQUIRE(again.model == model);
        REQUIRE(again.model_begin == facts.model_begin);
        REQUIRE(spliced.substr(0, again.model_begin) == body.substr(0, facts.model_begin));
        REQUIRE(spliced.substr(again.model_end) == body.substr(facts.model_end));
        nlohmann::json expected = before;
        expected["model"] = model;
        REQUIRE(nlohmann::json::parse(spliced) == expected);
    }
}

TEST_CASE("request: a 20 MB image is stepped over") {
    std::string image(20'000'000, 'A');
    for (std::size_t i = 0; i < image.size(); i += 97) image[i] = "Zz09+/"[i % 6];
    const std::string body = R"({"messages":[{"role":"user","content":[{"type":"image","source":{"data":")" + image +
                             R"("}}]}],"model":"m1"})";
    const RequestFacts facts = scan("/v1/messages", body);
    CHECK(facts.error == "");
    CHECK(facts.model == "m1");
    const std::string spliced = splice(body, facts, "another-model");
    CHECK(spliced.size() == body.size() + 11);
    CHECK(spliced.compare(0, facts.model_begin, body, 0, facts.model_begin) == 0);
    CHECK(scan("/v1/messages", spliced).model == "another-model");
}

TEST_CASE("scan: how many tokens the answer may have") {
    CHECK(scan("/v1/messages", R"({"model":"m","max_tokens":4096})").max_output == 4096);
    CHECK(scan("/v1/chat/completions", R"({"model":"m","max_completion_tokens":7})").max_output == 7);
    CHECK(scan("/v1/responses", R"({"model":"m","max_output_tokens":9})").max_output == 9);
    const auto gemini = [](std::string_view config) {
        return scan("/v1beta/models/g:generateContent", R"({"contents":[],)" + std::string(config) + "}").max_output;
    };
    CHECK(gemini(R"("generationConfig":{"temperature":1,"maxOutputTokens":11})") == 11);
    CHECK(gemini(R"("generation_config":{"max_output_tokens":12})") == 12);
    CHECK_FALSE(gemini(R"("generationConfig":{"maxOutputTokens":null})"));
    CHECK_FALSE(gemini(R"("generationConfig":[1])"));
    CHECK_FALSE(scan("/v1/messages", R"({"model":"m","metadata":{"max_tokens":1},"messages":[]})").max_output);
    CHECK_FALSE(scan("/v1/messages", R"({"model":"m","max_tokens":"many"})").max_output);
}

TEST_CASE("a chat's stream is asked for its usage where the client has not") {
    const auto asked = [](std::string_view body, std::string_view target = "/v1/chat/completions") {
        const RequestFacts facts = scan(target, body);
        REQUIRE(facts.error.empty());
        const BodyEdit& edit = facts.ask_usage;
        std::string out(body.substr(0, edit.begin));
        out += edit.text;
        if (!edit.text.empty()) out += body.substr(edit.end);
        return edit.text.empty() ? std::string("as it is") : out;
    };
    CHECK(asked(R"( {"model":"m","stream":true})") ==
          R"( {"stream_options":{"include_usage":true},"model":"m","stream":true})");
    CHECK(asked(R"({"model":"m","stream":true})", "/v1/completions") ==
          R"({"stream_options":{"include_usage":true},"model":"m","stream":true})");
    CHECK(asked(R"({"stream_options": null, "stream":true})") ==
          R"({"stream_options": {"include_usage":true}, "stream":true})");
    CHECK(asked(R"({"stream":true,"stream_options":{ }})") ==
          R"({"stream":true,"stream_options":{"include_usage":true }})");
    CHECK(asked(R"({"stream":true,"stream_options":{"include_obfuscation":false}})") ==
          R"({"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}})");
    CHECK(asked(R"({"stream":true,"stream_options":{"a":1,"include_usage" : false}})") ==
          R"({"stream":true,"stream_options":{"a":1,"include_usage" : true}})");
    CHECK(asked(R"({"stream":true,"stream_option\u0073":{"include_usag\u0065":null}})") ==
          R"({"stream":true,"stream_option\u0073":{"include_usag\u0065":true}})");
    // Of equal names the last counts, as for the vendor.
    CHECK(asked(R"({"stream":true,"stream_options":{"include_usage":true},"stream_options":{}})") ==
          R"({"stream":true,"stream_options":{"include_usage":true},"stream_options":{"include_usage":true}})");
    CHECK(asked(R"({"stream":true,"stream_options":{"include_usage":true,"include_usage":false}})") ==
          R"({"stream":true,"stream_options":{"include_usage":true,"include_usage":true}})");
    for (const char* body : {
             R"({"stream":true,"stream_options":{"include_usage":true}})",
             R"({"stream":true,"stream_options":{"include_usage":false,"include_usage":true}})",
             R"({"stream":true,"stream_options":{"include_usage":"yes"}})",
             R"({"stream":true,"stream_options":"all"})",
             R"({"stream":false})",
             R"({"model":"m"})",
         }) {
        CAPTURE(body);
        CHECK(asked(body) == "as it is");
    }
    for (const char* other : {"/v1/responses", "/v1/messages", "/v1/embeddings", "/v1/audio/speech"}) {
        CAPTURE(other);
        CHECK(asked(R"({"model":"m","stream":true})", other) == "as it is");
    }
}

TEST_CASE("pictures and files in a body are no text") {
    const std::string picture(50'000, 'A');
    const std::size_t counted = picture.size() - 4000 - picture.size() / 50;
    const std::string one = R"({"image_url":{"url":"data:image/png;base64,)" + picture + R"("}})";
    CHECK(files_bytes_of("{}") == 0);
    CHECK(files_bytes_of(R"({"url":"data:image/png;base64,AAAA"})") == 0);
    CHECK(files_bytes_of(one) == counted);
    CHECK(files_bytes_of(one + R"(,{"text":"x"})" + one) == 2 * counted);
    CHECK(files_bytes_of(R"({"source":{"type":"base64","media_type":"image/png","data": ")" + picture + R"("}})") ==
          counted);
    CHECK(files_bytes_of(R"("base64" without a file)" + picture) == 0);
    CHECK(files_bytes_of("base64") == 0);
    CHECK(files_bytes_of("data:;base64," + std::string(30'000, 'A') + std::string(60, ' ') + picture) == 0);
    CHECK(files_bytes_of("data:;base64," + picture) == counted);
}
