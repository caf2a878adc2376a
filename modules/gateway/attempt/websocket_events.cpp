#include "modules/gateway/attempt/websocket_events.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "core/json/json_scan.hpp"
#include "core/text/ascii.hpp"
#include "modules/gateway/answer/event_text.hpp"

namespace lurus::gateway {
namespace {

constexpr std::size_t max_id = 512;

/// A member that is looked for; a view of its value when it is there.
struct Wanted {
    std::string_view name;
    std::string_view value{};
};

// As the most lenient parser compares names: Go's takes any letter case, the long s and the Kelvin sign.
std::string folded(std::string_view name) {
    std::string out;
    for (std::size_t at = 0; at < name.size();) {
        if (name.substr(at).starts_with("\xc5\xbf")) {
            out += 's';
            at += 2;
        } else if (name.substr(at).starts_with("\xe2\x84\xaa")) {
            out += 'k';
            at += 3;
        } else {
            out += lower(name[at++]);
        }
    }
    return out;
}

/// Reads an object's wanted members. What is wrong with them or the JSON, or empty.
std::string read_members(std::string_view object, std::span<Wanted> wanted, json::Mode mode) {
    json::Reader reader(object, mode);
    if (reader.peek() != json::Kind::object && !reader.failed()) return "it is not a JSON object";
    reader.enter_object();
    std::string_view raw;
    std::string plain;
    while (reader.next_member(raw)) {
        const std::string_view value = reader.skip();
        if (reader.failed()) break;
        plain = json::unescape(raw);
        const std::string name = folded(plain);
        for (Wanted& one : wanted) {
            if (!iequals(one.name, name)) continue;
            if (one.name != plain) return "a member is not written as `" + std::string(one.name) + "`";
            if (!one.value.empty()) return "`" + name + "` is there twice";
            one.value = value;
        }
    }
    reader.finish();
    if (!reader.failed()) return {};
    return std::string(reader.error()) + " at byte " + std::to_string(reader.error_offset());
}

bool is_object(std::string_view value) {
    return json::kind_of(value) == json::Kind::object;
}

std::string short_text(std::string_view value) {
    return value.size() > max_id ? std::string() : json::string_value(value);
}

/// Reads one message of a client.
class ClientScan {
public:
    explicit ClientScan(std::string_view message) : message_(message) {}

    ClientEvent run() {
        std::array<Wanted, 8> top{{{"type"},
                                   {"model"},
                                   {"response"},
                                   {"session"},
                                   {"event_id"},
                                   {"stream_id"},
                                   {"max_output_tokens"},
                                   {"max_tokens"}}};
        if (!read(message_, top, json::Mode::strict)) return std::move(event_);
        event_.event_id = short_text(top[4].value);
        event_.stream_id = short_text(top[5].value);
        if (!type(top[0].value)) return std::move(event_);
        model(top[1].value, true);
        limit(top[6].value);
        limit(top[7].value);
        response(top[2].value);
        session(top[3].value);
        return std::move(event_);
    }

private:
    bool read(std::string_view object, std::span<Wanted> wanted, json::Mode mode) {
        if (event_.problem.empty()) event_.problem = read_members(object, wanted, mode);
        return event_.problem.empty();
    }

    bool type(std::string_view value) {
        if (json::kind_of(value) != json::Kind::string) {
            event_.problem = value.empty() ? "it has no `type`" : "its `type` is not a string";
            return false;
        }
        constexpr std::pair<std::string_view, ClientEvent::Kind> known[] = {
            {"response.create", ClientEvent::Kind::create},
            {"session.update", ClientEvent::Kind::session},
            {"transcription_session.update", ClientEvent::Kind::session}};
        const std::string text = json::string_value(value);
        // What stands around a known type might be cut off by whoever reads it next.
        const auto part_of_type = [](char c) { return (c >= 'a' && c <= 'z') || c == '.' || c == '_'; };
        std::string bare = folded(text);
        std::erase_if(bare, [&](char c) { return !part_of_type(c); });
        for (const auto& [name, kind] : known) {
            if (bare != name) continue;
            event_.kind = kind;
            if (text != name) event_.problem = "its `type` is not written as " + std::string(name);
        }
        return event_.problem.empty();
    }

    void model(std::string_view value, bool answers) {
        if (value.empty() || json::kind_of(value) == json::Kind::null) return;
        if (json::kind_of(value) != json::Kind::string) {
            event_.problem = "its `model` is not a string";
            return;
        }
        ClientEvent::Model& named = event_.models.emplace_back();
        named.name = json::string_value(value);
        named.begin = static_cast<std::size_t>(value.data() - message_.data());
        named.end = named.begin + value.size();
        named.answers = answers;
    }

