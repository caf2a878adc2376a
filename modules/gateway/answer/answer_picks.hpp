#pragma once
// Which values of an answer matter: the names that the dialects' trees for the picker give them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/json/json_pick.hpp"

namespace lurus::gateway {

/// Values that are handed out whole.
enum PickedValue : std::uint8_t {
    value_usage,
    value_first_usage,  // of an answer that has only begun: its output is not counted yet
    value_error,
    value_tier,  // the service tier, where it stands beside the usage
    value_type,
    value_object,
    value_message,
    value_code,
    value_detail,
    value_delta,    // content, unless it is empty
    value_finish,   // the reason why the answer ends
    value_seconds,  // how long a sound is
    value_id,       // of an answer that may be made behind
    value_status,
    value_item_type,
    value_item_action,
    value_blocked,  // the reason why there will be no answer
    value_nothing,  // named so that a `*` beside it does not take it
};

/// Places whose beginning and end are told.
enum PickedMark : std::uint8_t {
    mark_content,    // an answer's content begins: it is no error body
    mark_element,    // one element of an array that is a stream
    mark_item,       // one thing of those that the answer consists of; a search may be one
    mark_image,      // a picture made
    mark_grounding,  // a list of search queries begins
    mark_query,      // one of them
    mark_page_read,  // pages that the model had read begin
};

/// As much of a value as tells what it is: of content and of a finish reason, whether it is empty; of a text, more than
/// is kept of it anywhere. Only usage and errors are wanted whole.
constexpr std::uint32_t wanted_of(PickedValue value) {
    switch (value) {
        case value_usage:
        case value_first_usage:
        case value_error: return json::Pick::most;
        case value_delta:
        case value_finish:
        case value_nothing: return 256;
        default: return 4096;
    }
}

constexpr json::Pick capture(std::string_view key, PickedValue value) {
    return {.key = key, .capture = value, .keep = wanted_of(value)};
}
constexpr json::Pick mark(std::string_view key, PickedMark place) {
    return {.key = key, .mark = place};
}
constexpr json::Pick mark(std::string_view key, PickedMark place, std::span<const json::Pick> children) {
    return {.key = key, .mark = place, .children = children};
}
constexpr json::Pick inside(std::string_view key, std::span<const json::Pick> children) {
    return {.key = key, .children = children};
}

/// The same members and one more.
template <std::size_t N>
constexpr std::array<json::Pick, N + 1> with(std::span<const json::Pick, N> members, json::Pick more) {
    std::array<json::Pick, N + 1> all{};
    for (std::size_t i = 0; i < N; ++i) all[i] = members[i];
    all[N] = more;
    return all;
}
template <std::size_t N>
constexpr auto with(const json::Pick (&members)[N], json::Pick more) {
    return with(std::span<const json::Pick, N>(members), more);
}
template <std::size_t N>
constexpr auto with(const std::array<json::Pick, N>& members, json::Pick more) {
    return with(std::span<const json::Pick, N>(members), more);
}

}  // namespace lurus::gateway
