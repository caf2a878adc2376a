#include "core/os/service_account.hpp"

#include <doctest/doctest.h>

#include "core/os/sealed_text.hpp"

namespace lurus {
namespace {

// The one that every Windows has: `sc showsid TrustedInstaller`.
TEST_CASE("a service's own account has the identifier that Windows gives it") {
    const std::string known = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
    CHECK(platform::service_sid("TrustedInstaller") == known);
    CHECK(*platform::account_sid("NT SERVICE\\trustedinstaller") == known);
    CHECK(*platform::account_sid("LocalSystem") == "S-1-5-18");
}

TEST_CASE("a sealed secret does not stand in its file, and comes back") {
    const auto held = platform::seal_text("the secret\n");
    REQUIRE(held);
    CHECK(held->starts_with("dpapi:"));
    CHECK(held->find("the secret") == std::string::npos);
    CHECK(*platform::unseal_text(*held) == "the secret\n");
    CHECK(*platform::unseal_text("brought by a person\n") == "brought by a person\n");
    CHECK_FALSE(platform::unseal_text("dpapi:AAAA\n"));
}

}  // namespace
}  // namespace lurus
