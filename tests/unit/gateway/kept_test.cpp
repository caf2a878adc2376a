#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "modules/gateway/kept/kept_table.hpp"
#include "modules/gateway/kept/named_things.hpp"

using namespace lurus;
using namespace lurus::gateway;

namespace {

using Ids = std::vector<std::string>;

KeptThing thing(std::string id, std::string org = "default", std::string provider = "a") {
    KeptThing out;
    out.id = std::move(id);
    out.org = std::move(org);
    out.provider = std::move(provider);
    return out;
}

Ids minted(Family family, std::string_view body, bool made = true) {
    Ids whole;
    // In pieces of every size, and never more than what is kept of it.
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, body.size()}) {
        MintedIds reader(family, made);
        for (std::size_t at = 0; at < body.size(); at += step) reader.feed(body.substr(at, step));
        whole = reader.ids();
    }
    return whole;
}

}  // namespace

TEST_CASE("kept: an id is its first owner's, and the oldest go first") {
    KeptTable table;
    CHECK(table.empty(Family::openai));
    CHECK(table.remember(thing(kept_id(Family::openai, "file-1"), "one", "a")));
    CHECK_FALSE(table.remember(thing("openai:file-1", "two", "b")));
    CHECK(table.find("openai:file-1")->org == "one");
    CHECK(table.find("openai:file-1")->provider == "a");
    CHECK_FALSE(table.find("gemini:file-1"));
    CHECK_FALSE(table.empty(Family::openai));
    CHECK(table.empty(Family::gemini));
    CHECK(table.take_unsaved().size() == 1);
    CHECK(table.take_unsaved().empty());
    table.load({thing("gemini:files/x")});
    CHECK_FALSE(table.empty(Family::gemini));
    CHECK(table.take_unsaved().empty());
    for (std::size_t i = 0; i < KeptTable::most; ++i) table.remember(thing("anthropic:" + std::to_string(i)));
    CHECK_FALSE(table.find("openai:file-1"));
    CHECK(table.empty(Family::openai));
    CHECK(table.find("anthropic:0"));
}

TEST_CASE("kept: what a request refers to") {
    CHECK(referred_ids(Family::openai, R"({"model":"m","previous_response_id":"resp_1"})") == Ids{"resp_1"});
    CHECK(referred_ids(Family::openai, R"({"previous_response_id" : null,"conversation":{"id":"conv_1","x":1}})") ==
          Ids{"conv_1"});
    CHECK(referred_ids(Family::openai, R"({"conversation":"conv_2","tools":[{"vector_store_ids":["vs_1","vs_2"]}]})") ==
          Ids{"conv_2", "vs_1", "vs_2"});
    CHECK(referred_ids(Family::openai, R"({"input_file_id":"file-1","endpoint":"/v1/responses"})") == Ids{"file-1"});
    CHECK(referred_ids(Family::openai, R"({"input":[{"content":[{"type":"input_file","file_id":"file-2"}]}]})") ==
          Ids{"file-2"});
    CHECK(referred_ids(Family::openai, R"({"tools":[{"type":"code_interpreter","container":"cntr_1"}]})") ==
          Ids{"cntr_1"});
    CHECK(referred_ids(Family::openai, R"({"tools":[{"container":{"type":"auto","file_ids":["file-9"]}}]})") ==
          Ids{"file-9"});
    CHECK(referred_ids(Family::anthropic, R"({"container":{"id":"container_1"},"messages":[{"content":[
        {"type":"document","source":{"type":"file","file_id":"file_1"}}]}]})") == Ids{"file_1", "container_1"});
    CHECK(referred_ids(Family::gemini, R"({"cachedContent":"cachedContents/c","contents":[{"parts":[{"fileData":
        {"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/f"}}]}]})") ==
          Ids{"cachedContents/c", "files/f"});
    CHECK(referred_ids(Family::openai, R"({"x":[{"previous\u005fresponse_id":"resp\u005f1"}],"y":1})") ==
          Ids{"resp_1"});
    CHECK(referred_ids(Family::openai, R"({"a":{"file\u005fid":"file-1"},"input_file_\u0069d":"file-2"})") ==
          Ids{"file-1", "file-2"});
    // What a text says is no reference.
    CHECK(referred_ids(Family::openai, R"({"input":"say \"file_id\":\"file-3\" and \"previous_response_id\": \"x\""})")
              .empty());
    CHECK(referred_ids(Family::openai, R"({"input":"file_id"})").empty());
    CHECK(referred_ids(Family::openai, R"({"file_id")").empty());
    CHECK(referred_ids(Family::openai, R"({"file_id":)").empty());
    CHECK(referred_ids(Family::openai, R"({"file_id":["a)").empty());
    CHECK(referred_ids(Family::openai, "").empty());
}

