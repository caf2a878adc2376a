#include "modules/signin/jose.hpp"

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/text/base64.hpp"

namespace lurus::signin {
namespace {

constexpr std::size_t max_token_bytes = 16 << 10;
constexpr int min_rsa_bits = 2048;

using Digesting = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;
using Pair = std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)>;

std::unexpected<Error> refused(std::string_view why) {
    return fail(ErrorCode::unauthenticated, "the token " + std::string(why));
}

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string claim_text(const nlohmann::json& header, const char* name) {
    const auto at = header.find(name);
    return at != header.end() && at->is_string() ? at->get<std::string>() : std::string();
}

// RFC 7518 §3.1. The kind of key is part of an algorithm and, for ECDSA, one curve.
struct Algorithm {
    std::string_view name;
    const EVP_MD* (*hash)();
    std::string_view curve;  // empty: RSA
    std::size_t half = 0;    // of an ECDSA signature, which is two numbers
    bool pss = false;
};

constexpr Algorithm algorithms_known[] = {
    {.name = "RS256", .hash = EVP_sha256, .curve = ""},
    {.name = "RS384", .hash = EVP_sha384, .curve = ""},
    {.name = "RS512", .hash = EVP_sha512, .curve = ""},
    {.name = "PS256", .hash = EVP_sha256, .curve = "", .pss = true},
    {.name = "PS384", .hash = EVP_sha384, .curve = "", .pss = true},
    {.name = "PS512", .hash = EVP_sha512, .curve = "", .pss = true},
    {.name = "ES256", .hash = EVP_sha256, .curve = "P-256", .half = 32},
    {.name = "ES384", .hash = EVP_sha384, .curve = "P-384", .half = 48},
    {.name = "ES512", .hash = EVP_sha512, .curve = "P-521", .half = 66},
};

const Algorithm* find_algorithm(std::string_view name) {
    for (const Algorithm& algorithm : algorithms_known) {
        if (algorithm.name == name) return &algorithm;
    }
    return nullptr;
}

bool fits_token(const Algorithm& algorithm, const Jwk& key) {
    return key.curve() == algorithm.curve &&
           (!algorithm.curve.empty() || EVP_PKEY_get_bits(key.handle()) >= min_rsa_bits);
}

// The three parts, of which each has one text only.
struct Parts {
    std::string_view signed_text;
    nlohmann::json header;
    std::string payload, signature;
};

Result<Parts> divide(std::string_view token) {
    if (token.empty() || token.size() > max_token_bytes || std::ranges::count(token, '.') != 2)
        return refused("is not a signed one (three parts with dots between)");
    const auto first = token.find('.'), last = token.rfind('.');
    auto header = from_base64url(token.substr(0, first));
    auto payload = from_base64url(token.substr(first + 1, last - first - 1));
    auto signature = from_base64url(token.substr(last + 1));
    if (!header || !payload || !signature || payload->empty() || signature->empty()) return refused("cannot be read");
    Parts parts{token.substr(0, last), nlohmann::json::parse(*header, nullptr, false), *std::move(payload),
                *std::move(signature)};
    if (!parts.header.is_object()) return refused("cannot be read");
    return parts;
}

Result<JwtHeader> header_of(const nlohmann::json& header) {
    // RFC 7515 §4.1.11: what we do not understand and must, we refuse; we understand no extension.
    if (header.contains("crit")) return refused("asks for an extension");
    JwtHeader out;
    out.algorithm = claim_text(header, "alg");
    out.kid = claim_text(header, "kid");
    out.type = claim_text(header, "typ");
    return out;
}

// OpenSSL's form of an ECDSA signature, DER, from the two numbers (RFC 7518 §3.4). Empty when there is no memory.
std::string der_of(std::string_view halves) {
    const Pair pair(ECDSA_SIG_new(), &ECDSA_SIG_free);
    const auto half = halves.size() / 2;
    BIGNUM* r = BN_bin2bn(bytes_of(halves), static_cast<int>(half), nullptr);
    BIGNUM* s = BN_bin2bn(bytes_of(halves.substr(half)), static_cast<int>(half), nullptr);
    if (!pair || r == nullptr || s == nullptr || ECDSA_SIG_set0(pair.get(), r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return {};
    }
    unsigned char* out = nullptr;
    const int size = i2d_ECDSA_SIG(pair.get(), &out);
    std::string der(reinterpret_cast<const char*>(out), size > 0 ? static_cast<std::size_t>(size) : 0);
    OPENSSL_free(out);
    return der;
}

std::optional<std::string> halves_of(std::string_view der, std::size_t half) {
    const unsigned char* at = bytes_of(der);
    const Pair pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())), &ECDSA_SIG_free);
    std::string out(2 * half, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    if (!pair || BN_bn2binpad(ECDSA_SIG_get0_r(pair.get()), to, static_cast<int>(half)) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(pair.get()), to + half, static_cast<int>(half)) < 0)
        return std::nullopt;
    return out;
}

