#include "core/text/base64.hpp"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("base64: the vectors of RFC 4648, section 10") {
    const char* expected[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    for (std::size_t i = 0; i < std::size(expected); ++i) {
        CHECK(lurus::base64(std::string("foobar").substr(0, i)) == expected[i]);
    }
    CHECK(lurus::base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("base64: many megabytes are one text") {
    const std::string bytes(10'000'000, '\0');
    const std::string text = lurus::base64(bytes);
    CHECK(text.size() == (bytes.size() + 2) / 3 * 4);
    CHECK(text.find_first_not_of('A') == text.size() - 2);
    CHECK(text.ends_with("AA=="));
}

TEST_CASE("bytes have one text in base64url, and every other is refused") {
    for (std::size_t size = 0; size < 7; ++size) {
        const std::string bytes("\xff\xfe\x00\x3e\x3f\xfb\xbf", size);
        const std::string text = base64url(bytes);
        CHECK(text.find_first_of("+/=") == std::string::npos);
        CHECK(from_base64url(text) == bytes);
    }
    CHECK(base64url("\xff\xfe\xfb") == "__77");
    for (const char* wrong : {"A", "AB==", "AB=", "AB", "A+BC", "A/BC", "AB C", "AAA\n", "AAAAA"})
        CHECK_FALSE(from_base64url(wrong).has_value());
}
