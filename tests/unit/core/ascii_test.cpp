#include "core/text/ascii.hpp"

#include <doctest/doctest.h>

#include <string>

using lurus::iequals;

TEST_CASE("case does not matter, everything else does, at each length and place") {
    const auto lower = [](int c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
    for (std::size_t size = 1; size <= 20; ++size) {
        for (std::size_t at = 0; at < size; ++at) {
            std::string a(size, 'x'), b(size, 'X');
            for (int c = 0; c < 256; ++c) {
                for (const int d : {c, c ^ 0x20, c ^ 0x80, c ^ 0xa0, c ^ 1, c + 1}) {
                    a[at] = static_cast<char>(c);
                    b[at] = static_cast<char>(d);
                    if (iequals(a, b) != (lower(c) == lower(d & 0xff))) {
                        CAPTURE(size);
                        CAPTURE(c);
                        CAPTURE(d);
                        CHECK(iequals(a, b) == (lower(c) == lower(d & 0xff)));
                    }
                }
            }
        }
    }
    CHECK(iequals("", ""));
    CHECK(!iequals("a", "ab"));
    CHECK(iequals("Content-Length", "content-LENGTH"));
}
