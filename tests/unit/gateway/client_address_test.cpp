#include "modules/gateway/session/client_address.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace lurus;
using namespace lurus::gateway;

namespace {

struct Setting {
    GatewaySettings settings;
    http1::Head head;

    Setting& trusts(std::string_view range) {
        settings.trusted_proxies.push_back(*IpRange::parse(range));
        return *this;
    }
    Setting& says(std::string_view value, std::string_view name = "X-Forwarded-For") {
        head.fields.push_back(http1::Field{name, value});
        return *this;
    }
    std::string from(std::string_view peer) {
        const auto found = client_address(IpAddress::parse(peer), head, settings);
        return found ? found->text() : "nobody";
    }
};

}  // namespace

TEST_CASE("client address: the socket's, unless it is a trusted proxy's") {
    CHECK(Setting().says("192.0.2.1").from("203.0.113.9") == "203.0.113.9");
    CHECK(Setting().trusts("10.0.0.0/8").says("192.0.2.1").from("203.0.113.9") == "203.0.113.9");
    CHECK(Setting().trusts("10.0.0.0/8").says("192.0.2.1").from("10.0.0.1") == "192.0.2.1");
    CHECK(Setting().trusts("10.0.0.0/8").from("10.0.0.1") == "10.0.0.1");
}

TEST_CASE("client address: the right-most that is not trusted, over several fields") {
    CHECK(Setting().trusts("10.0.0.0/8").says("198.51.100.1, 192.0.2.1").from("10.0.0.1") == "192.0.2.1");
    CHECK(Setting().trusts("10.0.0.0/8").says("192.0.2.1,10.2.2.2 , 10.3.3.3").from("10.0.0.1") == "192.0.2.1");
    CHECK(Setting().trusts("10.0.0.0/8").says("198.51.100.1").says("192.0.2.1", "x-forwarded-for").from("10.0.0.1") ==
          "192.0.2.1");
    CHECK(Setting().trusts("10.0.0.0/8").says("192.0.2.1").says("10.4.4.4").from("10.0.0.1") == "192.0.2.1");
    CHECK(Setting().trusts("10.0.0.0/8").says("10.9.9.9, 10.4.4.4").from("10.0.0.1") == "10.9.9.9");
    CHECK(Setting().trusts("::1").says("[2001:db8::7]:443").from("::1") == "2001:db8::7");
}

TEST_CASE("client address: what cannot be read ends the walk") {
    CHECK(Setting().trusts("10.0.0.0/8").says("192.0.2.1, unknown").from("10.0.0.1") == "10.0.0.1");
    CHECK(Setting().trusts("10.0.0.0/8").says("192.0.2.1, ,10.2.2.2").from("10.0.0.1") == "10.2.2.2");
    CHECK(Setting().trusts("10.0.0.0/8").says("").from("10.0.0.1") == "10.0.0.1");
}

TEST_CASE("client address: a Unix socket's peer is trusted where that is said") {
    Setting plain = Setting().says("192.0.2.1");
    CHECK(plain.from("") == "nobody");
    plain.settings.trust_unix = true;
    CHECK(plain.from("") == "192.0.2.1");
}
