#include "core/text/human_number.hpp"

#include <doctest/doctest.h>

using namespace lurus;

TEST_CASE("numbers as people write them") {
    constexpr std::int64_t most = 1'000'000'000;
    for (const auto& [text, value] : {std::pair<const char*, std::int64_t>{"0", 0},
                                      {"60", 60},
                                      {"007", 7},
                                      {"1_000", 1000},
                                      {"1,000", 1000},
                                      {"1,000,000", 1'000'000},
                                      {"1_0_0", 100},
                                      {"100k", 100'000},
                                      {"100K", 100'000},
                                      {"100 k", 100'000},
                                      {"1.5M", 1'500'000},
                                      {"1.5m", 1'500'000},
                                      {"0.5k", 500},
                                      {"1.000k", 1000},
                                      {"1.250k", 1250},
                                      {"1G", most},
                                      {"1_000k", 1'000'000},
                                      {"1000000000", most}}) {
        CAPTURE(text);
        CHECK(human_number(text, most) == value);
    }
    for (const char* bad : {"",
                            " ",
                            "k",
                            "1.5",
                            "1.000",
                            "1,5",
                            "1,50",
                            "1000,000",
                            "1,00k",
                            "1,,000",
                            "_1",
                            "1_",
                            "1__0",
                            "1,000_000",
                            "1.5.5M",
                            "1.5555k",
                            ".5k",
                            "1.k",
                            "-1",
                            "+1",
                            "1e3",
                            "1kk",
                            "1 000",
                            "0x10",
                            "1.1G",
                            "1000000001",
                            "99999999999999999999",
                            "99999999999999999999999999999999999999999k",
                            "١"}) {
        CAPTURE(bad);
        CHECK_FALSE(human_number(bad, most));
    }
    CHECK(plain_decimal("1.50") == "1.50");
    CHECK(plain_decimal("1.2345k") == "1234.5");
    CHECK(plain_decimal("000.5") == "0.5");
}
