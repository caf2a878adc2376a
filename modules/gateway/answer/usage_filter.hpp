#pragma once
// Takes the event out of a chat's stream that came only because we asked for it: the usage behind the last choice.
// Sans-I/O. All other bytes pass as they are, as views of the caller's buffer; only an event that is not whole in one
// piece is kept until it is. Owned by the client's answer, which has one only where usage was asked for.

#include <cstddef>
#include <list>
#include <string>
#include <string_view>
#include <vector>

namespace lurus::gateway {

class UsageFilter {
public:
    /// What is longer is no usage, and passes in parts.
    static constexpr std::size_t max_kept = 16 << 10;

    struct Part {
        std::string_view bytes;
        bool for_client = true;  // false: the event that is taken out
    };
    /// The next bytes of the stream. The parts, in order, are good until the next call of this; their bytes until
    /// released().
    const std::vector<Part>& feed(std::string_view piece);
    /// The stream is over: what is kept of an unfinished event.
    const std::vector<Part>& finish();
    /// Nobody has views of what was fed any more.
    void released() { joined_.clear(); }

private:
    void split(std::string_view bytes);

    std::vector<Part> parts_;
    std::string kept_;               // an unfinished event
    std::list<std::string> joined_;  // events that came in several pieces, and what stood around them
    bool passing_ = false;           // inside an event that is longer than what is kept
    bool line_begins_ = true;        // there, at the end of what came
    bool after_cr_ = false;          // there
};

/// The event, with its lines' names, is a chunk without choices that tells the usage.
bool is_usage_event(std::string_view event);

}  // namespace lurus::gateway
