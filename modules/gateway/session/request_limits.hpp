#pragma once
// The limits of the request that a session serves: asked before it may go on, told what it used, and shown in its
// answer. A WebSocket has its connection's admission here; those of its responses are its tunnel's. One session's; its
// shard's thread.

#include <memory>
#include <optional>
#include <string>

#include "modules/gateway/limits/limit_admission.hpp"
#include "modules/gateway/server/shard.hpp"
#include "modules/gateway/session/request.hpp"

namespace lurus::gateway {

class RequestLimits {
public:
    explicit RequestLimits(Shard& shard) : shard_(shard) {}

    /// Null: within all limits, those of the model that the first candidate is asked for among them.
    std::unique_ptr<Rejection> admit(Request& request);
    /// Before a further candidate is asked: admits the request under the limits of that one's model, in place of what
    /// the one before it took.
    std::optional<Refusal> admit_attempt(const Request& request, const Provider& provider,
                                         const std::string& upstream_model);
    /// Admits one response of a WebSocket: as a request of its own, which the connection's is not any more. `estimate`
    /// says what it takes.
    std::optional<Refusal> admit_response(Request& request, const RequestEstimate& estimate, Admission& into);
    /// The next record is that response's and settles what it took.
    void settles(Admission response) { response_admission_ = std::move(response); }
    /// The answer's fields on how the limits stand; empty where there are none.
    [[nodiscard]] std::string fields(const Request& request) const;
    /// Puts what was used in the estimate's place. What ended in an error used nothing; of what broke off without a
    /// word on usage, the estimate is the best guess.
    void settle(const RequestRecord& record);
    /// What the request holds, to be settled later and elsewhere; it runs no more.
    Admission take_admission();
    /// This request read another's answer, which was held for: that is settled, and nothing is booked for this one.
    /// Where nothing was held any more, this one's limits are settled, if they are of the `same_key`.
    void settle_for(Admission held, bool same_key, const Admission::Used& used);
    /// The request does not run any more. To be called before the client can know it.
    void leave() { admission_.leave(); }
    /// It is over.
    void clear() { admission_ = Admission(); }

private:
    std::optional<Refusal> take(Request& request, RequestEstimate estimate, Admission& into);
    [[nodiscard]] std::int64_t now_us() const;

    Shard& shard_;
    Admission admission_;
    std::optional<Admission> response_admission_;  // of a WebSocket, for the record that comes now
};

}  // namespace lurus::gateway
