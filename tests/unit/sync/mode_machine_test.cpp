#include "modules/sync/mode_machine.hpp"

#include <doctest/doctest.h>

using namespace lurus;
using sync::ModeMachine;

namespace {

constexpr std::int64_t ms = 1000;

/// Two failures within 2 s, 1 s of silence, two good probes; its clock is `now`.
struct Machine {
    ModeMachine machine;
    std::int64_t now = 5'000 * ms;

    explicit Machine(BackendSetting setting = BackendSetting::automatic) : machine(ModeMachine::Rules{}, setting) {}

    BackendMode mode() { return machine.mode(now); }
    void fail(const std::string& reason = "refused") { machine.failed(reason, now); }
    void answer() { machine.answered(now); }
    void go_online() {
        answer();
        answer();
        machine.caught_up(now);
        REQUIRE(mode() == BackendMode::online);
    }
};

}  // namespace

TEST_CASE("a backend is offline until it has answered twice, and online when what happened meanwhile is taken over") {
    Machine m;
    CHECK(m.mode() == BackendMode::offline);
    CHECK_FALSE(m.machine.reason().empty());
    m.machine.caught_up(m.now);  // nothing was asked for yet
    CHECK(m.mode() == BackendMode::offline);
    m.answer();
    CHECK(m.mode() == BackendMode::offline);
    m.now += 7 * ms;
    m.answer();
    CHECK(m.mode() == BackendMode::replaying);
    CHECK(m.machine.since_us() == m.now);
    m.now += 7 * ms;
    m.machine.caught_up(m.now);
    CHECK(m.mode() == BackendMode::online);
    CHECK(m.machine.since_us() == m.now);
    CHECK(m.machine.reason().empty());
}

TEST_CASE("good answers count in a row") {
    Machine m;
    for (int i = 0; i < 5; ++i) {
        m.answer();
        m.fail();
    }
    CHECK(m.mode() == BackendMode::offline);
    m.answer();
    CHECK(m.mode() == BackendMode::offline);
    m.answer();
    CHECK(m.mode() == BackendMode::replaying);
}

TEST_CASE("one failure is not an outage; a second one in a row is, and says why") {
    Machine m;
    m.go_online();
    m.fail("first");
    CHECK(m.mode() == BackendMode::online);
    CHECK(m.machine.reason() == "first");
    m.answer();
    CHECK(m.machine.reason().empty());
    m.fail("second");
    CHECK(m.mode() == BackendMode::online);
    m.now += 100 * ms;
    m.fail("third");
    CHECK(m.mode() == BackendMode::offline);
    CHECK(m.machine.reason() == "third");
    CHECK(m.machine.since_us() == m.now);
}

TEST_CASE("failures that lie further apart than the window begin anew") {
    // Without the rule of silence, which would be first.
    ModeMachine machine(
        ModeMachine::Rules{.failures = 2, .window_us = 100 * ms, .silence_us = 10'000 * ms, .probes = 1},
        BackendSetting::automatic);
    machine.answered(0);
    machine.caught_up(0);
    for (int i = 0; i < 5; ++i) machine.failed("late", i * 101 * ms);
    CHECK(machine.mode(404 * ms) == BackendMode::online);
    machine.failed("again", (404 + 100) * ms);
    CHECK(machine.mode(504 * ms) == BackendMode::offline);
}

TEST_CASE("silence after one failure is an outage without a second one") {
    Machine m;
    m.go_online();
    m.fail();
    m.now += 999 * ms;
    CHECK(m.mode() == BackendMode::online);
    m.now += 1 * ms;
    CHECK(m.mode() == BackendMode::offline);
    CHECK(m.machine.reason() == "refused");

    // An answer in between ends the silence.
    Machine other;
    other.go_online();
    other.fail();
    other.now += 500 * ms;
    other.answer();
    other.now += 600 * ms;
    CHECK(other.mode() == BackendMode::online);
}

TEST_CASE("a backend that fails while what happened meanwhile is taken over is offline again") {
    Machine m;
    m.answer();
    m.answer();
    REQUIRE(m.mode() == BackendMode::replaying);
    m.fail();
    m.fail();
    CHECK(m.mode() == BackendMode::offline);
    m.machine.caught_up(m.now);
    CHECK(m.mode() == BackendMode::offline);
}

TEST_CASE("further failures of an outage move nothing but its reason") {
    Machine m;
    m.go_online();
    m.fail();
    m.fail();
    REQUIRE(m.mode() == BackendMode::offline);
    const auto since = m.machine.since_us();
    m.now += 60'000 * ms;
    m.fail("still away");
    CHECK(m.machine.since_us() == since);
    CHECK(m.machine.reason() == "still away");
}

TEST_CASE("what is switched off stays off, whatever it answers, until it is switched on") {
    Machine m;
    m.go_online();
    m.machine.set(BackendSetting::off, m.now);
    CHECK(m.mode() == BackendMode::off);
    CHECK(m.machine.setting() == BackendSetting::off);
    for (int i = 0; i < 3; ++i) m.answer();
    m.machine.caught_up(m.now);
    m.fail("unheard");
    m.now += 5'000 * ms;
    CHECK(m.mode() == BackendMode::off);
    CHECK(m.machine.reason() == "it is switched off");

    m.machine.set(BackendSetting::on, m.now);
    CHECK(m.mode() == BackendMode::offline);
    CHECK(m.machine.since_us() == m.now);
    m.go_online();
    // Another setting of one that is used changes no mode.
    m.machine.set(BackendSetting::automatic, m.now);
    CHECK(m.mode() == BackendMode::online);
    CHECK(m.machine.setting() == BackendSetting::automatic);
}

TEST_CASE("a machine that is made switched off is off") {
    Machine m(BackendSetting::off);
    CHECK(m.mode() == BackendMode::off);
    m.answer();
    m.answer();
    CHECK(m.mode() == BackendMode::off);
}