TEST_CASE("kept: what an answer says that is kept") {
    CHECK(minted(Family::openai, R"({"id":"file-1","object":"file","bytes":3})") == Ids{"file-1"});
    CHECK(minted(Family::openai, R"({"object":"upload","file":{"id":"file-2"},"id":"upload_1"})") ==
          Ids{"upload_1", "file-2"});
    CHECK(minted(Family::openai, R"({"id":"resp_1","output":[)" + std::string(200'000, ' ')) == Ids{"resp_1"});
    CHECK(minted(Family::openai,
                 "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_2\"}}"
                 "\n\nevent: x\ndata: {\"response\":{\"id\":\"resp_3\"}}\n\n") == Ids{"resp_2"});
    const std::string batch = R"({"id":"batch_1","status":"completed","output_file_id":"file-o","error_file_id":null})";
    CHECK(minted(Family::openai, batch) == Ids{"batch_1", "file-o"});
    CHECK(minted(Family::openai, batch, false) == Ids{"file-o"});
    CHECK(minted(Family::anthropic, R"({"id":"msgbatch_1","type":"message_batch"})") == Ids{"msgbatch_1"});
    CHECK(minted(Family::gemini, R"({"file":{"name":"files/f","uri":"https://g/v1beta/files/f"}})") == Ids{"files/f"});
    CHECK(minted(Family::gemini, R"({"name":"cachedContents/c","model":"models/m"})") == Ids{"cachedContents/c"});
    CHECK(minted(Family::gemini, R"({"name":"models/veo/operations/o"})") == Ids{"models/veo/operations/o"});
    CHECK(minted(Family::gemini, R"({"name":"models/veo/operations/o","done":true,"response":{"generateVideoResponse":
        {"generatedSamples":[{"video":{"uri":"https://g/v1beta/files/v1:download?alt=media"}}]}}})",
                 false) == Ids{"files/v1"});
    CHECK(minted(Family::openai, R"({"data":[{"id":"file-1"}],"object":"list"})").empty());
    CHECK(minted(Family::openai, "plain text").empty());
    CHECK(minted(Family::openai, "").empty());
}

TEST_CASE("kept: the models of a batch of messages") {
    CHECK(
        batch_models(R"({"requests":[{"custom_id":"1","params":{"model":"a"}},{"params":{"mod\u0065l":"b","model":"c"}},
        {"params":{"model":"a"}}]})") == Ids{"a", "b", "c"});
    CHECK(batch_models(R"({"requests":[],"requests":[{"params":{"model":"d"},"params":{"model":"e"}}]})") ==
          Ids{"d", "e"});
    CHECK(batch_models(R"({"requests":[{"params":{"model":1}}]})") == std::nullopt);
    CHECK(batch_models(R"({"requests":{"params":{"model":"a"}}})") == std::nullopt);
    CHECK(batch_models(R"({"requests":[{"params":[]}]})") == std::nullopt);
    CHECK(batch_models(R"({"requests":[)") == std::nullopt);
    CHECK(batch_models("") == std::nullopt);
}

TEST_CASE("kept: an upload goes on through us") {
    const auto own = own_upload_address(
        "https://generativelanguage.googleapis.com/upload/v1beta/"
        "files?key=SECRET&upload_id=U1&upload_protocol=resumable",
        "http://127.0.0.1:18100", "cr_1");
    REQUIRE(own.has_value());
    CHECK(own->url == "http://127.0.0.1:18100/upload/v1beta/files?upload_id=U1&upload_protocol=resumable&key=cr_1");
    CHECK(own->upload_id == "U1");
    CHECK(own_upload_address("https://h/p/upload/v1beta/files?upload_id=U", "https://o", "")->url ==
          "https://o/upload/v1beta/files?upload_id=U");
    CHECK_FALSE(own_upload_address("https://h/elsewhere?upload_id=U", "https://o", ""));
    CHECK_FALSE(own_upload_address("https://h/upload/v1beta/files", "https://o", ""));
    CHECK_FALSE(own_upload_address("/upload/v1beta/files?upload_id=U", "https://o", ""));
    CHECK_FALSE(own_upload_address("", "https://o", ""));
}
