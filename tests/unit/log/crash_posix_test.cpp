#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "tests/unit/log/fixture.hpp"

namespace lurus::test {
namespace {

/// Writes each ticket into a pipe as soon as it is told safe.
class PipeSink final : public CommitSink {
public:
    explicit PipeSink(int fd) : fd_(fd) {}
    void committed(std::span<const std::uint64_t> tickets, bool safe) noexcept override {
        if (!safe) return;
        const char* at = reinterpret_cast<const char*>(tickets.data());
        std::size_t left = tickets.size_bytes();
        while (left > 0) {
            const auto written = ::write(fd_, at, left);
            if (written <= 0) return;
            at += written;
            left -= static_cast<std::size_t>(written);
        }
    }

private:
    int fd_;
};

[[noreturn]] void append_until_killed(const LogSettings& settings, const Clock& clock, int fd, std::uint32_t seed) {
    auto log = make_request_log_sqlite(settings, clock);
    if (!log) ::_exit(1);
    PipeSink sink(fd);
    Samples samples(seed, 300'000);
    std::vector<LogEntry> batch;
    for (std::uint64_t ticket = 1;; ++ticket) {
        auto record = samples.record();
        record.session = std::to_string(seed) + "/" + std::to_string(ticket);
        if (ticket % 500 < 250) {
            (*log)->append(std::move(record), ticket, &sink);
        } else {
            batch.push_back(LogEntry{std::move(record), ticket, &sink});
            if (samples.below(20) == 0) (*log)->append_all(batch);
        }
        while (!(*log)->has_room()) ::usleep(100);
    }
}

/// The tickets that the process was told to be safe before it was killed.
std::vector<std::uint64_t> run_and_kill(const LogFixture& f, std::uint32_t seed, std::size_t kill_after) {
    int fds[2];
    REQUIRE(::pipe(fds) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::close(fds[0]);
        append_until_killed(f.settings, f.clock, fds[1], seed);
    }
    ::close(fds[1]);
    std::vector<std::uint64_t> tickets;
    std::string rest;
    char buffer[65536];
    bool killed = false;
    for (;;) {
        const auto got = ::read(fds[0], buffer, sizeof buffer);
        if (got <= 0) break;
        rest.append(buffer, static_cast<std::size_t>(got));
        std::size_t at = 0;
        for (; at + 8 <= rest.size(); at += 8) {
            std::uint64_t ticket;
            std::memcpy(&ticket, rest.data() + at, 8);
            tickets.push_back(ticket);
        }
        rest.erase(0, at);
        if (!killed && tickets.size() >= kill_after) {
            ::kill(child, SIGKILL);
            killed = true;
        }
    }
    ::close(fds[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    REQUIRE(WIFSIGNALED(status));
    return tickets;
}

TEST_CASE("killed at any moment: what was told safe is there, and the sums are those of the rows" *
          doctest::test_suite("long")) {
    LogFixture f;
    f.settings.queue_cap_bytes = 1 << 20;
    std::mt19937 random(41);
    for (std::uint32_t round = 1; round <= 8; ++round) {
        // Some rounds are long enough to be killed while segments close and sums are booked.
        const auto told = run_and_kill(f, round, 1 + random() % (round % 2 == 0 ? 60'000 : 3000));
        CAPTURE(round);
        f.open();
        REQUIRE(f.log->flush(10'000));
        std::vector<RequestRecord> all;
        std::vector<bool> present;
        auto db = open_sqlite_reader(f.settings.file);
        REQUIRE(db);
        SQLite::Statement select(**db, "SELECT session FROM record WHERE session LIKE ?");
        select.bind(1, std::to_string(round) + "/%");
        while (select.executeStep()) {
            const std::string session = select.getColumn(0).getString();
            const auto ticket = std::stoull(session.substr(session.find('/') + 1));
            if (present.size() <= ticket) present.resize(ticket + 1);
            CHECK(!present[ticket]);
            present[ticket] = true;
        }
        std::size_t missing = 0;
        for (const auto ticket : told) missing += ticket >= present.size() || !present[ticket] ? 1 : 0;
        CHECK(missing == 0);
        const auto rows = f.log->usage(0, INT64_MAX / 2, UsageBy::model);
        REQUIRE(rows);
        std::int64_t requests = 0, cost = 0, output = 0;
        for (const auto& row : *rows) {
            requests += row.requests;
            cost += row.cost.nano_usd;
            output += row.output;
        }
        CHECK(requests == f.ask("SELECT count(*) FROM record"));
        CHECK(cost == f.ask("SELECT sum(cost_nano_usd) FROM record"));
        CHECK(output == f.ask("SELECT sum(output) FROM record"));
        f.log.reset();
    }
    // A slow machine is killed before anything was booked: what was left undone is done at the next start.
    f.open();
    const auto booked = [&] { return f.ask("SELECT done_to FROM rollup_state") > 0; };
    const auto closed = [&] { return f.ask("SELECT count(*) FROM segment") > 0; };
    for (int i = 0; i < 1200 && !(booked() && closed()); ++i)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    f.log.reset();
    CHECK(closed());
    CHECK(booked());
    CHECK((*open_sqlite_reader(f.settings.file))->execAndGet("PRAGMA integrity_check").getString() == "ok");
}

}  // namespace
}  // namespace lurus::test
