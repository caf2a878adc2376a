#pragma once
// Admits one request against all limits that apply to it, or says which one stands in the way. Sans-I/O.

#include <array>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/usage.hpp"
#include "modules/gateway/limits/limit_table.hpp"

namespace lurus::gateway {

/// A subject of a request: at most one of each kind, but several of models.
struct LimitedSubject {
    Subject subject = Subject::key;
    std::string_view id;    // what its state is kept under
    std::string_view name;  // what it is called in messages
    Limits limits;
    Money spent_before;     // in the budget's window, by the log
    bool upstream = false;  // only by what one attempt sends; another attempt may leave it
};

/// What a request is thought to use before it has. Amounts above a limit count as the whole limit: such a request
/// passes when nothing else has.
struct RequestEstimate {
    std::int64_t requests = 1;
    std::int64_t input_tokens = 0;
    std::int64_t output_tokens = 0;
    Money cost;
    bool slot = true;         // counts as running
    bool model_slot = false;  // counts as running for the model, even where it does not for others
};

/// Why a request was not admitted.
struct Refusal {
    enum class What : std::uint8_t { requests, tokens, input_tokens, output_tokens, concurrency, budget };
    Subject subject = Subject::key;
    std::string name;
    What what = What::requests;
    std::int64_t limit = 0;        // of a budget: nano-USD
    std::optional<Budget> budget;  // set: that one
    /// Microseconds until this request would pass if nobody else came; empty = it will not.
    std::optional<std::int64_t> wait_us;
    /// It depends on running requests, so `wait_us` is only when to ask again.
    bool waits_for_running = false;
};
std::string_view name_of(Refusal::What what);

/// How one measure stands, for the answer's fields.
struct LimitStatus {
    std::int64_t limit = 0;
    std::int64_t remaining = 0;
    std::int64_t empty_in_us = 0;
};

/// How the budget stands that has the least left.
struct BudgetStatus {
    Budget budget;
    Money remaining;
};

/// What an admitted request holds. One shard's thread; movable; gives its place back when it goes.
class Admission {
public:
    Admission() = default;
    Admission(Admission&& other) noexcept;
    Admission& operator=(Admission&& other) noexcept;
    Admission(const Admission&) = delete;
    Admission& operator=(const Admission&) = delete;
    ~Admission();

    [[nodiscard]] bool limited() const { return !charges_.empty(); }
    /// Puts what was really used in the estimate's place; the first call counts. Empty tokens: the estimate stays.
    struct Used {
        std::optional<std::int64_t> input_tokens, output_tokens;
        Money cost;
    };
    void settle(const Used& used, std::int64_t now_us);
    /// The request does not run any more.
    void leave();
    /// The attempt that its upstream subjects were for has failed and used nothing: they are let go.
    void leave_upstream(std::int64_t now_us);
    /// It has been admitted under this limit already.
    [[nodiscard]] bool holds(const StatePtr& state) const;
    /// Holds what the other one does as well.
    void join(Admission&& other);
    /// It was no request after all, whatever else it took.
    void uncount_request();
    /// Holds nothing; only tells how the limits stand.
    static Admission refused(LimitCache& cache, std::span<const LimitedSubject> subjects, std::int64_t now_us,
                             UnixMicros now);
    /// The tightest of all limits on this measure; empty = there is none.
    [[nodiscard]] std::optional<LimitStatus> status(Measure measure, std::int64_t now_us) const;

    /// Empty = no budget applies.
    [[nodiscard]] std::optional<BudgetStatus> budget_status(UnixMicros now) const;

private:
    friend std::expected<Admission, Refusal> admit(LimitCache&, std::span<const LimitedSubject>, const RequestEstimate&,
                                                   std::int64_t, UnixMicros);
    struct Charge {
        StatePtr state;
        Limits limits;
        bool upstream = false;
        std::array<std::int64_t, measures.size()> amounts{};
        std::array<std::int64_t, measures.size()> slots{};
        std::uint8_t taken = 0;  // bits of `measures`
        bool entered = false;
        bool holds_money = false;
        std::uint32_t window = 0;
        Money held;
        Money spent_before;  // in the budget's window, by the log
    };
    std::optional<Refusal> take(const LimitedSubject& subject, const RequestEstimate& estimate, StatePtr state,
                                std::int64_t now_us, UnixMicros now);
    void undo();
    static void settle(Charge& charge, const Used& used, std::int64_t now_us);

    std::vector<Charge> charges_;  // none for a request without limits
    bool settled_ = false;
};

/// All or nothing: what was taken is given back when a later limit refuses. `now_us` since the table's start.
std::expected<Admission, Refusal> admit(LimitCache& cache, std::span<const LimitedSubject> subjects,
                                        const RequestEstimate& estimate, std::int64_t now_us, UnixMicros now);

/// The tokens that the model read and wrote; empty where the vendor did not say.
Admission::Used used_by(const Usage& usage, const std::optional<Money>& cost);

}  // namespace lurus::gateway
