#include "core/io/server_certificate.hpp"

#include <doctest/doctest.h>

using namespace lurus;

namespace {

constexpr UnixMicros one_hour = 3600LL * 1'000'000;
constexpr UnixMicros one_day = 24 * one_hour;

CertificateFacts facts(const char* from, const char* to) {
    return {"localhost", parse_time(from).value(), parse_time(to).value()};
}

}  // namespace

TEST_CASE("certificates: what dates say") {
    const CertificateFacts f = facts("2026-01-01T00:00:00Z", "2026-06-01T12:30:00Z");
    CHECK(date_problem(f, f.not_before - 1) == "is not valid before 2026-01-01 00:00 UTC");
    CHECK(date_problem(f, f.not_before).empty());
    CHECK(date_problem(f, f.not_after - 1).empty());
    CHECK(date_problem(f, f.not_after) == "expired on 2026-06-01 12:30 UTC");
    CHECK(expires_soon(f, f.not_after - 31 * one_day).empty());
    CHECK(expires_soon(f, f.not_after - 30 * one_day) == "expires on 2026-06-01 12:30 UTC, in 30 days");
    CHECK(expires_soon(f, f.not_after - one_day - one_hour) == "expires on 2026-06-01 12:30 UTC, in 1 day");
    CHECK(expires_soon(f, f.not_after - one_hour) == "expires on 2026-06-01 12:30 UTC, in less than a day");
    CHECK(expires_soon(f, f.not_after).empty());
}

TEST_CASE("certificates: a text that holds none") {
    CHECK(read_certificates("").error().message == "is empty");
    CHECK(read_certificates("hello").error().message == "holds no PEM text");
    CHECK(read_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").error().message ==
          "holds a certificate that is damaged or cut short");
    CHECK(read_certificates("-----BEGIN CERTIFICATE-----\nAAAA\n").error().message ==
          "holds a certificate that is damaged or cut short");
}

TEST_CASE("certificates: why a handshake failed, where OpenSSL does not say") {
    CHECK(handshake_failure("") == HandshakeFailure::closed);
    CHECK(handshake_failure_names[static_cast<std::size_t>(HandshakeFailure::other)] == "other");
}
