#include "modules/signin/jose.hpp"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "core/text/base64.hpp"

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

TEST_CASE("tokens that another library signed, with RSA and on another curve") {
    // Made by Node's crypto.
    const auto rsa = Jwk::parse(
        "{\"kty\":\"RSA\",\"n\":\"xwJ7VhCLIM-TOxBV1JM4pwF6DnVj7wMtnEKJUFXC3NcsEYhJYpoX55iVIbSbmxeUPSZcdy51BVCOBAiKaL"
        "JOHTJvOX0qoBfGtyk9UPmLkMVcTmhRFKaA7Tqie6G6A42Y2TCtSMOCOqls7F6wyg4RqJpwUB2pbz7x6IzZ3VRJPGegoyOtW150z0"
        "CH2Z6fAOwjYWpRrt1tZ7m4pS4GScjm1zJV00L1a36s2LTjaY8u-hVQ2eK-LJXau89lmDNXI-y_Y-8pUYEE8lsVAX2NSvONED2pg0"
        "N-lVCMdfG1hsM0MGhNZG-NOtD8SSQCWTuWnC4o7YxJjdIPS0JB55-KlYUMTw\",\"e\":\"AQAB\"}");
    const auto curve = Jwk::parse(
        "{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"AFoWfii8IyehU5wTYoWRLmP-Z7mBrXQ-UwNiO_"
        "S4MNeDJ7suff7Sdhn4z3pF2pICepM0Y"
        "JyWWp42n19ozLn0bM3D\",\"y\":\"AB-go3XbngJmaqQVC-jgFH7UXUeBoE-xvxs8HvKcTK_4HEzSSFa1rm39ATYfjAChQDud8k3DK1"
        "w3sUu-OT7ewzS5\"}");
    const std::string rs256(
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJSUzI1NiJ9.Nm3y1XvBAuqp7vNFwKXzR2A0BeefbRWJ2pJo9zgaSMvWjbnrdaqtLAJD8W"
        "gvWTQXMjhfVCUjXmKp7_gBIDW-4StP5Z-vmxcMveN0aSbP0q18SM3W6PgppycjZOUEzrDtX_31hujbZ1hn0EC9GqHo8oV5Yyquw2"
        "odxR8OdjUXlxBe-DnL3JtgGcSNLjRT7yNaP65d7XNeACUhQ8fdQkFAFIFmjwKunzKxf6GmL-Y5S5x6RAnijrjZOchhE9Tk-Ticwl"
        "AuBPMgLssxcccFKW6GnK_AjHwHt0U4TRcs21lPk7mAfTq_akz8jHdEeCoY6nK3qM-NHIADUjBssTd4GCAlQg"),
        ps384(
            "eyJhbGciOiJQUzM4NCJ9.eyJzdWIiOiJQUzM4NCJ9.kmKr-FEXK0EbeXqNBInzlJJ01xhm0HPkC-ERHvYV9CUvLKs50BIldgY4pg"
            "iFC8fiDrE8qudtg__mztsmlOY6OllM284nKcHwAS1-fjjCP6Iw-s-T-8HagMZOwqwfgkLkE250efHhTokPwDjjA4rM7wouhBjuR6"
            "NZb95d4LYZAJbrsMZX7TZH7MztrrnqeNUC72RxE9D5S3P871LMKkkexVtoHKKBqYxVapHg8PouODZf7ZjVNk3-27ZyMjndP0wwnQ"
            "sffOJab3g9okguSEZrypWTYkOmZ890KKMlbQOz8H7qY-jWceAoYqjLlrMTwB5GksLJDKXZ8Zk8ayKd3dPf0Q"),
        es512(
            "eyJhbGciOiJFUzUxMiJ9.eyJzdWIiOiJFUzUxMiJ9.AF0j5P8fbFQVBFYMljbiiWd-LzmV-3Bkx8HcqEI9mG8S4iyVwHXR4ei3xX"
            "AEu5o8fI4Iyf4cyHfvGCFMV0qoMGBrAOybfak5OqAD0LBBtBChaT3zQQH-AsWBBR5Pxw--wkJTBZxyeWweDtHcgceEImPmSHhW7Y"
            "PYiKTMfG8UImfnK8T1");
    REQUIRE(rsa.has_value());
    REQUIRE(curve.has_value());
    CHECK(*jwt_verify(rs256, *rsa, foreign_algorithms) == R"({"sub":"RS256"})");
    CHECK(*jwt_verify(ps384, *rsa, foreign_algorithms) == R"({"sub":"PS384"})");
    CHECK(*jwt_verify(es512, *curve, foreign_algorithms) == R"({"sub":"ES512"})");
    CHECK_FALSE(jwt_verify(rs256, *curve, foreign_algorithms).has_value());
    CHECK_FALSE(jwt_verify(es512, *rsa, foreign_algorithms).has_value());
    CHECK_FALSE(jwt_verify(rs256, *rsa, own_algorithms).has_value());
    for (const auto& [token, key] : {std::pair{rs256, *rsa}, {ps384, *rsa}, {es512, *curve}}) {
        std::string changed = token;
        char& one = changed[changed.rfind('.') + 40];
        one = one == 'A' ? 'B' : 'A';
        CHECK_FALSE(jwt_verify(changed, key, foreign_algorithms).has_value());
    }
    // A point that is on no curve.
    auto object = json::parse(R"({"kty":"EC","crv":"P-256"})");
    object["x"] = object["y"] = base64url(std::string(32, '\1'));
    CHECK_FALSE(Jwk::parse(object.dump()).has_value());
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
