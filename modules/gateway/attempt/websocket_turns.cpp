#include "modules/gateway/attempt/websocket_turns.hpp"

#include <algorithm>
#include <utility>

namespace lurus::gateway {

Turn* TurnList::by_response(const std::string& id) {
    if (id.empty()) return nullptr;
    for (Turn& turn : turns_) {
        if (turn.response_id == id) return &turn;
    }
    return nullptr;
}

Turn* TurnList::waiting(const ServerEvent& event) {
    for (Turn& turn : turns_) {
        if (!turn.begun && turn.stream_id == event.stream_id) return &turn;
    }
    return nullptr;
}

Turn* TurnList::running(const ServerEvent& event) {
    for (Turn& turn : turns_) {
        if (turn.begun && turn.stream_id == event.stream_id) return &turn;
    }
    return nullptr;
}

Turn* TurnList::begin(const ServerEvent& event) {
    Turn* turn = by_response(event.response_id);
    if (turn == nullptr) turn = waiting(event);
    if (turn == nullptr) return nullptr;
    turn->begun = true;
    turn->response_id = event.response_id;
    return turn;
}

Turn* TurnList::of(const ServerEvent& event) {
    if (turns_.size() == 1) return &turns_.front();
    if (Turn* turn = by_response(event.response_id)) return turn;
    return event.response_id.empty() ? running(event) : nullptr;
}

TurnList::Ended TurnList::ended(const ServerEvent& event) {
    if (Turn* turn = by_response(event.response_id)) return {turn, true};
    const auto gone = std::ranges::find(gone_, event.response_id, &Gone::response_id);
    const bool known = !event.response_id.empty() && gone != gone_.end();
    if (known && gone->by_error) return {nullptr, true};
    // A vendor that names its responses only when they end, or never.
    for (Turn& turn : turns_) {
        if (turn.begun && turn.response_id.empty() && turn.stream_id == event.stream_id) return {&turn, true};
    }
    if (Turn* turn = waiting(event)) return {turn, true};
    if (event.response_id.empty()) return {running(event), false};
    return {nullptr, known};
}

Turn* TurnList::failed(const ServerEvent& event) {
    if (!event.event_id.empty()) {
        for (Turn& turn : turns_) {
            if (turn.event_id == event.event_id) return &turn;
        }
        return nullptr;
    }
    if (Turn* turn = by_response(event.response_id)) return turn;
    if (Turn* turn = waiting(event)) return turn;
    return running(event);
}

Turn TurnList::take(Turn& turn, bool by_error) {
    const auto at = std::ranges::find_if(turns_, [&](const Turn& one) { return &one == &turn; });
    Turn out = std::move(*at);
    turns_.erase(at);
    if (!out.response_id.empty()) {
        if (gone_.size() == remembered) gone_.pop_front();
        gone_.push_back({out.response_id, by_error});
    }
    return out;
}

}  // namespace lurus::gateway
