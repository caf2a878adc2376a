#include <sys/resource.h>

#include <csignal>

#include "tests/unit/log/fixture.hpp"

namespace lurus::test {

TEST_CASE("a full disk: records wait in memory and are written when there is room") {
    // The file may not grow for this process: what SQLite sees is what it sees on a full disk.
    LogFixture f;
    f.settings.commit_patience_ms = 100;
    f.open();
    Samples samples(34);
    std::vector<RequestRecord> all;
    f.append(samples, 100, all);
    struct rlimit unlimited{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &unlimited) == 0);
    const auto ignored = std::signal(SIGXFSZ, SIG_IGN);
    struct rlimit limited = unlimited;
    limited.rlim_cur = 300'000;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limited) == 0);
    CountingSink sink;
    for (std::uint64_t i = 0; i < 2000; ++i) f.log->append(samples.record(), i, &sink);
    const bool told = sink.wait_for(2000);
    const LogStatus full = f.log->status();
    REQUIRE(setrlimit(RLIMIT_FSIZE, &unlimited) == 0);
    REQUIRE(told);
    CHECK(full.released_unsafe > 0);
    CHECK(!full.healthy);
    CHECK(!full.problem.empty());
    REQUIRE(becomes_healthy(*f.log));
    std::signal(SIGXFSZ, ignored);
    CHECK(f.ask("SELECT count(*) FROM record") == 2100);
    CHECK(f.ask("SELECT count(DISTINCT id) FROM record") == 2100);
    LogFilter filter;
    filter.limit = 1000;
    CHECK(f.log->query(filter)->size() == 1000);
}

}  // namespace lurus::test
