#include "modules/gateway/answer/background_answers.hpp"

#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "modules/gateway/attempt/relay.hpp"
#include "modules/gateway/limits/estimate.hpp"
#include "modules/gateway/server/services.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr UnixMicros day_us = 86'400'000'000;
constexpr UnixMicros kept_us = 60 * day_us;  // vendors keep answers for 30 days

bool is_end(std::string_view status) {
    return status == "completed" || status == "incomplete" || status == "failed" || status == "cancelled";
}

BackgroundAnswer answer_of(const RequestRecord& record, const std::string& id, const RequestEstimate& estimate) {
    BackgroundAnswer answer;
    answer.id = id;
    answer.record_id = record.record_id;
    answer.time = record.time;
    answer.model = record.model;
    answer.upstream_model = record.upstream_model;
    answer.key = record.key;
    answer.user = record.user;
    answer.key_id = record.key_id;
    answer.team_id = record.team_id;
    answer.org_id = record.org_id;
    answer.input_tokens = estimate.input_tokens;
    answer.output_tokens = estimate.output_tokens;
    return answer;
}

// Runs it on a control-plane thread. The session lives until that has come back.
template <class Made>
asio::awaitable<std::unique_ptr<Made>> off_shard(Session& session, std::function<Made()> work) {
    struct Call {
        std::unique_ptr<Made> made;
        bool done = false;
    };
    const auto call = std::make_shared<Call>();
    session.services().run_blocking(
        session.shard, [call, work = std::move(work)] { call->made = std::make_unique<Made>(work()); },
        [call, keep = session.shared_from_this()] {
            call->done = true;
            keep->signal.notify();
        });
    while (!call->done) co_await session.signal.wait();
    co_return std::move(call->made);
}

// Whose the answer is, and what it is priced as.
void take_over(RequestRecord& record, const BackgroundAnswer& asked) {
    record.model = asked.model;
    record.upstream_model = asked.upstream_model;
    record.key = asked.key;
    record.user = asked.user;
    record.key_id = asked.key_id;
    record.team_id = asked.team_id;
    record.org_id = asked.org_id;
    record.attempts.back().upstream_model = asked.upstream_model;
    record.attempts.back().chosen_because = "background answer of record " + asked.record_id.hex();
}

}  // namespace

Result<void> BackgroundAnswers::add(const BackgroundAnswer& answer) {
    return books_.store->add(answer, answer.time - kept_us);
}

Result<std::optional<BackgroundAnswer>> BackgroundAnswers::claim(const std::string& id, const Id& record) {
    return books_.store->claim(id, books_.node, record);
}

void BackgroundAnswers::booked(const std::string& id) {
    // What stays is settled at the next start.
    if (const auto done = books_.store->booked(id); !done) spdlog::warn("{}", done.error().message);
}

void BackgroundAnswers::hold(const std::string& id, Admission admission, UnixMicros now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(held_, [&](const auto& entry) { return now - entry.second.since > day_us; });
    held_.insert_or_assign(id, Held{std::move(admission), now});
}

Admission BackgroundAnswers::take_hold(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = held_.find(id);
    if (found == held_.end()) return {};
    Admission admission = std::move(found->second.admission);
    held_.erase(found);
    return admission;
}

asio::awaitable<bool> keep_for_later(Relay& relay) {
    Session& session = relay.session;
    const auto& reader = relay.client.reader;
    BackgroundAnswers& answers = session.services().background();
    if (!answers.any() || !reader || reader->answer_id().empty()) co_return false;
    if (const std::string& status = reader->answer_status(); status != "queued" && status != "in_progress")
        co_return false;
    const RequestRecord& record = relay.request.record;
    RequestEstimate estimate = estimate_of(relay.request.endpoint, relay.request.facts,
                                           static_cast<std::size_t>(relay.request.record.bytes_in));
    const BackgroundAnswer answer = answer_of(record, reader->answer_id(), estimate);
    std::function<Result<void>()> work = [&answers, answer] { return answers.add(answer); };
    const auto kept = co_await off_shard(session, std::move(work));
    if (!*kept) {
        spdlog::warn("an answer made behind is booked by an estimate: {}", kept->error().message);
        co_return false;
    }
    answers.hold(answer.id, session.limits.take_admission(), record.time);
    co_return true;
}

asio::awaitable<void> book_if_first(Relay& relay) {
    Session& session = relay.session;
    RequestRecord& record = relay.request.record;
    BackgroundAnswers& answers = session.services().background();
    const std::string id = relay.client.reader ? relay.client.reader->answer_id() : std::string();
    if (id.empty() || !answers.any() || !is_end(relay.client.reader->answer_status())) co_return;
    std::function<Result<std::optional<BackgroundAnswer>>()> work = [&answers, id, record_id = record.record_id] {
        return answers.claim(id, record_id);
    };
    const auto claimed = co_await off_shard(session, std::move(work));
    if (!*claimed) {
        spdlog::warn("whether a background answer is booked is not known, so it is not booked now: {}",
                     claimed->error().message);
        co_return;
    }
    if (!**claimed) co_return;
    const BackgroundAnswer& asked = ***claimed;
    relay.booked_answer = id;
    const bool same_key = record.key_id == asked.key_id;
    take_over(record, asked);
    Usage usage = relay.client.reader->usage();
    if (!usage.known() && relay.client.reader->answer_status() == "cancelled") {
        usage.input = asked.input_tokens;
        usage.output = asked.output_tokens;
        usage.estimated = true;
    }
    record.attempts.back().usage = usage;
    price_attempts(record, relay.attempts.asked(), *relay.request.snapshot);
    session.limits.settle_for(answers.take_hold(id), same_key, used_by(usage, record.cost));
}

void note_booked(Relay& relay) {
    if (relay.booked_answer.empty()) return;
    Session& session = relay.session;
    BackgroundAnswers& answers = session.services().background();
    session.services().run_blocking(
        session.shard, [&answers, id = std::move(relay.booked_answer)] { answers.booked(id); }, [] {});
    relay.booked_answer.clear();
}

}  // namespace lurus::gateway
