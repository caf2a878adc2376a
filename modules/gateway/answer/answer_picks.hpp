#pragma once
// Which values of an answer matter, by dialect and by form: trees for the picker.

#include <cstdint>

#include "core/json/json_pick.hpp"
#include "modules/gateway/session/endpoint.hpp"

namespace lurus::gateway {

/// Captured values.
enum Want : std::uint8_t {
    want_usage,
    want_error,
    want_tier,
    want_type,
    want_object,
    want_message,
    want_code,
    want_detail,
    want_delta,
    want_finish,
    want_item_type,
    want_item_action,
    want_nothing,  // named so that a `*` beside it does not take it
};

/// Marked places.
enum Place : std::uint8_t {
    place_content,    // an answer's content begins: it is no error body
    place_element,    // one element of an array that is a stream
    place_item,       // an output item of the Responses API
    place_image,      // a picture made
    place_grounding,  // a candidate's list of search queries begins
    place_query,      // one of them
};

/// A whole JSON body, or an array of events.
const json::Pick& body_picks(Family family);
/// The data of one event.
const json::Pick& event_picks(Dialect dialect);

}  // namespace lurus::gateway
