#include "cli/update_program.hpp"

#include <doctest/doctest.h>

namespace lurus::cli {
namespace {

TEST_CASE("versions compare by their numbers, and a candidate comes before what it is one of") {
    const char* ascending[] = {"0.9", "0.9.1", "0.10.0-rc1", "0.10.0-rc2", "0.10.0", "1.0"};
    for (std::size_t i = 0; i < std::size(ascending); ++i) {
        for (std::size_t j = 0; j < std::size(ascending); ++j) {
            CAPTURE(ascending[i]);
            CAPTURE(ascending[j]);
            CHECK(compare_versions(ascending[i], ascending[j]) == (i < j ? -1 : i > j ? 1 : 0));
        }
    }
    CHECK(compare_versions("1", "1.0.0") == 0);
}

TEST_CASE("the former program keeps what its system runs it by") {
    CHECK(previous_of("/usr/local/bin/lurus") == "/usr/local/bin/lurus.previous");
    CHECK(previous_of("/srv/lurus.exe") == "/srv/lurus.previous.exe");
}

}  // namespace
}  // namespace lurus::cli
