#include "modules/signin/jose.hpp"

#include <cjose/base64.h>
#include <cjose/cjose.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>

namespace lurus::signin {
namespace {

constexpr std::size_t max_token_bytes = 16 << 10;

using Key = std::shared_ptr<_cjose_jwk_int>;
using Jws = std::unique_ptr<cjose_jws_t, decltype(&cjose_jws_release)>;
using Header = std::unique_ptr<cjose_header_t, decltype(&cjose_header_release)>;

Key owned(cjose_jwk_t* key) {
    return Key(key, [](cjose_jwk_t* k) { cjose_jwk_release(k); });
}

std::string reason(const cjose_err& error) {
    return error.message == nullptr ? "unknown reason" : error.message;
}

std::unexpected<Error> refused(std::string_view why) {
    return fail(ErrorCode::unauthenticated, "the token " + std::string(why));
}

std::string text_or_empty(const nlohmann::json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::string claim_text(cjose_header_t* header, const char* name) {
    cjose_err error{};
    const char* value = cjose_header_get(header, name, &error);
    return value == nullptr ? std::string() : std::string(value);
}

// One text for one token: no bits left over, no characters that decoding would pass by.
bool is_canonical(std::string_view part) {
    cjose_err error{};
    std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    if (!cjose_base64url_decode(part.data(), part.size(), &bytes, &size, &error)) return false;
    const std::unique_ptr<std::uint8_t, decltype(&std::free)> decoded(bytes, &std::free);
    char* text = nullptr;
    std::size_t length = 0;
    if (!cjose_base64url_encode(decoded.get(), size, &text, &length, &error)) return false;
    const std::unique_ptr<char, decltype(&std::free)> encoded(text, &std::free);
    return part == std::string_view(text, length);
}

// Of an ECDSA signature (two numbers, RFC 7518 §3.4) in base64url; RSA's is as long as its key, which OpenSSL checks.
bool is_right_length(std::string_view algorithm, std::string_view signature) {
    if (algorithm == "ES256") return signature.size() == 86;
    if (algorithm == "ES384") return signature.size() == 128;
    return algorithm != "ES512" || signature.size() == 176;
}

Result<Jws> import(std::string_view token) {
    if (token.empty() || token.size() > max_token_bytes || std::ranges::count(token, '.') != 2)
        return refused("is not a signed one (three parts with dots between)");
    const auto first = token.find('.'), last = token.rfind('.');
    for (const auto part :
         {token.substr(0, first), token.substr(first + 1, last - first - 1), token.substr(last + 1)}) {
        if (part.empty() || !is_canonical(part)) return refused("cannot be read");
    }
    cjose_err error{};
    Jws jws(cjose_jws_import(token.data(), token.size(), &error), &cjose_jws_release);
    if (!jws) return refused("cannot be read");
    return jws;
}

Result<JwtHeader> header_of(cjose_jws_t* jws) {
    cjose_header_t* header = cjose_jws_get_protected(jws);
    cjose_err error{};
    // RFC 7515 §4.1.11: what we do not understand and must, we refuse; we understand no extension.
    char* critical = cjose_header_get_raw(header, "crit", &error);
    if (critical != nullptr) {
        std::free(critical);
        return refused("asks for an extension");
    }
    JwtHeader out;
    out.algorithm = claim_text(header, CJOSE_HDR_ALG);
    out.kid = claim_text(header, CJOSE_HDR_KID);
    out.type = claim_text(header, "typ");
    return out;
}

// An algorithm belongs to a kind of key and, for ECDSA, to one curve.
bool fits_token(std::string_view algorithm, const cjose_jwk_t* key) {
    cjose_err error{};
    switch (cjose_jwk_get_kty(key, &error)) {
        case CJOSE_JWK_KTY_RSA:
            return (algorithm.starts_with("RS") || algorithm.starts_with("PS")) &&
                   cjose_jwk_get_keysize(key, &error) >= 2048;
        case CJOSE_JWK_KTY_EC: {
            const auto curve = cjose_jwk_EC_get_curve(key, &error);
            return (algorithm == "ES256" && curve == CJOSE_JWK_EC_P_256) ||
                   (algorithm == "ES384" && curve == CJOSE_JWK_EC_P_384) ||
                   (algorithm == "ES512" && curve == CJOSE_JWK_EC_P_521);
        }
        default: return false;
    }
}

}  // namespace

Result<Jwk> Jwk::generate(std::string_view kid) {
    cjose_err error{};
    Jwk out;
    out.key_ = owned(cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &error));
    if (!out.key_ || !cjose_jwk_set_kid(out.key_.get(), kid.data(), kid.size(), &error))
        return fail(ErrorCode::internal, "making a signing key: " + reason(error));
    out.kid_ = kid;
    out.use_ = "sig";
    out.algorithm_ = "ES256";
    return out;
}

Result<Jwk> Jwk::parse(std::string_view json) {
    const auto object = nlohmann::json::parse(json, nullptr, false);
    if (!object.is_object()) return fail(ErrorCode::invalid_argument, "a key is not a JSON object");
    cjose_err error{};
    Jwk out;
    out.key_ = owned(cjose_jwk_import(json.data(), json.size(), &error));
    if (!out.key_) return fail(ErrorCode::invalid_argument, "a key cannot be read: " + reason(error));
    out.kid_ = text_or_empty(object, "kid");
    out.use_ = text_or_empty(object, "use");
    out.algorithm_ = text_or_empty(object, "alg");
    return out;
}

Result<Secret> Jwk::private_json() const {
    cjose_err error{};
    char* text = cjose_jwk_to_json(key_.get(), true, &error);
    if (text == nullptr) return fail(ErrorCode::internal, "writing a signing key: " + reason(error));
    Secret out{std::string(text)};
    OPENSSL_cleanse(text, std::strlen(text));
    std::free(text);
    return out;
}

Result<std::string> Jwk::public_json() const {
    cjose_err error{};
    const std::unique_ptr<char, decltype(&std::free)> text(cjose_jwk_to_json(key_.get(), false, &error), &std::free);
    if (!text) return fail(ErrorCode::internal, "writing a key: " + reason(error));
    auto object = nlohmann::ordered_json::parse(text.get(), nullptr, false);
    object["kid"] = kid_;
    object["use"] = "sig";
    object["alg"] = algorithm_.empty() ? std::string(own_algorithms[0]) : algorithm_;
    return object.dump();
}

Result<JwtHeader> jwt_header(std::string_view token) {
    auto jws = import(token);
    if (!jws) return std::unexpected(jws.error());
    return header_of(jws->get());
}

Result<std::string> jwt_sign(const Jwk& key, std::string_view type, std::string_view payload) {
    cjose_err error{};
    const Header header(cjose_header_new(&error), &cjose_header_release);
    const bool ready = header && cjose_header_set(header.get(), CJOSE_HDR_ALG, CJOSE_HDR_ALG_ES256, &error) &&
                       cjose_header_set(header.get(), CJOSE_HDR_KID, key.kid().c_str(), &error) &&
                       cjose_header_set(header.get(), "typ", std::string(type).c_str(), &error);
    if (!ready) return fail(ErrorCode::internal, "signing a token: " + reason(error));
    const Jws jws(cjose_jws_sign(key.handle(), header.get(), reinterpret_cast<const std::uint8_t*>(payload.data()),
                                 payload.size(), &error),
                  &cjose_jws_release);
    const char* text = nullptr;
    if (!jws || !cjose_jws_export(jws.get(), &text, &error))
        return fail(ErrorCode::internal, "signing a token: " + reason(error));
    return std::string(text);
}

Result<std::string> jwt_verify(std::string_view token, const Jwk& key, std::span<const std::string_view> algorithms) {
    auto jws = import(token);
    if (!jws) return std::unexpected(jws.error());
    const auto header = header_of(jws->get());
    if (!header) return std::unexpected(header.error());
    const std::string& algorithm = header->algorithm;
    if (std::ranges::find(algorithms, algorithm) == algorithms.end() ||
        !is_right_length(algorithm, token.substr(token.rfind('.') + 1)) || !fits_token(algorithm, key.handle()) ||
        (!key.algorithm().empty() && key.algorithm() != algorithm) || (!key.use().empty() && key.use() != "sig")) {
        return refused("is signed in a way that is not accepted here");
    }
    cjose_err error{};
    if (!cjose_jws_verify(jws->get(), key.handle(), &error)) return refused("has a wrong signature");
    std::uint8_t* bytes = nullptr;
    std::size_t size = 0;
    if (!cjose_jws_get_plaintext(jws->get(), &bytes, &size, &error)) return refused("cannot be read");
    return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace lurus::signin
