#include "modules/gateway/answer/sse.hpp"

#include <algorithm>
#include <utility>

#include "core/json/json_scan.hpp"

namespace lurus::gateway {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view data_field = "data:";

}  // namespace

bool SseScanner::at_boundary() const {
    return !in_block_ && line_.empty() && (!swallow_lf_ || bare_cr_) && bom_ <= 0;
}

void SseScanner::feed(std::string_view piece, SseSink& sink) {
    std::size_t at = 0;
    begin_ = 0;
    while (bom_ >= 0 && at < piece.size()) {
        if (piece[at] == byte_order_mark[static_cast<std::size_t>(bom_)]) {
            ++at;
            if (++bom_ == 3) bom_ = -1;
        } else {
            keep_line(byte_order_mark.substr(0, static_cast<std::size_t>(bom_)), sink);
            bom_ = -1;
        }
    }
    while (at < piece.size()) {
        if (swallow_lf_) {
            swallow_lf_ = false;
            if (piece[at] == '\n') {
                ++at;
                if (!in_block_) begin_ = at;
                continue;
            }
            bare_cr_ = true;
        }
        const std::size_t stop = json::find_line_end(piece, at);
        const std::string_view part = piece.substr(at, stop - at);
        if (stop == piece.size()) {
            keep_line(part, sink);
            break;
        }
        std::size_t next = stop + 1;
        if (piece[stop] == '\r') {
            if (next == piece.size()) {
                swallow_lf_ = true;
            } else if (piece[next] == '\n') {
                ++next;
            } else {
                bare_cr_ = true;
            }
        }
        if (line_.empty() && unfinished_ == Line::kept) {
            line(part, true, sink);
        } else {
            keep_line(part, sink);
            if (unfinished_ == Line::kept) line(line_, false, sink);
            unfinished_ = Line::kept;
            line_.clear();
        }
        at = next;
        if (!in_block_) begin_ = at;
    }
    keep(sink);
}

void SseScanner::finish(SseSink& sink) {
    begin_ = 0;
    finishing_ = true;
    const bool inside = !at_boundary();
    if (!line_.empty()) {
        line(line_, false, sink);
        line_.clear();
    }
    if (in_block_) dispatch(sink);
    in_block_ = inside;
}

void SseScanner::line(std::string_view text, bool in_place, SseSink& sink) {
    if (text.empty()) {
        dispatch(sink);
        return;
    }
    in_block_ = true;
    const std::size_t colon = text.find(':');
    const std::string_view field = text.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
        add_data(value, in_place, sink);
    } else if (field == "event") {
        has_name_ = true;
        name_kept_ = !in_place;
        if (!in_place) name_ = value;
        name_view_ = in_place ? value : std::string_view(name_);
    }
}

void SseScanner::add_data(std::string_view value, bool in_place, SseSink& sink) {
    if (has_data_ && !in_parts_ && data_view_.size() + value.size() >= max_event_) begin_parts(sink);
    if (in_parts_) return add_part(value, sink);
    if (!has_data_) {
        has_data_ = true;
        data_kept_ = !in_place;
        if (!in_place) data_ = value;
        data_view_ = in_place ? value : std::string_view(data_);
        return;
    }
    if (!data_kept_) data_ = data_view_;
    data_kept_ = true;
    data_ += '\n';
    data_ += value;
    data_view_ = data_;
}

void SseScanner::begin_parts(SseSink& sink) {
    if (in_parts_) return;
    in_parts_ = true;
    const std::string kept = data_kept_ ? std::move(data_) : std::string();
    const std::string_view before = data_kept_ ? std::string_view(kept) : data_view_;
    data_ = {};
    data_kept_ = true;
    if (has_data_) hand_out(before, true, sink);
}

void SseScanner::add_part(std::string_view value, SseSink& sink) {
    if (has_data_) hand_out("\n", false, sink);
    hand_out(value, !has_data_, sink);
    has_data_ = true;
}

void SseScanner::hand_out(std::string_view part, bool first, SseSink& sink) {
    if (data_.size() < kept_beginning) data_.append(part.substr(0, kept_beginning - data_.size()));
    data_view_ = data_;
    sink.on_part(part, first);
}

void SseScanner::dispatch(SseSink& sink) {
    if (has_data_) {
        SseEvent event;
        event.name = has_name_ ? name_view_ : std::string_view{};
        event.data = data_view_;
        event.begin = begin_;
        event.in_parts = in_parts_;
        event.unclosed = finishing_;
        sink.on_event(event);
    }
    has_data_ = has_name_ = data_kept_ = name_kept_ = in_parts_ = in_block_ = false;
    data_view_ = name_view_ = {};
    data_.clear();
}

void SseScanner::keep_line(std::string_view part, SseSink& sink) {
    if (part.empty()) return;
    in_block_ = true;
    if (unfinished_ == Line::part) return hand_out(part, false, sink);
    if (unfinished_ == Line::skipped) return;
    const std::size_t size = line_.size() + part.size();
    // What kind of line it is shows in its first bytes.
    if (size <= data_field.size()) {
        line_ += part;
        return;
    }
    if (size + data_view_.size() > max_event_ && has_data_) begin_parts(sink);
    if (size + (in_parts_ ? 0 : data_view_.size()) <= max_event_) {
        line_ += part;
        return;
    }
    const std::size_t start =
        std::min(part.size(), data_field.size() + 1 - std::min(line_.size(), data_field.size() + 1));
    line_.append(part.substr(0, start));
    if (line_.starts_with(data_field)) {
        begin_parts(sink);
        const std::string begun = std::exchange(line_, std::string());
        std::string_view value = std::string_view(begun).substr(data_field.size());
        if (value.starts_with(' ')) value.remove_prefix(1);
        add_part(value, sink);
        if (start < part.size()) hand_out(part.substr(start), false, sink);
        unfinished_ = Line::part;
    } else {
        // A comment, or a name that no dialect has.
        line_ = {};
        unfinished_ = Line::skipped;
    }
}

void SseScanner::keep(SseSink& sink) {
    if (has_data_ && !data_kept_) {
        if (data_view_.size() > max_event_) {
            begin_parts(sink);
        } else {
            data_ = data_view_;
            data_view_ = data_;
            data_kept_ = true;
        }
    }
    if (has_name_ && !name_kept_) {
        name_ = name_view_.substr(0, kept_beginning);
        name_view_ = name_;
        name_kept_ = true;
    }
}

}  // namespace lurus::gateway
