#pragma once
// Answers that vendors make behind (`background: true`): the request that asks for one gets no usage, so a later one
// books it, the first that reads the answer's end, in whatever process. What the store keeps is exact and outlives the
// process; the holds on limits are kept here, until then.

#include <boost/asio/awaitable.hpp>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "lurus/gateway.hpp"
#include "modules/gateway/limits/limit_admission.hpp"

namespace lurus::gateway {

struct Relay;

/// The server's. Any thread; what asks the store may block.
class BackgroundAnswers {
public:
    explicit BackgroundAnswers(BackgroundBooks books) : books_(books) {}

    [[nodiscard]] bool any() const { return books_.store != nullptr; }
    Result<void> add(const BackgroundAnswer& answer);
    Result<std::optional<BackgroundAnswer>> claim(const std::string& id, const Id& record);
    /// The record that claimed it is in the log.
    void booked(const std::string& id);

    /// What its request holds of limits and budgets, for a day at most.
    void hold(const std::string& id, Admission admission, UnixMicros now);
    /// Holds nothing where nothing was held, which is so after a restart.
    Admission take_hold(const std::string& id);

private:
    struct Held {
        Admission admission;
        UnixMicros since = 0;
    };
    const BackgroundBooks books_;
    std::mutex mutex_;
    std::map<std::string, Held, std::less<>> held_;
};

/// The answer that this relay has is one that is made behind, and not at its end: it is kept, to be booked by who reads
/// the end. False: it is booked now like any other.
boost::asio::awaitable<bool> keep_for_later(Relay& relay);
/// The answer is read again: where this is the end of one that is not booked yet, its usage is this record's, which is
/// then of whoever had asked for the answer. Else this record has none.
boost::asio::awaitable<void> book_if_first(Relay& relay);
/// The record that book_if_first() was about is safe.
void note_booked(Relay& relay);

}  // namespace lurus::gateway
