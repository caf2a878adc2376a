#include "modules/gateway/session/presented_keys.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace lurus;
using namespace lurus::gateway;

namespace {

std::vector<std::string> presented(std::string_view target, std::vector<http1::Field> fields) {
    http1::RequestHead head;
    head.target = target;
    head.fields = std::move(fields);
    PresentedKeys keys(head);
    std::vector<std::string> out;
    for (auto each = keys.next(); !each.empty(); each = keys.next()) out.emplace_back(each);
    return out;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("presented keys: each place where clients put one, whatever else is presented") {
    CHECK(presented("/v1/messages", {}).empty());
    CHECK(presented("/", {{"Authorization", "Bearer b"}, {"X-Api-Key", "a"}}) == Texts{"a", "b"});
    CHECK(presented("/?x=1&key=q&key=r", {{"api-key", "d"}, {"x-goog-api-key", "c"}}) == Texts{"c", "d", "q", "r"});
    CHECK(presented("/", {{"x-api-key", "a"}, {"x-api-key", "b"}, {"x-api-key", ""}}) == Texts{"a", "b"});
    CHECK(presented("/?api-key=a%62c&%6bey=z", {}) == Texts{"abc", "z"});
    CHECK(presented("/?monkey=x&key", {}).empty());
}

TEST_CASE("presented keys: Bearer in any case, and no other scheme") {
    CHECK(presented("/", {{"Authorization", "bEARER   b "}}) == Texts{"b"});
    for (const char* none : {"Basic YTpi", "Bearer", "Bearer ", "Digest x", "b", "Bearerb"})
        CHECK(presented("/", {{"Authorization", none}}).empty());
}

TEST_CASE("presented keys: among WebSocket subprotocols") {
    CHECK(presented("/", {{"Sec-WebSocket-Protocol",
                           "realtime, openai-insecure-api-key.cr_1,openai-beta.realtime-v1"}}) == Texts{"cr_1"});
    CHECK(presented("/", {{"Sec-WebSocket-Protocol", "openai-insecure-api-key."},
                          {"sec-websocket-protocol", "OpenAI-Insecure-API-Key.x"}}) == Texts{"x"});
    CHECK(without_keys("realtime, openai-insecure-api-key.cr_1,openai-beta.realtime-v1") ==
          "realtime, openai-beta.realtime-v1");
    CHECK(without_keys(" openai-insecure-api-key.cr_1 ").empty());
    CHECK(protocol_for_client("openai-insecure-api-key.cr_1, realtime") == "realtime");
    CHECK(protocol_for_client("openai-insecure-api-key.cr_1") == "openai-insecure-api-key.cr_1");
    CHECK(protocol_for_client("").empty());
}

TEST_CASE("presented keys: very many are not all tried") {
    const std::vector<http1::Field> fields(250, http1::Field{"x-api-key", "k"});
    CHECK(presented("/", fields).size() == 16);
}
