#pragma once
// Calls to machines that are not ours: vendors' model lists and tests, directories, identity providers, mail. They may
// be slow or never answer; nothing else waits for them.

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

namespace lurus {

/// What a call outside takes at most, name, TCP and TLS included, and what ends it before that.
struct OutsideLimit {
    std::chrono::steady_clock::time_point until = std::chrono::steady_clock::time_point::max();
    std::stop_token stop;  // stopped: the call ends at once, `unavailable`

    [[nodiscard]] bool over() const { return stop.stop_requested() || std::chrono::steady_clock::now() >= until; }
};

/// Whom calls are to: those to one never take the threads of those to another.
struct OutsideLane {
    std::string name = "vendors";
    int most = 32;  // calls at a time; more wait for those before them, which all have a limit
};

/// Threads of their own for such calls, and one way to end them all. Any thread.
class OutsideCalls {
public:
    virtual ~OutsideCalls() = default;
    /// Does the work soon, on one of its threads; never waits. After the stop as well: its calls then end at once.
    virtual void post(const OutsideLane& lane, std::move_only_function<void()> work) = 0;
    /// A limit for a call that begins now, also on another thread.
    [[nodiscard]] virtual OutsideLimit within(std::chrono::milliseconds most) const = 0;
    /// Ends the calls under way and all that follow. Does not wait.
    virtual void stop() = 0;
    /// Waits until everything that was posted is done.
    virtual void settle() = 0;
};

/// `calls` may be null: then nothing but the time ends the call.
inline OutsideLimit limit_within(const OutsideCalls* calls, std::chrono::milliseconds most) {
    if (calls != nullptr) return calls->within(most);
    return {std::chrono::steady_clock::now() + most, {}};
}

}  // namespace lurus
