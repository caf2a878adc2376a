#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <cstdio>

#include "tests/golden/replay.hpp"

int main(int argc, char** argv) {
    doctest::Context context(argc, argv);
    const int result = context.run();
    const golden::Tally& t = golden::tally();
    std::printf("golden: %d answers, %d requests, %d recordings checked; %d skipped%s\n", t.answers, t.requests,
                t.recordings, t.skipped, t.skipped_why.c_str());
    return result;
}
