// Who is asked after whom, and what the client gets in the end, by scripts of what vendors do. No sockets, no clock.

#include "modules/gateway/attempt/attempt_loop.hpp"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

namespace lurus::gateway {
namespace {

using Use = AttemptLoop::Use;
using Conclusion = AttemptLoop::Conclusion;
using Protocol = AttemptLoop::Protocol;

struct Requested {
    explicit Requested(std::initializer_list<const char*> names, Protocol protocol = Protocol::http)
        : attempts(candidates(names), protocol, model, record) {}

    static std::vector<Candidate> candidates(std::initializer_list<const char*> names) {
        std::vector<Candidate> out;
        for (const char* name : names) {
            auto provider = std::make_shared<Provider>();
            provider->name = name;
            provider->account = std::string("account of ") + name;
            provider->endpoints[Family::openai].base.host = name;
            Candidate candidate;
            candidate.provider = std::move(provider);
            candidate.because = "route";
            out.push_back(std::move(candidate));
        }
        return out;
    }
    std::string outcomes() const {
        std::string out;
        for (const Attempt& attempt : record.attempts) out += attempt.provider + ":" + attempt.outcome + " ";
        return out;
    }

    std::string model = "m";
    RequestRecord record;
    AttemptLoop attempts;
};

TEST_CASE("what cannot be sent twice is asked of nobody else") {
    Requested request({"a", "b", "c"});
    request.attempts.next(1000);
    request.attempts.ended(Outcome::refused, 2000, "refused");
    REQUIRE(request.attempts.next(2000) != nullptr);
    request.attempts.keep_to_this();
    CHECK(request.attempts.last());
    CHECK(request.attempts.answered(500, false) == Use::pass);
    request.attempts.refuse(413, 3000, "too large");
    CHECK(request.attempts.next(3000) == nullptr);
    CHECK(request.attempts.conclusion(false) == Conclusion::own_error);
    CHECK(request.attempts.status() == 413);
    CHECK(request.attempts.message() == "too large");
    CHECK(request.outcomes() == "a:refused b:error ");
}

TEST_CASE("an attempt is recorded when it begins and when it ends") {
    Requested request({"a"});
    const Target* target = request.attempts.next(1000);
    REQUIRE(target != nullptr);
    CHECK(target->provider->name == "a");
    CHECK(target->endpoint().base.host == "a");
    CHECK(request.record.provider == "a");
    CHECK(request.record.account == "account of a");
    CHECK(request.record.upstream_model == "m");
    REQUIRE(request.record.attempts.size() == 1);
    CHECK(request.record.attempts[0].chosen_because == "route");
    CHECK(request.record.attempts[0].outcome.empty());
    CHECK(request.attempts.answered(200, false) == Use::pass);
    request.attempts.ended_with(End::complete, 5000);
    CHECK(request.record.attempts[0].outcome == "ok");
    CHECK(request.record.attempts[0].status == 200);
    CHECK(request.record.attempts[0].duration_us == 4000);
    // The first end counts.
    request.attempts.ended_with(End::client_gone, 9000);
    CHECK(request.outcomes() == "a:ok ");
    CHECK(request.attempts.next(9000) == nullptr);
}

TEST_CASE("a candidate's own name for the model is what is asked for") {
    auto candidates = Requested::candidates({"a"});
    candidates[0].upstream_model = "other";
    const std::string model = "m";
    RequestRecord record;
    AttemptLoop attempts(std::move(candidates), Protocol::http, model, record);
    REQUIRE(attempts.next(0) != nullptr);
    CHECK(record.upstream_model == "other");
    CHECK(record.attempts[0].upstream_model == "other");
}

TEST_CASE("the upstream is asked in the client's dialect") {
    Requested request({"a"});
    request.record.dialect = Dialect::openai_responses;
    const Target* target = request.attempts.next(0);
    REQUIRE(target != nullptr);
    CHECK(target->dialect == Dialect::openai_responses);
    CHECK(request.record.upstream_dialect == Dialect::openai_responses);
}

TEST_CASE("candidates are asked in order until there is none") {
    Requested request({"a", "b", "c"});
    REQUIRE(request.attempts.next(0) != nullptr);
    CHECK_FALSE(request.attempts.last());
    CHECK(request.attempts.conclusion(false) == Conclusion::none);
    request.attempts.ended(Outcome::refused, 10, "cannot connect");
    REQUIRE(request.attempts.next(10) != nullptr);
    request.attempts.ended(Outcome::first_byte_timeout, 20, "too slow");
    CHECK(request.attempts.status() == 504);
    REQUIRE(request.attempts.next(20) != nullptr);
    CHECK(request.attempts.last());
    request.attempts.ended(Outcome::bad_answer, 30, "not HTTP");
    CHECK(request.attempts.next(30) == nullptr);
    CHECK(request.outcomes() == "a:refused b:first_byte_timeout c:bad_answer ");
    CHECK(request.attempts.conclusion(false) == Conclusion::own_error);
    CHECK(request.attempts.status() == 502);
    CHECK(request.attempts.message() == "none of 3 upstreams answered; the last, c: not HTTP");
}

TEST_CASE("a single upstream is named in the message") {
    Requested request({"a"});
    REQUIRE(request.attempts.next(0) != nullptr);
    request.attempts.ended(Outcome::connect_timeout, 10, "too slow");
    CHECK(request.attempts.message() == "provider a: too slow");
    CHECK(request.attempts.status() == 504);
}

TEST_CASE("an error that another candidate may do better with is kept, any other passes") {
    for (const int status : {401, 402, 403, 404, 408, 409, 429, 500, 503, 529}) {
        CAPTURE(status);
        Requested request({"a", "b"});
        REQUIRE(request.attempts.next(0) != nullptr);
        CHECK(request.attempts.answered(status, false) == Use::keep);
        REQUIRE(request.attempts.next(0) != nullptr);
        CHECK(request.attempts.answered(status, false) == Use::pass);
    }
    for (const int status : {200, 201, 304, 400, 405, 413, 422}) {
        CAPTURE(status);
        Requested request({"a", "b"});
        REQUIRE(request.attempts.next(0) != nullptr);
        CHECK(request.attempts.answered(status, false) == Use::pass);
    }
}

TEST_CASE("the client of an open stream gets no other status") {
    Requested request({"a"});
    REQUIRE(request.attempts.next(0) != nullptr);
    CHECK(request.attempts.answered(400, true) == Use::keep);
    request.attempts.ended(Outcome::status, 10, "the upstream answered 400");
    request.attempts.keep_answer();
    CHECK(request.attempts.next(10) == nullptr);
    CHECK(request.attempts.conclusion(true) == Conclusion::own_error);
    CHECK(request.attempts.conclusion(false) == Conclusion::kept_answer);
    CHECK(request.attempts.status() == 400);
}

TEST_CASE("a kept answer is the client's also when a later attempt fails in another way") {
    Requested request({"a", "b"});
    REQUIRE(request.attempts.next(0) != nullptr);
    CHECK(request.attempts.answered(429, false) == Use::keep);
    request.attempts.ended(Outcome::status, 10, "the upstream answered 429");
    request.attempts.keep_answer();
    REQUIRE(request.attempts.next(10) != nullptr);
    request.attempts.ended(Outcome::dns, 20, "no such host");
    CHECK(request.attempts.next(20) == nullptr);
    CHECK(request.outcomes() == "a:status_429 b:dns ");
    CHECK(request.attempts.conclusion(false) == Conclusion::kept_answer);
}

TEST_CASE("a pooled connection that was closed meanwhile is no attempt, once") {
    Requested request({"a", "b"});
    REQUIRE(request.attempts.next(0) != nullptr);
    CHECK(request.attempts.closed_unanswered(true));
    CHECK_FALSE(request.attempts.closed_unanswered(true));
    CHECK(request.record.attempts.size() == 1);
    request.attempts.ended(Outcome::reset, 10, "closed");
    REQUIRE(request.attempts.next(10) != nullptr);
    CHECK_FALSE(request.attempts.closed_unanswered(false));
    CHECK(request.attempts.closed_unanswered(true));
}

TEST_CASE("nobody is asked for a client that left") {
    Requested request({"a", "b"});
    REQUIRE(request.attempts.next(0) != nullptr);
    request.attempts.ended(Outcome::client_gone, 10, "the client left");
    request.attempts.client_left();
    CHECK(request.attempts.next(10) == nullptr);
    CHECK(request.attempts.conclusion(false) == Conclusion::client_gone);
    CHECK(request.outcomes() == "a:client_gone ");
}

TEST_CASE("a WebSocket's refusal passes unless another candidate may switch protocols") {
    for (const int status : {401, 404, 405, 429, 500}) {
        CAPTURE(status);
        Requested request({"a", "b"}, Protocol::websocket);
        REQUIRE(request.attempts.next(0) != nullptr);
        CHECK(request.attempts.answered(status, false) == Use::drop);
        REQUIRE(request.attempts.next(0) != nullptr);
        CHECK(request.attempts.answered(status, false) == Use::pass);
    }
    for (const int status : {101, 200, 302, 400, 426}) {
        CAPTURE(status);
        Requested request({"a", "b"}, Protocol::websocket);
        REQUIRE(request.attempts.next(0) != nullptr);
        CHECK(request.attempts.answered(status, false) == Use::pass);
    }
}

TEST_CASE("a WebSocket's client is told of the last upstream") {
    Requested request({"a", "b"}, Protocol::websocket);
    REQUIRE(request.attempts.next(0) != nullptr);
    request.attempts.ended(Outcome::no_websocket, 10, "it serves none");
    CHECK(request.attempts.status() == 426);
    REQUIRE(request.attempts.next(10) != nullptr);
    request.attempts.ended(Outcome::bad_answer, 20, "silent");
    CHECK(request.attempts.status() == 502);
    request.attempts.tell(504, "too slow");
    CHECK(request.attempts.next(20) == nullptr);
    CHECK(request.attempts.status() == 504);
    CHECK(request.attempts.message() == "provider b: too slow");
    CHECK(request.outcomes() == "a:no_websocket b:bad_answer ");
}

TEST_CASE("outcomes have the names that records keep") {
    CHECK(recorded(Outcome::ok, 200) == "ok");
    CHECK(recorded(Outcome::status, 529) == "status_529");
    CHECK(recorded(Outcome::error_event, 200) == "error_event");
    for (const End end : {End::client_gone, End::upstream_cut, End::error})
        CHECK(name_of(outcome_of(end)) == name_of(end));
    CHECK(outcome_of(End::complete) == Outcome::ok);
}

}  // namespace
}  // namespace lurus::gateway
