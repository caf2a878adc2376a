#pragma once
// What a dialect is to the gateway: tables of data and plain functions, one set in each folder beside this file. A new
// dialect is a folder, a line in dialects.cpp and its name in lurus/dialect.hpp.

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/json/json_pick.hpp"
#include "lurus/dialect.hpp"
#include "lurus/ids.hpp"
#include "lurus/provider.hpp"
#include "lurus/usage.hpp"
#include "modules/gateway/dialect/request_path.hpp"

namespace lurus::gateway {

class AnswerState;
class UsageFields;
enum class Measure : std::uint8_t;
struct LimitStatus;
struct Refusal;
struct SseEvent;

/// Where a request's body says how many tokens the answer may have.
struct MaxOutputField {
    std::string_view key;
    std::array<std::string_view, 2> members{};  // of that object, the first that is there; empty = it is the number
};

/// Requests, beside what clients and hosts put into all of them: model, stream and the session.
struct ScanRules {
    std::span<const MaxOutputField> max_output;
    bool json_body = false;  // a body is JSON also where the path names the model
};

/// Answers as a vendor of this dialect writes them.
struct ReadRules {
    const json::Pick* body;   // of a whole JSON body, or an array of events
    const json::Pick* event;  // of one event's data
    void (*read_event)(AnswerState& answer, const SseEvent& event);
    Usage (*usage)(const UsageFields& merged);
    std::span<const std::string_view> cannot_shrink{};  // usage fields that some hosts zero in their last event
    std::string_view runs{};                            // the field that lists an answer's runs, each with its counts
    bool event_after_finish = false;                    // after a finish reason one more event is due
};

/// What the gateway itself says to a client of this dialect. Messages come with their trace id.
struct ErrorRules {
    std::string (*body)(int status, std::string_view message, const Id& trace_id);
    std::string (*in_stream)(bool array, int status, std::string_view message, const Id& trace_id);
    std::string_view keepalive;
    std::string_view array_keepalive{};                // where a stream may be a JSON array
    std::span<const std::string_view> no_keepalive{};  // clients that take none, by what `x-goog-api-client` has
};

/// What a client of this dialect is told of its limits. Messages come with their trace id.
struct LimitRules {
    /// The body of a 429.
    std::string (*refusal)(const Refusal& refusal, std::string_view message, const Id& trace_id);
    /// Adds the header lines that say how this limit stands, where the dialect has words for it; null = it has none.
    void (*add_fields)(std::string& out, Measure measure, const LimitStatus& status, UnixMicros now);
};

struct EndpointRules {
    /// Empty = the path is none of this dialect's.
    std::optional<Match> (*match)(const RequestPath& request);
    std::string (*model)(const ModelEntry& model);
    /// `list` holds the models' objects with commas between them.
    std::string (*models)(std::string_view list, const std::vector<ModelEntry>& models);
};

struct DialectRules {
    Dialect dialect;
    const ScanRules* scan;
    const ReadRules* read;
    const ErrorRules* errors;
    const LimitRules* limits;
    const EndpointRules* endpoints;
};

/// In the order in which a path is offered to them.
std::span<const DialectRules> all_dialects();
const DialectRules& rules_of(Dialect dialect);
/// Of the dialect that stands for the family where a request named none.
const DialectRules& rules_of(Family family);

}  // namespace lurus::gateway
