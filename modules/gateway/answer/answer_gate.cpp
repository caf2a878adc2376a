#include "modules/gateway/answer/answer_gate.hpp"

#include <algorithm>

namespace lurus::gateway {

void AnswerGate::begin(const Answer& answer) {
    answer_ = answer;
    committed_ = answer.shape == Shape::opaque || (answer.shape == Shape::events && answer.last_candidate);
    last_event_seen_ = may_be_last_ = semantic_ = blank_ = overdue_ = body_ended_ = false;
    drop();
}

void AnswerGate::drop() {
    held_.clear();
    held_for_record_ = none;
    pieces_.clear();
    pieces_bytes_ = 0;
    waiting_piece_ = none;
}

// How many of the piece's bytes say nothing of the answer's end.
std::size_t AnswerGate::free_of(const Piece& piece) {
    std::size_t free = piece.bytes.size();
    if (!last_event_seen_ && piece.last_event != none) {
        last_event_seen_ = true;
        free = piece.last_event;
    }
    if (record_safe_) return piece.bytes.size();
    // What follows held bytes waits behind them. Where the client knows the end by the bytes alone, the last wait.
    if (held_for_record_ != none || (piece.ends_body && !answer_.end_is_seen)) return 0;
    return free;
}

void AnswerGate::take(const Piece& piece) {
    release_waiting();
    semantic_ = semantic_ || piece.semantic;
    blank_ = piece.blank;
    std::size_t free = free_of(piece);
    may_be_last_ = piece.may_be_last && answer_.shape == Shape::events && !last_event_seen_ && !record_safe_ &&
                   free == piece.bytes.size();
    if (committed_ && held_for_record_ == none) {
        if (may_be_last_) waiting_piece_ = pieces_.size();
        if (free > 0) {
            pieces_.push_back(piece.bytes.substr(0, free));
            pieces_bytes_ += free;
        }
        if (free < piece.bytes.size()) {
            held_for_record_ = held_.size();
            held_.append(piece.bytes.substr(free));
        }
        return;
    }
    if (may_be_last_) free = 0;
    if (!record_safe_ && free < piece.bytes.size() && held_for_record_ == none) held_for_record_ = held_.size() + free;
    held_.append(piece.bytes);
}

void AnswerGate::release_waiting() {
    if (!may_be_last_) return;
    may_be_last_ = false;
    waiting_piece_ = none;
    if (!record_safe_ && !last_event_seen_) held_for_record_ = none;
}

bool AnswerGate::reach_commit_point(bool error_seen) {
    if (committed_) return true;
    if (answer_.success && !answer_.last_candidate && error_seen) return false;
    const bool passes = answer_.shape == Shape::events
                            ? semantic_ || held_.size() > max_held_events
                            : held_.size() > max_held_json || (blank_ && (answer_.last_candidate || overdue_));
    committed_ = body_ended_ || passes;
    return true;
}

bool AnswerGate::ended_whole(bool complete, bool error_seen) {
    if (!answer_.success || complete || (answer_.shape == Shape::events && error_seen)) return true;
    body_ended_ = false;
    return false;
}

bool AnswerGate::keepalive_due() {
    overdue_ = true;
    committed_ = committed_ || answer_.shape == Shape::events || blank_;
    return answer_.shape == Shape::events;
}

bool AnswerGate::client_left(bool drain, bool error_seen) {
    if (record_safe_) return false;
    client_had_all_ = finish_sent_ && !error_seen;
    if (!client_had_all_ && !drain) return false;
    discarding_ = true;
    return true;
}

AnswerGate::Silence AnswerGate::silence() const {
    if (client_had_all_) return Silence::give_up;
    if (record_safe_) return Silence::end;
    return may_be_last_ ? Silence::release : Silence::timed_out;
}

AnswerGate::Release AnswerGate::release() const {
    Release now;
    // Only what waited for the commit point, or for what follows it, stands before `held_for_record_`.
    if (committed_) now.held = std::string_view(held_).substr(0, held_for_record_);
    now.pieces = pieces_;
    now.bytes = now.held.size() + pieces_bytes_;
    if (waiting_piece_ != none) {
        now.all = false;
        for (const auto& waiting : now.pieces.subspan(waiting_piece_)) now.bytes -= waiting.size();
        now.pieces = now.pieces.first(waiting_piece_);
    }
    return now;
}

void AnswerGate::released(bool finish) {
    finish_sent_ = finish_sent_ || finish;
    if (committed_ && held_for_record_ != 0 && !held_.empty()) {
        held_.erase(0, held_for_record_);
        if (held_for_record_ != none) held_for_record_ = 0;
    }
    if (waiting_piece_ != none) {
        for (std::size_t i = waiting_piece_; i < pieces_.size(); ++i) held_.append(pieces_[i]);
        held_for_record_ = 0;
        waiting_piece_ = none;
    }
    pieces_.clear();
    pieces_bytes_ = 0;
}

void AnswerGate::rest_released() {
    held_.clear();
    held_for_record_ = none;
}

}  // namespace lurus::gateway