bool is_signed(const Parts& parts, const Algorithm& algorithm, const Jwk& key) {
    std::string signature = parts.signature;
    if (algorithm.half != 0) {
        if (signature.size() != 2 * algorithm.half) return false;
        signature = der_of(signature);
    }
    const Digesting digesting(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    EVP_PKEY_CTX* padding = nullptr;
    if (!digesting || EVP_DigestVerifyInit(digesting.get(), &padding, algorithm.hash(), nullptr, key.handle()) != 1)
        return false;
    if (algorithm.pss && (EVP_PKEY_CTX_set_rsa_padding(padding, RSA_PKCS1_PSS_PADDING) != 1 ||
                          EVP_PKEY_CTX_set_rsa_pss_saltlen(padding, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    const bool right = EVP_DigestVerify(digesting.get(), bytes_of(signature), signature.size(),
                                        bytes_of(parts.signed_text), parts.signed_text.size()) == 1;
    ERR_clear_error();  // of a wrong one, which this thread's next TLS connection would take for its own
    return right;
}

}  // namespace

Result<JwtHeader> jwt_header(std::string_view token) {
    const auto parts = divide(token);
    if (!parts) return std::unexpected(parts.error());
    return header_of(parts->header);
}

Result<std::string> jwt_sign(const Jwk& key, std::string_view type, std::string_view payload) {
    const Algorithm& algorithm = *find_algorithm(own_algorithms[0]);
    if (!key.is_private() || !fits_token(algorithm, key))
        return fail(ErrorCode::internal, "signing a token: the key is no private one on P-256");
    const nlohmann::ordered_json header{{"alg", algorithm.name}, {"kid", key.kid()}, {"typ", type}};
    std::string token = base64url(header.dump()) + "." + base64url(payload);
    const Digesting digesting(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    std::array<unsigned char, 160> der{};
    std::size_t size = der.size();
    if (!digesting || EVP_DigestSignInit(digesting.get(), nullptr, algorithm.hash(), nullptr, key.handle()) != 1 ||
        EVP_DigestSign(digesting.get(), der.data(), &size, bytes_of(token), token.size()) != 1)
        return fail(ErrorCode::internal, "signing a token: OpenSSL refuses");
    const auto halves = halves_of({reinterpret_cast<const char*>(der.data()), size}, algorithm.half);
    if (!halves) return fail(ErrorCode::internal, "signing a token: OpenSSL's signature cannot be read");
    return token + "." + base64url(*halves);
}

Result<std::string> jwt_verify(std::string_view token, const Jwk& key, std::span<const std::string_view> algorithms) {
    auto parts = divide(token);
    if (!parts) return std::unexpected(parts.error());
    const auto header = header_of(parts->header);
    if (!header) return std::unexpected(header.error());
    const Algorithm* algorithm = find_algorithm(header->algorithm);
    if (algorithm == nullptr || std::ranges::find(algorithms, algorithm->name) == algorithms.end() ||
        !fits_token(*algorithm, key) || (!key.algorithm().empty() && key.algorithm() != algorithm->name) ||
        (!key.use().empty() && key.use() != "sig"))
        return refused("is signed in a way that is not accepted here");
    if (!is_signed(*parts, *algorithm, key)) return refused("has a wrong signature");
    return std::move(parts->payload);
}

}  // namespace lurus::signin
