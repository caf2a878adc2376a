#include "modules/signin/totp.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace lurus;
using namespace lurus::signin;

namespace {

const Secret rfc_secret(std::string("12345678901234567890"));  // RFC 6238, appendix B

constexpr UnixMicros at(std::int64_t seconds) {
    return seconds * 1'000'000;
}

}  // namespace

TEST_CASE("the codes are those of RFC 6238, six digits of them") {
    CHECK(*totp_code(rfc_secret, at(59)) == "287082");
    CHECK(*totp_code(rfc_secret, at(1111111109)) == "081804");
    CHECK(*totp_code(rfc_secret, at(1111111111)) == "050471");
    CHECK(*totp_code(rfc_secret, at(1234567890)) == "005924");
    CHECK(*totp_code(rfc_secret, at(2000000000)) == "279037");
    CHECK(*totp_code(rfc_secret, at(20000000000)) == "353130");
}

TEST_CASE("a code is good one step early and late, no further, and names its own step") {
    const UnixMicros now = at(1234567890);
    const std::int64_t step = 1234567890 / 30;
    for (const int drift : {-1, 0, 1}) {
        const auto code = totp_code(rfc_secret, now + at(30 * drift));
        CHECK(totp_step(rfc_secret, *code, now) == step + drift);
    }
    for (const int drift : {-2, 2, 100})
        CHECK_FALSE(totp_step(rfc_secret, *totp_code(rfc_secret, now + at(30 * drift)), now));
    CHECK(totp_step(rfc_secret, "005 924", now) == step);
    for (const char* wrong : {"", "5924", "0059245", "00592a", "-05924", "005925"})
        CHECK_FALSE(totp_step(rfc_secret, wrong, now));
}

TEST_CASE("secrets are 160 random bits, and the URI is what authenticator apps read") {
    const auto first = make_totp_secret();
    const auto second = make_totp_secret();
    REQUIRE(first.has_value());
    CHECK(first->reveal().size() == 20);
    CHECK(first->reveal() != second->reveal());
    CHECK(totp_secret_text(rfc_secret)->reveal() == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    CHECK(totp_uri(rfc_secret, "a b@example.com")->reveal() ==
          "otpauth://totp/Lurus:a%20b%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Lurus&algorithm="
          "SHA1&digits=6&period=30");
}

TEST_CASE("recovery codes differ, and are read however they are typed") {
    const auto codes = make_recovery_codes();
    REQUIRE(codes.has_value());
    std::set<std::string> seen;
    for (const auto& code : *codes) {
        CHECK(code.reveal().size() == 11);
        CHECK(code.reveal()[5] == '-');
        CHECK(seen.insert(std::string(code.reveal())).second);
    }
    CHECK(seen.size() == 10);
    CHECK(recovery_hash("u", "abcde-fghjk") == recovery_hash("u", " ABCDE fghjk"));
    CHECK(recovery_hash("u", "abcde-fghjk") != recovery_hash("v", "abcde-fghjk"));
    CHECK(recovery_hash("u", "abcde-fghjk") != recovery_hash("u", "abcde-fghjm"));
}
