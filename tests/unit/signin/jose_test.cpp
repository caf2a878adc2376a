#include "modules/signin/jose.hpp"

#include <cjose/cjose.h>
#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

using namespace lurus;
using namespace lurus::signin;
using nlohmann::json;

namespace {

Jwk made(std::string_view kid) {
    auto key = Jwk::generate(kid);
    REQUIRE(key.has_value());
    return *std::move(key);
}

// RFC 7515, appendix A.3: a token and its public key made elsewhere.
constexpr std::string_view rfc_key =
    R"({"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";
constexpr std::string_view rfc_token =
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0"
    "cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";

std::string base64url(std::string_view text) {
    cjose_err error{};
    char* out = nullptr;
    std::size_t size = 0;
    REQUIRE(
        cjose_base64url_encode(reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), &out, &size, &error));
    std::string result(out, size);
    std::free(out);
    return result;
}

std::string signed_with_header(std::string_view header) {
    return base64url(header) + "." + base64url("{}") + "." + base64url(std::string(64, 'x'));
}

}  // namespace

TEST_CASE("a signed payload comes back under its own key and no other") {
    const Jwk key = made("k1"), other = made("k1");
    const auto token = jwt_sign(key, "at+jwt", R"({"sub":"alice"})");
    REQUIRE(token.has_value());
    const auto header = jwt_header(*token);
    REQUIRE(header.has_value());
    CHECK(header->algorithm == "ES256");
    CHECK(header->kid == "k1");
    CHECK(header->type == "at+jwt");
    CHECK(*jwt_verify(*token, key, own_algorithms) == R"({"sub":"alice"})");
    const auto wrong = jwt_verify(*token, other, own_algorithms);
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().code == ErrorCode::unauthenticated);
    CHECK(wrong.error().message.find(*token) == std::string::npos);
}

TEST_CASE("a key goes out and comes back; the public form signs nothing") {
    const Jwk key = made("k2");
    const auto secret = key.private_json();
    const auto open = key.public_json();
    REQUIRE(open.has_value());
    const auto shown = json::parse(*open);
    CHECK_FALSE(shown.contains("d"));
    CHECK(shown.at("kid") == "k2");
    CHECK(shown.at("alg") == "ES256");
    CHECK(shown.at("use") == "sig");
    const auto again = Jwk::parse(secret->reveal());
    REQUIRE(again.has_value());
    const auto token = jwt_sign(*again, "JWT", "{}");
    REQUIRE(token.has_value());
    const auto public_key = Jwk::parse(*open);
    REQUIRE(public_key.has_value());
    CHECK(jwt_verify(*token, *public_key, own_algorithms).has_value());
    CHECK_FALSE(jwt_sign(*public_key, "JWT", "{}").has_value());
}

TEST_CASE("a token of the RFC is verified, and each changed character is not") {
    const auto key = Jwk::parse(rfc_key);
    REQUIRE(key.has_value());
    CHECK(json::parse(*jwt_verify(rfc_token, *key, foreign_algorithms)).at("iss") == "joe");
    const std::string token(rfc_token);
    CHECK_FALSE(jwt_verify(token + "A", *key, foreign_algorithms).has_value());
    for (std::size_t i = token.size() - 1; i < token.size(); i -= 7) {
        std::string changed = token;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        CAPTURE(i);
        CHECK_FALSE(jwt_verify(changed, *key, foreign_algorithms).has_value());
    }
}

TEST_CASE("tokens that try to choose how they are checked are refused") {
    const auto key = Jwk::parse(rfc_key);
    REQUIRE(key.has_value());
    for (const std::string_view header :
         {R"({"alg":"none"})", R"({"alg":"HS256"})", R"({"alg":"ES384"})", R"({"alg":"RS256"})", R"({"alg":"es256"})",
          R"({"alg":"ES256","crit":["exp"],"exp":1})", R"({})", R"([])", R"({"alg":1})"}) {
        CAPTURE(header);
        CHECK_FALSE(jwt_verify(signed_with_header(header), *key, foreign_algorithms).has_value());
    }
    CHECK_FALSE(
        jwt_verify(std::string(rfc_token.substr(0, rfc_token.rfind('.') + 1)), *key, foreign_algorithms).has_value());
    for (const std::string& text : {std::string(), std::string("a.b"), std::string("a.b.c.d"), std::string(".."),
                                    std::string("a.b.c"), std::string(20'000, 'a') + ".b.c"}) {
        CHECK_FALSE(jwt_verify(text, *key, foreign_algorithms).has_value());
        CHECK_FALSE(jwt_header(text).has_value());
    }
    // A key that says what it is for is used for nothing else.
    auto object = json::parse(rfc_key);
    object["use"] = "enc";
    CHECK_FALSE(jwt_verify(rfc_token, *Jwk::parse(object.dump()), foreign_algorithms).has_value());
    object["use"] = "sig";
    object["alg"] = "ES512";
    CHECK_FALSE(jwt_verify(rfc_token, *Jwk::parse(object.dump()), foreign_algorithms).has_value());
}

TEST_CASE("what is no key is refused") {
    for (const std::string_view text :
         {"", "{}", "[]", R"({"kty":"EC"})", R"({"kty":"EC","crv":"P-256","x":"AA","y":"AA"})",
          R"({"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})"}) {
        CAPTURE(text);
        CHECK_FALSE(Jwk::parse(text).has_value());
    }
}
