#pragma once
// What of an answer's body goes to the client now and what is held. Sans-I/O: it is told what came and what happened,
// and says what may be sent. Two things hold bytes back:
// - The commit point. While the attempt may still fail and another candidate is left, which is until something semantic
//   has come, nothing is released: another answer may take its place. The white space by which a vendor keeps the
//   connection of a JSON answer alive goes on at once where nobody else could answer, else when the client waited for
//   long: it commits to the answer, since only its status is told by it.
// - The record. What would tell the client that its answer is whole (the dialect's last event, or the bytes that end
//   the body where the client knows the end by them alone) is released only when the request's record is safe.
// Behind the commit point all other bytes are views of the caller's buffer, in the order they came: nothing is copied,
// and nothing allocated for an event of a running stream. Owned by a relay, used by its shard's thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lurus::gateway {

class AnswerGate {
public:
    static constexpr std::size_t none = std::string::npos;
    static constexpr std::size_t max_held_json = 1 << 20;  // a longer JSON answer is released before it is whole
    static constexpr std::size_t max_held_events = 64 << 10;

    enum class Shape : std::uint8_t {
        events,  // a stream: events are released as they come
        json,    // one value: released when it is whole
        opaque,  // bytes that nobody reads along: released as they come
    };
    struct Answer {
        Shape shape = Shape::opaque;
        bool success = true;         // by its status; an error's body may end in any way
        bool last_candidate = true;  // nobody else could answer
        bool end_is_seen = false;  // the client needs more than the last byte of the body to know that it was the last
    };
    /// An attempt's answer begins. What went to the client of the stream so far (its head, keepalives) is remembered.
    void begin(const Answer& answer);

    /// A piece of the body, which is good until released(), and what a reader saw in it.
    struct Piece {
        std::string_view bytes;
        bool semantic = false;          // content was seen, here or before
        std::size_t last_event = none;  // where the dialect's last event begins in it
        bool may_be_last = false;       // what it ends with may be the last event: it waits for what follows
        bool blank = false;             // white space is all that came so far
        bool ends_body = false;
    };
    void take(const Piece& piece);

    // --- what happened ---
    /// Looks whether the commit point is reached. False: the answer is an error before it while another candidate is
    /// left, so that the attempt has failed.
    bool reach_commit_point(bool error_seen);
    /// The vendor's body is over, or what is left of it does not matter.
    void body_ended() { body_ended_ = true; }
    /// After body_ended(), once the reader knows. False: the answer ended before it was whole, so it is a cut one.
    bool ended_whole(bool complete, bool error_seen);
    /// The client has waited for long enough: a stream passes the commit point, since a keepalive is a part of it, and
    /// so does the vendor's own before a JSON answer. False: the answer is no stream and has no place for one of ours.
    bool keepalive_due();
    /// The client left. True: the answer is read on, for the record only (`drain`, or the client left with the finish
    /// reason and what it used comes behind). False: it is given up.
    bool client_left(bool drain, bool error_seen);
    void record_safe() { record_safe_ = true; }
    /// What is held because it may be the last event goes on after all: more came, or the vendor was silent.
    void release_waiting();
    /// Nothing of this attempt goes anywhere.
    void drop();
    /// Nothing is kept back, so the client has all that came.
    [[nodiscard]] bool holds_nothing() const { return held_.empty() && pieces_.empty(); }
    /// Text of our own behind what is held.
    void append(std::string_view text) { held_ += text; }

    // --- what is to be done ---
    enum class Next : std::uint8_t {
        read,    // more of the body
        record,  // the answer is whole: its record is written, then come record_safe() and rest()
        end,     // the record is safe and the body over: rest(), and the framing's end
    };
    [[nodiscard]] Next next() const {
        if (record_safe_) return body_ended_ ? Next::end : Next::read;
        return committed_ && (body_ended_ || last_event_seen_) ? Next::record : Next::read;
    }
    enum class Silence : std::uint8_t {
        release,    // release_waiting(): no event followed
        end,        // the record is safe, only the framing's end is missing: rest()
        give_up,    // the client has left, and the usage does not come
        timed_out,  // the vendor is too slow
    };
    /// What it means that the vendor was silent for as long as expects_little() says.
    [[nodiscard]] Silence silence() const;
    /// What may follow comes at once if it comes.
    [[nodiscard]] bool expects_little() const { return may_be_last_ || client_had_all_; }

    /// What goes to the client now, in order: `held`, then `pieces`. Views, good until the next call that changes this.
    struct Release {
        std::string_view held;
        std::span<const std::string_view> pieces;
        std::size_t bytes = 0;
        bool all = true;  // nothing is kept of what came last for its being the last event
    };
    [[nodiscard]] Release release() const;
    /// Those bytes are sent (or dropped, when the client is gone), and the caller's buffer is its own again. `finish`:
    /// the client has got an answer that is complete by the dialect's rules.
    void released(bool finish);
    /// All that is left, which only the record's being safe releases; then `rest_released()`.
    [[nodiscard]] std::string_view rest() const { return held_; }
    void rest_released();

    /// A status line went downstream: no other status can be told any more.
    [[nodiscard]] bool opened() const { return opened_; }
    void open() { opened_ = true; }
    [[nodiscard]] bool committed() const { return committed_; }
    [[nodiscard]] bool semantic() const { return semantic_; }
    [[nodiscard]] bool is_record_safe() const { return record_safe_; }
    [[nodiscard]] bool is_body_ended() const { return body_ended_; }
    /// The client is gone, and its answer read for the record only.
    [[nodiscard]] bool discarding() const { return discarding_; }
    void discard() { discarding_ = true; }
    /// It left with all that its answer says.
    [[nodiscard]] bool client_had_all() const { return client_had_all_; }
    /// The client got nothing of the answer and nothing is about to go: a failure of it can be answered in another way.
    [[nodiscard]] bool untouched() const { return !committed_ || (!opened_ && pieces_.empty() && held_.empty()); }

private:
    [[nodiscard]] std::size_t free_of(const Piece& piece);

    Answer answer_;
    bool opened_ = false;
    bool committed_ = false;  // the commit point is passed
    bool record_safe_ = false;
    bool last_event_seen_ = false;
    bool may_be_last_ = false;  // what came last may be the last event: it is held
    bool semantic_ = false;
    bool blank_ = false;    // nothing but white space came
    bool overdue_ = false;  // the client has waited for long
    bool body_ended_ = false;
    bool discarding_ = false;
    bool finish_sent_ = false;
    bool client_had_all_ = false;
    std::string held_;
    std::size_t held_for_record_ = none;    // from here on `held_` waits for the record; before, for the commit point
    std::vector<std::string_view> pieces_;  // to be released now
    std::size_t pieces_bytes_ = 0;
    std::size_t waiting_piece_ =
        none;  // the one of `pieces_` that may be the last event; released() takes it into `held_`
};

}  // namespace lurus::gateway
