#include "modules/gateway/answer/event_parts.hpp"

namespace lurus::gateway {

void EventParts::replay(json::PickSink& sink) const {
    std::string_view values = values_;
    for (const Found& found : found_) {
        switch (found.what) {
            case What::value:
            case What::beginning:
                sink.on_value(found.id, values.substr(0, found.size), found.what == What::value);
                values.remove_prefix(found.size);
                break;
            case What::mark: sink.on_mark(found.id, found.first); break;
            case What::end: sink.on_end(found.id); break;
        }
    }
}

void EventParts::on_value(std::uint8_t id, std::string_view value, bool whole) {
    if (found_.size() >= most_found || values_.size() + value.size() > most_bytes) return;
    values_ += value;
    add({.what = whole ? What::value : What::beginning, .id = id, .size = static_cast<std::uint32_t>(value.size())});
}

void EventParts::on_mark(std::uint8_t id, char first) {
    add({.what = What::mark, .id = id, .first = first});
}

void EventParts::on_end(std::uint8_t id) {
    add({.what = What::end, .id = id});
}

void EventParts::add(const Found& found) {
    if (found_.size() < most_found) found_.push_back(found);
}

}  // namespace lurus::gateway