    void limit(std::string_view value) {
        if (const auto tokens = json::to_int64(value))
            event_.max_output = std::max(*tokens, event_.max_output.value_or(0));
    }

    void response(std::string_view value) {
        if (!is_object(value)) return;
        std::array<Wanted, 3> members{{{"model"}, {"max_output_tokens"}, {"max_response_output_tokens"}}};
        if (!read(value, members, json::Mode::trusting)) return;
        model(members[0].value, true);
        limit(members[1].value);
        limit(members[2].value);
    }

    void session(std::string_view value) {
        if (!is_object(value)) return;
        std::array<Wanted, 3> members{{{"model"}, {"audio"}, {"input_audio_transcription"}}};
        if (!read(value, members, json::Mode::trusting)) return;
        model(members[0].value, true);
        transcription(members[2].value);
        if (!is_object(members[1].value)) return;
        std::array<Wanted, 1> input{{{"input"}}};
        if (!read(members[1].value, input, json::Mode::trusting) || !is_object(input[0].value)) return;
        std::array<Wanted, 1> heard{{{"transcription"}}};
        if (read(input[0].value, heard, json::Mode::trusting)) transcription(heard[0].value);
    }

    void transcription(std::string_view value) {
        if (!is_object(value)) return;
        std::array<Wanted, 1> members{{{"model"}}};
        if (read(value, members, json::Mode::trusting)) model(members[0].value, false);
    }

