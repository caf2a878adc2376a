// Any candidates whose attempts end in any way: each is asked once and in order, none for a client that left, every
// attempt that ended says how, and the client gets exactly one kind of end.

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "modules/gateway/attempt/attempt_loop.hpp"

using namespace lurus;
using namespace lurus::gateway;

namespace {

void require(bool ok) {
    if (!ok) std::abort();
}

std::vector<Candidate> some_candidates(std::size_t count) {
    std::vector<Candidate> out(count);
    for (std::size_t i = 0; i < count; ++i) {
        auto provider = std::make_shared<Provider>();
        provider->name = std::to_string(i);
        out[i].provider = std::move(provider);
        out[i].because = "route";
    }
    return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t count = 1 + data[0] % 6;
    const auto protocol = (data[1] & 1) != 0 ? AttemptLoop::Protocol::websocket : AttemptLoop::Protocol::http;
    bool opened = false, kept = false, left = false, running = false;
    std::size_t asked = 0, reconnects = 0;
    std::int64_t now = 0;
    const std::string model = "m";
    RequestRecord record;
    AttemptLoop attempts(some_candidates(count), protocol, model, record);
    for (std::size_t i = 2; i < size; ++i) {
        const std::uint8_t what = data[i];
        const std::uint8_t more = i + 1 < size ? data[i + 1] : 0;
        now += more;
        if (!running) {
            if ((what & 0x80) != 0) {
                attempts.client_left();
                left = true;
            }
            const Target* target = attempts.next(now);
            require((target != nullptr) == (!left && asked < count));
            if (target == nullptr) break;
            require(target->provider->name == std::to_string(asked) && record.provider == target->provider->name);
            ++asked;
            require(record.attempts.size() == asked && record.attempts.back().outcome.empty());
            require(attempts.last() == (asked == count));
            reconnects = 0;
            running = true;
            continue;
        }
        switch (what % 5) {
            case 0: {
                const int status = 200 + more * 2;
                const AttemptLoop::Use use = attempts.answered(status, opened);
                require(record.attempts.back().status == status);
                if (use == AttemptLoop::Use::keep) require(protocol == AttemptLoop::Protocol::http && status >= 300);
                if (use == AttemptLoop::Use::keep && attempts.last()) require(opened);
                if (use == AttemptLoop::Use::drop) require(!attempts.last());
                if (use != AttemptLoop::Use::keep) break;
                attempts.ended(Outcome::status, now, "why");
                require(record.attempts.back().outcome == "status_" + std::to_string(status));
                require(attempts.status() == status);
                attempts.keep_answer();
                kept = true;
                running = false;
                break;
            }
            case 1:
                if (attempts.closed_unanswered((more & 1) != 0)) require(++reconnects == 1 && (more & 1) != 0);
                break;
            case 2: opened = true; break;
            case 3: {
                const auto outcome = static_cast<Outcome>(more % (static_cast<int>(Outcome::error) + 1));
                attempts.ended(outcome, now, "why");
                require(record.attempts.back().outcome.starts_with(name_of(outcome)));
                require(record.attempts.back().duration_us >= 0 && attempts.why() == "why");
                running = false;
                break;
            }
            case 4:
                attempts.ended_with(static_cast<End>(more % 4), now);
                require(!record.attempts.back().outcome.empty());
                running = false;
                break;
        }
    }
    for (std::size_t i = 0; i + 1 < record.attempts.size(); ++i) require(!record.attempts[i].outcome.empty());
    const AttemptLoop::Conclusion conclusion = attempts.conclusion(opened);
    if (left) {
        require(conclusion == AttemptLoop::Conclusion::client_gone);
    } else if (asked < count) {
        require(conclusion == AttemptLoop::Conclusion::none);
    } else {
        require((conclusion == AttemptLoop::Conclusion::kept_answer) == (kept && !opened));
    }
    if (asked > 0) require(!attempts.message().empty());
    return 0;
}
