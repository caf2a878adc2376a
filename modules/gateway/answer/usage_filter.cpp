#include "modules/gateway/answer/usage_filter.hpp"

#include "core/json/json_scan.hpp"
#include "modules/gateway/answer/event_text.hpp"

namespace lurus::gateway {
namespace {

// Where the block that begins at `from` ends, behind its blank line; npos when that has not come. A CR at the end of
// the text may be followed by an LF that belongs to it.
std::size_t block_end(std::string_view text, std::size_t from) {
    bool content = false;
    for (std::size_t at = from; at < text.size();) {
        const std::size_t stop = json::find_line_end(text, at);
        if (stop == text.size()) return std::string_view::npos;
        std::size_t next = stop + 1;
        if (text[stop] == '\r') {
            if (next == text.size()) return std::string_view::npos;
            if (text[next] == '\n') ++next;
        }
        if (stop == at && content) return next;
        content = content || stop > at;
        at = next;
    }
    return std::string_view::npos;
}

// The data of an event that has one line of it; usage comes in one.
std::string_view data_of(std::string_view event) {
    std::string_view data;
    while (!event.empty()) {
        const std::size_t stop = json::find_line_end(event, 0);
        std::string_view line = event.substr(0, stop);
        event.remove_prefix(stop == event.size() ? stop : stop + 1);
        if (!line.starts_with("data:")) continue;
        if (!data.empty()) return {};
        data = after_space(line.substr(5));
    }
    return data;
}

}  // namespace

bool is_usage_event(std::string_view event) {
    constexpr std::string_view name = R"("usage")";
    for (std::size_t at = event.find(name); at != std::string_view::npos; at = event.find(name, at + name.size())) {
        if (!value_after(event.substr(at + name.size())).starts_with('{')) continue;
        const std::string_view data = data_of(event);
        const std::string_view choices = json::find(data, {"choices"});
        return !choices.empty() && is_empty_value(choices) &&
               json::kind_of(json::find(data, {"usage"})) == json::Kind::object &&
               is_empty_value(json::find(data, {"error"}));
    }
    return false;
}

const std::vector<UsageFilter::Part>& UsageFilter::feed(std::string_view piece) {
    parts_.clear();
    if (passing_) {
        std::size_t at = 0;
        while (passing_ && at < piece.size()) {
            const char c = piece[at++];
            const bool end_of_line = c == '\n' || c == '\r';
            // An LF behind a CR is of the same line's end.
            if (c == '\n' && after_cr_) {
                after_cr_ = false;
                continue;
            }
            after_cr_ = c == '\r';
            if (end_of_line && line_begins_) passing_ = false;
            line_begins_ = end_of_line;
        }
        if (!passing_ && at < piece.size() && after_cr_ && piece[at] == '\n') ++at;
        parts_.push_back({.bytes = piece.substr(0, at)});
        piece.remove_prefix(at);
    }
    if (piece.empty()) return parts_;
    if (!kept_.empty()) {
        joined_.push_back(std::move(kept_));
        kept_.clear();
        joined_.back().append(piece);
        piece = joined_.back();
    }
    split(piece);
    return parts_;
}

void UsageFilter::split(std::string_view bytes) {
    std::size_t run = 0;  // what passes from here on is one view
    std::size_t at = 0;
    const auto pass = [&](std::size_t end) {
        if (end > run) parts_.push_back({.bytes = bytes.substr(run, end - run)});
    };
    while (at < bytes.size()) {
        const std::size_t end = block_end(bytes, at);
        if (end == std::string_view::npos) break;
        const std::string_view event = bytes.substr(at, end - at);
        if (is_usage_event(event)) {
            pass(at);
            parts_.push_back({.bytes = event, .for_client = false});
            run = end;
        }
        at = end;
    }
    if (bytes.size() - at > max_kept) {
        passing_ = true;
        after_cr_ = bytes.back() == '\r';
        line_begins_ = after_cr_ || bytes.back() == '\n';
        pass(bytes.size());
        return;
    }
    pass(at);
    kept_.assign(bytes.substr(at));
}

const std::vector<UsageFilter::Part>& UsageFilter::finish() {
    parts_.clear();
    if (kept_.empty()) return parts_;
    joined_.push_back(std::move(kept_));
    kept_.clear();
    parts_.push_back({.bytes = joined_.back(), .for_client = !is_usage_event(joined_.back())});
    return parts_;
}

}  // namespace lurus::gateway
