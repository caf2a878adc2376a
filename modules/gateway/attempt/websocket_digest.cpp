#include "modules/gateway/attempt/websocket_digest.hpp"

#include <span>

namespace lurus::gateway {
namespace {

using json::Pick;

constexpr std::string_view message_names[] = {"type", "response_id", "stream_id", "event_id", "error"};
constexpr std::string_view response_names[] = {"id",           "model", "status",        "usage",
                                               "service_tier", "error", "status_details"};

constexpr Pick response_members[] = {
    {.key = response_names[0], .capture = 5}, {.key = response_names[1], .capture = 6},
    {.key = response_names[2], .capture = 7}, {.key = response_names[3], .capture = 8},
    {.key = response_names[4], .capture = 9}, {.key = response_names[5], .capture = 10},
    {.key = response_names[6], .capture = 11}};
// Live's.
constexpr std::uint8_t usage_metadata = 12, turn_complete = 13;
constexpr std::uint8_t model_turn = 0, tool_call = 1;
constexpr Pick server_content_members[] = {{.key = "turnComplete", .capture = turn_complete},
                                           {.key = "modelTurn", .mark = model_turn}};
constexpr Pick message_members[] = {{.key = message_names[0], .capture = 0},
                                    {.key = message_names[1], .capture = 1},
                                    {.key = message_names[2], .capture = 2},
                                    {.key = message_names[3], .capture = 3},
                                    {.key = message_names[4], .capture = 4},
                                    {.key = "response", .children = response_members},
                                    {.key = "usageMetadata", .capture = usage_metadata},
                                    {.key = "serverContent", .children = server_content_members},
                                    {.key = "toolCall", .mark = tool_call}};
constexpr Pick message_picks = {.key = "", .children = message_members};

void add_members(std::string& out, std::span<const std::string_view> names, std::span<const std::string> values) {
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (values[i].empty()) continue;
        if (!out.ends_with('{')) out += ',';
        out.append("\"").append(names[i]).append("\":").append(values[i]);
    }
}

}  // namespace

MessageDigest::MessageDigest() : picker_(message_picks) {}

void MessageDigest::on_part(std::string_view payload) {
    if (!picker_.done() && !picker_.broken()) picker_.feed(payload, *this);
}

void MessageDigest::on_value(std::uint8_t id, std::string_view value, bool whole) {
    if (whole) values_[id] = value;
}

void MessageDigest::on_mark(std::uint8_t id, char /*first*/) {
    marked_[id] = true;
}

std::string MessageDigest::take() {
    std::string out = "{";
    const std::span<const std::string> values(values_);
    add_members(out, message_names, values.first(std::size(message_names)));
    out += out.ends_with('{') ? "\"response\":{" : ",\"response\":{";
    add_members(out, response_names, values.subspan(std::size(message_names), std::size(response_names)));
    out += '}';
    if (!values_[usage_metadata].empty()) out.append(R"(,"usageMetadata":)").append(values_[usage_metadata]);
    if (marked_[tool_call]) out += R"(,"toolCall":{})";
    if (marked_[model_turn] || !values_[turn_complete].empty()) {
        out += R"(,"serverContent":{)";
        if (marked_[model_turn]) out += R"("modelTurn":{})";
        if (marked_[model_turn] && !values_[turn_complete].empty()) out += ',';
        if (!values_[turn_complete].empty()) out.append(R"("turnComplete":)").append(values_[turn_complete]);
        out += '}';
    }
    out += '}';
    marked_ = {};
    for (std::string& value : values_) value.clear();
    picker_.reset(message_picks);
    return out;
}

}  // namespace lurus::gateway
