#include "modules/gateway/attempt/attempt_loop.hpp"

#include <utility>

namespace lurus::gateway {
namespace {

bool another_may_do_better(int status) {
    switch (status) {
        case 401:
        case 402:
        case 403:
        case 404:
        case 408:
        case 409:
        case 429: return true;
        default: return status >= 500;
    }
}

}  // namespace

AttemptLoop::AttemptLoop(std::vector<Candidate> candidates, Protocol protocol, const std::string& model,
                         RequestRecord& record)
    : candidates_(std::move(candidates)), protocol_(protocol), requested_model_(model), record_(record) {}

const Target* AttemptLoop::next(std::int64_t since_start_us) {
    if (client_gone_ || last()) return nullptr;
    Candidate& candidate = candidates_[next_++];
    target_.provider = candidate.provider;
    target_.dialect = record_.dialect;
    reconnected_ = false;
    status_ = 502;
    record_.provider = target_.provider->name;
    record_.account = target_.provider->account;
    record_.upstream_dialect = target_.dialect;
    record_.upstream_model = candidate.upstream_model.empty() ? requested_model_ : candidate.upstream_model;
    Attempt& fresh = record_.attempts.emplace_back();
    fresh.provider = record_.provider;
    fresh.account = record_.account;
    fresh.upstream_model = record_.upstream_model;
    fresh.chosen_because = std::move(candidate.because);
    fresh.started_us = since_start_us;
    return &target_;
}

AttemptLoop::Use AttemptLoop::answered(int status, bool opened) {
    attempt().status = status;
    if (protocol_ == Protocol::websocket) {
        // 426 tells the client to send the request with POST instead: another candidate would not tell it better.
        return !last() && status >= 401 && status != 426 ? Use::drop : Use::pass;
    }
    const bool good = status >= 200 && status < 300;
    if (good || (!opened && (last() || !another_may_do_better(status)))) return Use::pass;
    return Use::keep;
}

bool AttemptLoop::closed_unanswered(bool pooled) {
    return pooled && !std::exchange(reconnected_, true);
}

void AttemptLoop::again(std::int64_t since_start_us) {
    Attempt fresh;
    fresh.provider = record_.provider;
    fresh.account = record_.account;
    fresh.upstream_model = record_.upstream_model;
    fresh.chosen_because = "without stream_options";
    fresh.started_us = since_start_us;
    record_.attempts.push_back(std::move(fresh));
    // Named first: the vector may move while the copy is made.
    Candidate same = candidates_[next_ - 1];
    candidates_.insert(candidates_.begin() + static_cast<std::ptrdiff_t>(next_++), std::move(same));
    reconnected_ = kept_ = false;
    status_ = 502;
}

void AttemptLoop::ended(Outcome outcome, std::int64_t since_start_us, std::string why) {
    Attempt& attempt = this->attempt();
    attempt.outcome = recorded(outcome, attempt.status.value_or(0));
    attempt.duration_us = since_start_us - attempt.started_us;
    tell(client_status(outcome, attempt.status.value_or(0)), std::move(why));
}

void AttemptLoop::ended_with(End end, std::int64_t since_start_us) {
    if (record_.attempts.empty() || !attempt().outcome.empty()) return;
    ended(outcome_of(end), since_start_us, std::move(why_));
}

void AttemptLoop::refuse(int status, std::int64_t since_start_us, std::string why) {
    ended(Outcome::error, since_start_us, {});
    keep_to_this();
    refused_ = true;
    tell(status, std::move(why));
}

void AttemptLoop::tell(int status, std::string why) {
    status_ = status;
    why_ = std::move(why);
}

AttemptLoop::Conclusion AttemptLoop::conclusion(bool opened) const {
    if (client_gone_) return Conclusion::client_gone;
    if (!last()) return Conclusion::none;
    return kept_ && !opened ? Conclusion::kept_answer : Conclusion::own_error;
}

std::string AttemptLoop::message() const {
    if (refused_) return why_;
    const std::size_t count = record_.attempts.size();
    if (count < 2 || protocol_ == Protocol::websocket) return "provider " + record_.provider + ": " + why_;
    return "none of " + std::to_string(count) + " upstreams answered; the last, " + record_.provider + ": " + why_;
}

}  // namespace lurus::gateway
