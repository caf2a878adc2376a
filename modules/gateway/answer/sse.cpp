#include "modules/gateway/answer/sse.hpp"

#include "core/json/json_scan.hpp"

namespace lurus::gateway {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

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
            keep_line(byte_order_mark.substr(0, static_cast<std::size_t>(bom_)));
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
            keep_line(part);
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
        if (line_.empty()) {
            line(part, true, sink);
        } else {
            keep_line(part);
            line(line_, false, sink);
            line_.clear();
        }
        at = next;
        if (!in_block_) begin_ = at;
    }
    keep();
}

void SseScanner::finish(SseSink& sink) {
    begin_ = 0;
    if (!line_.empty()) {
        line(line_, false, sink);
        line_.clear();
    }
    if (in_block_) dispatch(sink);
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
        add_data(value, in_place);
    } else if (field == "event") {
        has_name_ = true;
        name_kept_ = !in_place;
        if (!in_place) name_ = value;
        name_view_ = in_place ? value : std::string_view(name_);
    }
}

void SseScanner::add_data(std::string_view value, bool in_place) {
    if (oversized_) return;
    if (!has_data_) {
        has_data_ = true;
        data_kept_ = !in_place;
        if (!in_place) data_ = value;
        data_view_ = in_place ? value : std::string_view(data_);
    } else {
        if (!data_kept_) data_ = data_view_;
        data_kept_ = true;
        data_ += '\n';
        data_ += value;
        data_view_ = data_;
    }
    if (data_view_.size() > max_event) {
        oversized_ = true;
        data_view_ = {};
        data_ = {};
        data_kept_ = true;
    }
}

void SseScanner::dispatch(SseSink& sink) {
    if (has_data_ || oversized_) {
        SseEvent event;
        event.name = has_name_ ? name_view_ : std::string_view{};
        event.data = oversized_ ? std::string_view{} : data_view_;
        event.begin = begin_;
        event.oversized = oversized_;
        sink.on_event(event);
    }
    has_data_ = has_name_ = data_kept_ = name_kept_ = oversized_ = in_block_ = false;
    data_view_ = name_view_ = {};
    data_.clear();
}

void SseScanner::keep_line(std::string_view part) {
    if (!part.empty()) in_block_ = true;
    if (line_.size() + part.size() + data_view_.size() > max_event) {
        // The line's beginning stays, so that it is still a line of its field; the rest is not read.
        oversized_ = true;
        data_view_ = {};
        data_ = {};
        data_kept_ = true;
        line_.resize(line_.size() < 5 ? line_.size() : 5);
        if (line_.empty()) line_ = ":";
        return;
    }
    line_ += part;
}

void SseScanner::keep() {
    if (has_data_ && !data_kept_) {
        data_ = data_view_;
        data_view_ = data_;
        data_kept_ = true;
    }
    if (has_name_ && !name_kept_) {
        name_ = name_view_;
        name_view_ = name_;
        name_kept_ = true;
    }
}

}  // namespace lurus::gateway
