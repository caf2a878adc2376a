#pragma once
// Somebody outside who cannot be asked: for some seconds everybody is told so at once instead of waiting as well.

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <optional>

#include "lurus/result.hpp"

namespace lurus::signin {

/// The rest after a failure is a second, and twice as long after each that follows, up to eight. After it one caller
/// tries, and the others are told of the failure before until that one knows more. Any thread; never blocks for long.
class RememberedFailure {
public:
    /// The failure to answer with; nothing: try, and say what came of it. `now` is monotonic, in microseconds.
    [[nodiscard]] std::optional<Error> before_try(std::int64_t now) {
        const std::scoped_lock lock(mutex_);
        if (!why_) return std::nullopt;
        if (now < std::max(rests_until_, tried_until_)) return why_;
        tried_until_ = now + longest_try;
        return std::nullopt;
    }
    /// The failure to answer with where no try would follow.
    [[nodiscard]] std::optional<Error> recent(std::int64_t now) const {
        const std::scoped_lock lock(mutex_);
        return why_ && now < rests_until_ ? why_ : std::nullopt;
    }
    void succeeded() {
        const std::scoped_lock lock(mutex_);
        why_.reset();
        rest_ = tried_until_ = 0;
    }
    void failed(std::int64_t now, Error why) {
        const std::scoped_lock lock(mutex_);
        tried_until_ = 0;
        why_ = std::move(why);
        // Of several that began together, the first that ends is the failure, and the others are the same one.
        if (now < rests_until_) return;
        rest_ = std::min(rest_ == 0 ? first_rest : 2 * rest_, longest_rest);
        rests_until_ = now + rest_;
    }
    /// The try ended without an answer to whether it works, such as by the server's stop.
    void undecided() {
        const std::scoped_lock lock(mutex_);
        tried_until_ = 0;
    }

private:
    static constexpr std::int64_t first_rest = 1'000'000, longest_rest = 8'000'000;
    static constexpr std::int64_t longest_try = 60'000'000;  // as timeouts are; a try that never said how it ended

    mutable std::mutex mutex_;  // what follows
    std::optional<Error> why_;
    std::int64_t rest_ = 0;
    std::int64_t rests_until_ = 0;
    std::int64_t tried_until_ = 0;  // by somebody
};

}  // namespace lurus::signin