    std::string_view message_;
    ClientEvent event_;
};

ServerEvent::Kind kind_of_type(std::string_view type) {
    using enum ServerEvent::Kind;
    if (type == "error") return error;
    if (type == "response.created") return created;
    if (type == "response.completed" || type == "response.incomplete" || type == "response.failed" ||
        type == "response.done" || type == "response.cancelled")
        return ended;
    if (type == "session.created" || type == "session.updated") return session;
    if (type == "conversation.item.input_audio_transcription.completed") return transcribed;
    return other;
}

// The last of equal members counts, as for most parsers.
void read_trusting(std::string_view object, std::span<Wanted> wanted) {
    json::Reader reader(object, json::Mode::trusting);
    if (reader.peek() != json::Kind::object || !reader.enter_object()) return;
    std::string_view raw;
    while (reader.next_member(raw)) {
        const std::string_view value = reader.skip();
        if (reader.failed()) return;
        for (Wanted& one : wanted) {
            if (json::key_equals(raw, one.name)) one.value = value;
        }
    }
}

std::string_view first_of(const Wanted& one, const Wanted& other) {
    return one.value.empty() ? other.value : one.value;
}

bool says(std::string_view object, std::string_view name) {
    return json::find(object, {name}) == "true";
}

bool is_there(std::string_view value) {
    return !value.empty() && json::kind_of(value) != json::Kind::null;
}

// `models/M` is the model M.
void live_model(std::string_view value, std::string_view message, ClientEvent& event) {
    constexpr std::string_view prefix = "models/";
    if (json::kind_of(value) != json::Kind::string) {
        event.problem = is_there(value) ? "its `model` is not a string" : "its `setup` names no `model`";
        return;
    }
    ClientEvent::Model& named = event.models.emplace_back();
    named.name = json::string_value(value);
    named.begin = static_cast<std::size_t>(value.data() - message.data());
    named.end = named.begin + value.size();
    if (named.name.starts_with(prefix)) {
        named.name.erase(0, prefix.size());
        named.prefix = prefix;
    }
    if (named.name.empty()) event.problem = "its `setup` names no `model`";
}

void live_setup(std::string_view setup, std::string_view message, ClientEvent& event) {
    event.kind = ClientEvent::Kind::setup;
    if (!is_object(setup)) {
        event.problem = "its `setup` is not an object";
        return;
    }
    std::array<Wanted, 3> members{{{"model"}, {"generationConfig"}, {"generation_config"}}};
    event.problem = read_members(setup, members, json::Mode::trusting);
    if (!event.problem.empty()) return;
    live_model(members[0].value, message, event);
    std::array<Wanted, 2> limits{{{"maxOutputTokens"}, {"max_output_tokens"}}};
    const std::string_view config = first_of(members[1], members[2]);
    if (is_object(config)) read_trusting(config, limits);
    event.max_output = json::to_int64(first_of(limits[0], limits[1]));
}

}  // namespace

ClientEvent read_live_client(std::string_view message) {
    ClientEvent event;
    std::array<Wanted, 7> top{{{"setup"},
                               {"clientContent"},
                               {"client_content"},
                               {"realtimeInput"},
                               {"realtime_input"},
                               {"toolResponse"},
                               {"tool_response"}}};
    event.problem = read_members(message, top, json::Mode::strict);
    if (!event.problem.empty()) return event;
    const auto there = std::ranges::count_if(top, [](const Wanted& one) { return is_there(one.value); });
    if (there > 1) {
        event.problem = "it has more than one of `setup`, `clientContent`, `realtimeInput` and `toolResponse`";
    } else if (is_there(top[0].value)) {
        live_setup(top[0].value, message, event);
    } else if (const std::string_view content = first_of(top[1], top[2]); is_object(content)) {
        if (says(content, "turnComplete") || says(content, "turn_complete")) event.kind = ClientEvent::Kind::create;
    }
    return event;
}

ServerEvent read_live_server(std::string_view message) {
    ServerEvent out;
    std::array<Wanted, 3> top{{{"serverContent"}, {"toolCall"}, {"usageMetadata"}}};
    read_trusting(message, top);
    out.usage = is_object(top[2].value);
    using enum ServerEvent::Kind;
    if (is_object(top[0].value)) {
        std::array<Wanted, 3> content{{{"modelTurn"}, {"outputTranscription"}, {"turnComplete"}}};
        read_trusting(top[0].value, content);
        if (content[2].value == "true") {
            out.kind = ended;
        } else if (is_there(content[0].value) || is_there(content[1].value)) {
            out.kind = created;
        }
    }
    if (out.kind != ended && is_object(top[1].value)) out.kind = waits;
    if (out.kind == other && out.usage) out.kind = counted;
    return out;
}

ClientEvent read_client_event(std::string_view message) {
    return ClientScan(message).run();
}

ServerEvent read_server_event(std::string_view message, bool ids) {
    ServerEvent out;
    std::string first(event_type(message));
    if (!first.empty()) {
        out.kind = kind_of_type(first);
        if (out.kind == ServerEvent::Kind::other && !ids) return out;
    }
    std::array<Wanted, 6> top{{{"type"}, {"response"}, {"response_id"}, {"stream_id"}, {"error"}, {"session"}}};
    read_trusting(message, top);
    if (first.empty()) out.kind = kind_of_type(short_text(top[0].value));
    out.response_id = short_text(top[2].value);
    out.stream_id = short_text(top[3].value);
    if (is_object(top[1].value)) {
        std::array<Wanted, 2> response{{{"id"}, {"model"}}};
        read_trusting(top[1].value, response);
        if (out.response_id.empty()) out.response_id = short_text(response[0].value);
        out.model = short_text(response[1].value);
    }
    if (out.kind == ServerEvent::Kind::error) out.event_id = short_text(json::find(top[4].value, {"event_id"}));
    if (out.kind == ServerEvent::Kind::session) {
        out.model = short_text(json::find(top[5].value, {"model"}));
        std::string_view transcriber = json::find(top[5].value, {"audio", "input", "transcription", "model"});
        if (transcriber.empty()) transcriber = json::find(top[5].value, {"input_audio_transcription", "model"});
        out.transcriber = short_text(transcriber);
    }
    return out;
}

std::string error_event(int status, std::string_view code, std::string_view message, const ClientEvent& asked,
                        const Id& trace_id, std::optional<std::int64_t> retry_after_s) {
    const std::string_view type = status == 429   ? "rate_limit_error"
                                  : status >= 500 ? "server_error"
                                                  : "invalid_request_error";
    std::string out =
        R"({"type":"error","event_id":"event_)" + trace_id.hex() + R"(","status":)" + std::to_string(status) +
        R"(,"error":{"type":")" + std::string(type) + R"(","code":)" + json::quote(code) + R"(,"message":)" +
        json::quote(std::string(message) + " (trace " + trace_id.hex() + ")") + R"(,"param":null,"event_id":)" +
        (asked.event_id.empty() ? "null" : json::quote(asked.event_id)) + "}";
    if (!asked.stream_id.empty()) out += R"(,"stream_id":)" + json::quote(asked.stream_id);
    if (retry_after_s) out += R"(,"headers":{"retry-after":")" + std::to_string(*retry_after_s) + "\"}";
    return out + "}";
}

}  // namespace lurus::gateway
