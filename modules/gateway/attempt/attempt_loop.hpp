#pragma once
// Who is asked next, and what an attempt's end means for the request: the same for HTTP and WebSocket. Sans-I/O:
// whoever drives it connects, reads and tells what happened, with the time since the request's start. It writes the
// attempts into the request's record, one for each candidate that was asked. One request's; its shard's thread.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lurus/provider.hpp"
#include "modules/gateway/attempt/outcome.hpp"
#include "modules/gateway/attempt/target.hpp"

namespace lurus::gateway {

class AttemptLoop {
public:
    enum class Protocol : std::uint8_t { http, websocket };

    /// `model`, as the client named it, and `record`, which names the client's dialect, outlive it.
    AttemptLoop(std::vector<Candidate> candidates, Protocol protocol, const std::string& model, RequestRecord& record);

    /// Begins the next candidate's attempt. Null: there is none, and conclusion() says what the client gets.
    const Target* next(std::int64_t since_start_us);
    [[nodiscard]] bool last() const { return next_ == candidates_.size(); }
    [[nodiscard]] const Target& target() const { return target_; }
    [[nodiscard]] Attempt& attempt() const { return record_.attempts.back(); }
    /// Whom the record's attempts asked, in their order.
    [[nodiscard]] std::span<const Candidate> asked() const { return std::span(candidates_).first(next_); }

    enum class Use : std::uint8_t {
        pass,  // to the client
        keep,  // read whole and kept: another candidate may do better, else the client gets it
        drop,  // another candidate is asked, and the client never sees it
    };
    /// The head of an answer came. `opened`: the client has a status line already, so no other status can be told.
    Use answered(int status, bool opened);

    /// True: the connection was closed before a byte of an answer came, and since it was a pooled one that says nothing
    /// of the vendor: the same candidate is asked once more, over a new connection.
    bool closed_unanswered(bool pooled);
    /// The vendor refused what we had added to the request: another attempt, of the same candidate, goes without.
    void again(std::int64_t since_start_us);
    /// The attempt ended; `why` in words for the client and the log.
    void ended(Outcome outcome, std::int64_t since_start_us, std::string why);
    /// How the attempt ended is known by how the request does; nothing changes where it is known already.
    void ended_with(End end, std::int64_t since_start_us);
    /// What the client is told if no attempt does better, where the outcome does not say.
    void tell(int status, std::string why);
    /// Nobody else is asked: what the candidate has of the request cannot be sent again.
    void keep_to_this() { candidates_.resize(next_); }
    /// The request itself is at fault, whoever is asked; ends the attempt.
    void refuse(int status, std::int64_t since_start_us, std::string why);
    /// The attempt's error answer is kept.
    void keep_answer() { kept_ = true; }
    /// Nobody waits for an answer any more: no further candidate is asked.
    void client_left() { client_gone_ = true; }

    enum class Conclusion : std::uint8_t {
        none,         // an attempt runs, or another candidate is left
        client_gone,  // nobody is told anything
        kept_answer,  // the client gets the vendor's own error
        own_error,    // the client gets an error of ours: status() and message()
    };
    /// `opened` as in answered().
    [[nodiscard]] Conclusion conclusion(bool opened) const;
    [[nodiscard]] int status() const { return status_; }
    /// Of the last attempt, in words.
    [[nodiscard]] const std::string& why() const { return why_; }
    [[nodiscard]] std::string message() const;

private:
    std::vector<Candidate> candidates_;
    const Protocol protocol_;
    const std::string& requested_model_;
    RequestRecord& record_;
    Target target_;
    std::size_t next_ = 0;
    bool reconnected_ = false;
    bool kept_ = false;
    bool client_gone_ = false;
    bool refused_ = false;
    int status_ = 502;
    std::string why_;
};

}  // namespace lurus::gateway
