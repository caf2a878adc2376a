// Any answer in any pieces, with any events between them: what the client gets is the answer's bytes in order, none
// twice, nothing before the commit point, and nothing that tells the answer's end before its record is safe.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <string>

#include "modules/gateway/answer/answer_gate.hpp"

using namespace lurus::gateway;

namespace {

void require(bool ok) {
    if (!ok) std::abort();
}

class Input {
public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
    bool more() const { return left_ > 0; }
    std::uint8_t byte() {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }

private:
    const std::uint8_t* data_;
    std::size_t left_;
};

class Relayed {
public:
    void begin(std::uint8_t choice) {
        answer_ = AnswerGate::Answer();
        answer_.shape = static_cast<AnswerGate::Shape>(choice % 3);
        answer_.success = (choice & 0x08) == 0;
        answer_.last_candidate = (choice & 0x10) != 0;
        answer_.end_is_seen = (choice & 0x20) != 0;
        gate_.begin(answer_);
        body_.clear();
        buffers_.clear();
        client_ = 0;
        end_begins_ = std::string::npos;
        reason_ = answer_.shape == AnswerGate::Shape::opaque ||
                  (answer_.shape == AnswerGate::Shape::events && answer_.last_candidate);
        ended_ = blank_ = overdue_ = false;
    }

    void take(Input& input) {
        if (ended_) return;
        const std::uint8_t flags = input.byte();
        std::size_t size = 1 + input.byte();
        if ((flags & 0xC0) == 0xC0) size *= 4096;
        std::string bytes(size, '\0');
        for (auto& byte : bytes) byte = static_cast<char>('a' + next_++ % 26);
        AnswerGate::Piece piece;
        piece.semantic = (flags & 0x01) != 0;
        if ((flags & 0x06) == 0x06) piece.last_event = input.byte() % size;
        piece.may_be_last = (flags & 0x08) != 0;
        piece.ends_body = (flags & 0x30) == 0x30;
        blank_ = piece.blank = answer_.shape == AnswerGate::Shape::json && (body_.empty() || blank_) && flags % 4 == 0;
        if (end_begins_ == std::string::npos && piece.last_event != AnswerGate::none)
            end_begins_ = body_.size() + piece.last_event;
        if (end_begins_ == std::string::npos && piece.ends_body && !answer_.end_is_seen) end_begins_ = body_.size();
        reason_ = reason_ || piece.semantic;
        body_ += bytes;
        piece.bytes = buffers_.emplace_back(std::move(bytes));
        gate_.take(piece);
        ended_ = piece.ends_body;
        if (ended_) gate_.body_ended();
    }

    void send(bool finish) {
        const AnswerGate::Release now = gate_.release();
        std::string out(now.held);
        for (const auto& one : now.pieces) out += one;
        require(out.size() == now.bytes);
        if (!out.empty()) {
            gate_.open();
            require(gate_.committed());
        }
        got(out);
        if (!safe_) require(client_ <= end_begins_);
        gate_.released(finish);
        for (auto& buffer : buffers_) std::ranges::fill(buffer, '#');
        buffers_.clear();
        // All that is not held for a reason is out.
        if (gate_.committed() && end_begins_ == std::string::npos && !gate_.expects_little())
            require(client_ == body_.size());
    }

    /// False: the attempt failed.
    bool look(bool error) {
        const bool passed_before = gate_.committed();
        const bool good = gate_.reach_commit_point(error);
        if (!good) {
            require(!passed_before && error && answer_.success && !answer_.last_candidate && client_ == 0);
            return false;
        }
        const std::size_t bound =
            answer_.shape == AnswerGate::Shape::json ? AnswerGate::max_held_json : AnswerGate::max_held_events;
        const bool json_waits = answer_.shape == AnswerGate::Shape::json && !ended_ && body_.size() <= bound;
        const bool blank_passes = blank_ && (answer_.last_candidate || overdue_);
        if (gate_.committed() && !passed_before)
            require((reason_ && !json_waits) || blank_passes || ended_ || body_.size() > bound);
        if (gate_.committed()) reason_ = true;
        send(error);
        return true;
    }

    void keepalive() {
        overdue_ = true;
        const bool stream = gate_.keepalive_due();
        require(stream == (answer_.shape == AnswerGate::Shape::events));
        if (!gate_.committed()) return require(!stream && !blank_);
        reason_ = true;
        send(false);
    }

    void end_body() {
        ended_ = true;
        gate_.body_ended();
    }

    /// True: the answer is over.
    bool record() {
        switch (gate_.next()) {
            case AnswerGate::Next::read: return false;
            case AnswerGate::Next::record:
                require(gate_.committed() && !safe_);
                gate_.record_safe();
                safe_ = true;
                rest();
                return ended_;
            case AnswerGate::Next::end:
                require(safe_ && ended_);
                send(false);
                rest();
                require(client_ == body_.size());
                return true;
        }
        return true;
    }

    void leave(bool drain) {
        if (gate_.client_left(drain, false)) {
            require(!safe_ && gate_.discarding());
        } else {
            require(safe_ || !drain);
        }
    }

    void silence() {
        if (gate_.silence() == AnswerGate::Silence::release) gate_.release_waiting();
    }

    bool safe() const { return safe_; }

private:
    void rest() {
        const std::string out(gate_.rest());
        got(out);
        gate_.rest_released();
    }
    void got(const std::string& out) {
        require(client_ + out.size() <= body_.size());
        require(body_.compare(client_, out.size(), out) == 0);
        client_ += out.size();
    }

    AnswerGate gate_;
    AnswerGate::Answer answer_;
    std::string body_;
    std::deque<std::string> buffers_;
    std::size_t client_ = 0;                      // bytes of the body that the client has
    std::size_t end_begins_ = std::string::npos;  // from here on the body tells that it is whole
    std::size_t next_ = 0;
    bool reason_ = false;  // there was one to pass the commit point
    bool ended_ = false;
    bool blank_ = false;    // white space is all that came
    bool overdue_ = false;  // the client has waited for long
    bool safe_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Relayed relayed;
    relayed.begin(input.byte());
    while (input.more()) {
        const std::uint8_t what = input.byte();
        bool over = false;
        switch (what % 8) {
            case 0:
            case 1: relayed.take(input); break;
            case 2:
                if (!relayed.look((what & 0x80) != 0)) relayed.begin(input.byte());
                break;
            case 3: relayed.keepalive(); break;
            case 4: relayed.end_body(); break;
            case 5:
                if (relayed.look(false)) over = relayed.record();
                break;
            case 6: relayed.leave((what & 0x80) != 0); break;
            case 7: relayed.silence(); break;
        }
        if (over) break;
    }
    return 0;
}
