#include "modules/gateway/server/refused_records.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace lurus;
using namespace lurus::gateway;

namespace {
constexpr std::int64_t minute = 60'000'000;
}

TEST_CASE("refused records: so many a minute for each address, and the next says how many were left out") {
    RefusedRecords records;
    const auto one = IpAddress::parse("192.0.2.1"), other = IpAddress::parse("192.0.2.2");
    for (int i = 0; i < 3; ++i) CHECK(records.ask(one, 1 + i, 3).kept);
    for (int i = 0; i < 5; ++i) CHECK_FALSE(records.ask(one, 10, 3).kept);
    CHECK(records.ask(other, 11, 3).kept);
    CHECK(records.ask(std::nullopt, 12, 3).kept);
    const auto next = records.ask(one, 1 + minute, 3);
    CHECK(next.kept);
    CHECK(next.unkept == 5);
    CHECK(records.ask(one, 2 + minute, 3).unkept == 0);
    CHECK_FALSE(records.ask(one, 3 + minute, 0).kept);
}

TEST_CASE("refused records: a /64 of IPv6 is one address, and many addresses together are bounded") {
    RefusedRecords records;
    CHECK(records.ask(IpAddress::parse("2001:db8::1"), 1, 1).kept);
    CHECK_FALSE(records.ask(IpAddress::parse("2001:db8::ffff:1"), 2, 1).kept);
    CHECK(records.ask(IpAddress::parse("2001:db8:0:1::1"), 3, 1).kept);
    int kept = 0;
    for (int i = 0; i < 10'000; ++i) {
        const std::string address = "10.1." + std::to_string(i / 250) + "." + std::to_string(i % 250);
        kept += records.ask(IpAddress::parse(address), 10 + i, 1).kept ? 1 : 0;
    }
    CHECK(kept == 48);
    CHECK(records.ask(IpAddress::parse("10.2.0.1"), 1 + 2 * minute, 1).kept);
}
