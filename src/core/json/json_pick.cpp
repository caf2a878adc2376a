#include "core/json/json_pick.hpp"

#include <algorithm>

#include "core/json/json_scan.hpp"

namespace lurus::json {
namespace {

constexpr bool is_space(char c) {
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}
constexpr bool ends_scalar(char c) {
    return c == ',' || c == '}' || c == ']' || is_space(c);
}

}  // namespace

const Pick* Picks::named(std::string_view raw_key) const {
    if (raw_key.find('\\') == std::string_view::npos) return named_plainly(raw_key);
    for (const Pick& child : all_) {
        if (key_equals(raw_key, child.key)) return &child;
    }
    return any_;
}

const Pick* Picks::find(std::string_view key, std::size_t first) const {
    for (const Pick& child : all_.subspan(first)) {
        if (child.key == key) return &child;
    }
    return any_;
}

void Picker::reset(const Pick& root) {
    root_ = &root;
    wanted_ = &root;
    state_ = State::value;
    capturing_ = nullptr;
    depth_ = open_brackets_ = capture_from_ = 0;
    in_string_ = in_escape_ = cut_ = false;
    held_.clear();
    key_.clear();
}

bool Picker::unfinished() const {
    switch (state_) {
        case State::done:
        case State::broken: return false;
        case State::value:
        case State::scalar: return depth_ > 0;
        default: return true;
    }
}

bool Picker::after_element() const {
    return depth_ == 1 && levels_[0].array && state_ == State::after;
}

void Picker::hold(std::string_view bytes) {
    const std::size_t most = capturing_->keep;
    const std::size_t room = most - std::min(held_.size(), most);
    if (bytes.size() > room) cut_ = true;
    held_.append(bytes.substr(0, room));
}

std::size_t Picker::begin_value(std::string_view piece, std::size_t at, PickSink& sink) {
    const char c = piece[at];
    const Pick* node = wanted_;
    if (node != nullptr && node->mark != Pick::nothing) sink.on_mark(node->mark, c);
    if (node != nullptr && node->capture != Pick::nothing) {
        capturing_ = node;
        capture_from_ = at;
        held_.clear();
        cut_ = false;
    }
    if (c == '{' || c == '[') {
        if (node != nullptr && capturing_ == nullptr && !node->children.empty() && depth_ < max_levels) {
            levels_[depth_++] = {node, c == '['};
            state_ = c == '[' ? State::value : State::key_or_end;
            wanted_ = c == '[' ? element() : nullptr;
        } else {
            open_brackets_ = 1;
            state_ = State::skim;
        }
        return at + 1;
    }
    if (c == '"') {
        state_ = State::string;
        return at + 1;
    }
    state_ = ends_scalar(c) || c == ':' ? State::broken : State::scalar;
    return at;
}

void Picker::end_value(std::string_view piece, std::size_t end, PickSink& sink) {
    if (capturing_ != nullptr) {
        const std::uint8_t id = capturing_->capture;
        const std::string_view here = piece.substr(capture_from_, end - capture_from_);
        if (held_.empty()) {
            sink.on_value(id, here, true);
        } else {
            hold(here);
            sink.on_value(id, held_, !cut_);
            held_.clear();
        }
        capturing_ = nullptr;
    }
    state_ = depth_ == 0 ? State::done : State::after;
}

void Picker::close(PickSink& sink) {
    --depth_;
    const Pick* node = levels_[depth_].node;
    if (node->mark != Pick::nothing) sink.on_end(node->mark);
    state_ = depth_ == 0 ? State::done : State::after;
}

std::size_t Picker::read_key(std::string_view piece, std::size_t at) {
    const std::size_t stop = find_quote_or_backslash(piece, at);
    const std::string_view here = piece.substr(at, stop - at);
    if (stop < piece.size() && piece[stop] == '"') {
        if (key_.empty()) {
            wanted_ = children().named_plainly(here);
        } else {
            key_.append(here.substr(0, max_key));
            wanted_ = children().named(key_);
        }
        state_ = State::colon;
        return stop + 1;
    }
    if (key_.size() <= max_key) key_.append(here.substr(0, max_key));
    if (stop == piece.size()) return stop;
    key_ += '\\';
    state_ = State::key_escape;
    return stop + 1;
}

std::size_t Picker::read_string(std::string_view piece, std::size_t at, PickSink& sink) {
    const std::size_t stop = find_quote_or_backslash(piece, at);
    if (stop == piece.size()) return stop;
    if (piece[stop] == '\\') {
        state_ = State::string_escape;
    } else {
        end_value(piece, stop + 1, sink);
    }
    return stop + 1;
}

std::size_t Picker::skim(std::string_view piece, std::size_t at) {
    std::size_t i = at;
    const std::size_t size = piece.size();
    while (i < size) {
        if (in_escape_) {
            in_escape_ = false;
            ++i;
            continue;
        }
        if (in_string_) {
            i = find_quote_or_backslash(piece, i);
            if (i == size) break;
            in_escape_ = piece[i] == '\\';
            in_string_ = in_escape_;
            ++i;
            continue;
        }
        const char c = piece[i++];
        if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            ++open_brackets_;
        } else if ((c == '}' || c == ']') && --open_brackets_ == 0) {
            break;
        }
    }
    return i;
}

std::size_t Picker::feed(std::string_view piece, PickSink& sink) {
    std::size_t i = 0;
    const std::size_t size = piece.size();
    capture_from_ = 0;
    while (i < size) {
        const char c = piece[i];
        switch (state_) {
            case State::value:
                if (is_space(c)) {
                    ++i;
                } else if (c == ']' && depth_ > 0 && levels_[depth_ - 1].array) {
                    close(sink);
                    if (done()) return i;
                    ++i;
                } else {
                    i = begin_value(piece, i, sink);
                }
                break;
            case State::key_or_end:
                if (c == '"') {
                    key_.clear();
                    state_ = State::key;
                } else if (c == '}') {
                    close(sink);
                    if (done()) return i;
                } else if (!is_space(c)) {
                    state_ = State::broken;
                }
                ++i;
                break;
            case State::key: i = read_key(piece, i); break;
            case State::key_escape:
                key_ += c;
                state_ = State::key;
                ++i;
                break;
            case State::colon:
                if (c == ':') {
                    state_ = State::value;
                } else if (!is_space(c)) {
                    state_ = State::broken;
                }
                ++i;
                break;
            case State::after: {
                const bool array = levels_[depth_ - 1].array;
                if (c == ',') {
                    state_ = array ? State::value : State::key_or_end;
                    if (array) wanted_ = element();
                } else if (c == (array ? ']' : '}')) {
                    close(sink);
                    if (done()) return i;
                } else if (!is_space(c)) {
                    state_ = State::broken;
                }
                ++i;
                break;
            }
            case State::string:
                i = read_string(piece, i, sink);
                if (done()) return i - 1;
                break;
            case State::string_escape:
                state_ = State::string;
                ++i;
                break;
            case State::scalar:
                while (i < size && !ends_scalar(piece[i])) ++i;
                if (i < size) {
                    end_value(piece, i, sink);
                    if (done()) return none;
                }
                break;
            case State::skim:
                i = skim(piece, i);
                if (open_brackets_ == 0) {
                    end_value(piece, i, sink);
                    if (done()) return i - 1;
                }
                break;
            case State::done:
            case State::broken: return none;
        }
    }
    if (capturing_ != nullptr) hold(piece.substr(capture_from_));
    return none;
}

}  // namespace lurus::json
