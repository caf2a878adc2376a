#pragma once
// Signed tokens (JWS compact, RFC 7515) and their keys (JWK, RFC 7517 and 7518): RSA and the NIST curves.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lurus/result.hpp"
#include "lurus/secret.hpp"

struct evp_pkey_st;

namespace lurus::signin {

/// One key, public or with its private part. Immutable once made; shared between threads.
class Jwk {
public:
    /// A new P-256 pair.
    static Result<Jwk> generate(std::string_view kid);
    /// A key of a set that somebody published, or what private_json() wrote. `invalid_argument` names what is wrong.
    static Result<Jwk> parse(std::string_view json);

    [[nodiscard]] const std::string& kid() const { return kid_; }
    /// `use` and `alg` as the set said them; empty = it did not.
    [[nodiscard]] const std::string& use() const { return use_; }
    [[nodiscard]] const std::string& algorithm() const { return algorithm_; }
    [[nodiscard]] Result<Secret> private_json() const;
    /// With `kid`, `use` and `alg`, fit for a key set.
    [[nodiscard]] Result<std::string> public_json() const;
    /// OpenSSL's, never null.
    [[nodiscard]] evp_pkey_st* handle() const { return key_.get(); }
    /// `P-256`, `P-384` or `P-521`; empty for RSA.
    [[nodiscard]] const std::string& curve() const { return curve_; }
    [[nodiscard]] bool is_private() const { return private_; }

private:
    std::shared_ptr<evp_pkey_st> key_;
    std::string kid_, use_, algorithm_, curve_;
    bool private_ = false;
};

struct JwtHeader {
    std::string algorithm, kid, type;
};

/// What a token says of itself; nothing of it is proved. Refused: more than 16 KiB, `crit`, anything but three parts.
Result<JwtHeader> jwt_header(std::string_view token);

/// ES256 with the private `key`; `type` is the header's `typ`.
Result<std::string> jwt_sign(const Jwk& key, std::string_view type, std::string_view payload);

/// The payload, when the signature is right under `key` and the algorithm is one of `algorithms`. Else
/// `unauthenticated`.
Result<std::string> jwt_verify(std::string_view token, const Jwk& key, std::span<const std::string_view> algorithms);

/// What we sign with, and what a foreign signer may use. No HMAC, no `none`: a public key must not become a secret.
inline constexpr std::string_view own_algorithms[] = {"ES256"};
inline constexpr std::string_view foreign_algorithms[] = {"RS256", "RS384", "RS512", "PS256", "PS384",
                                                          "PS512", "ES256", "ES384", "ES512"};

}  // namespace lurus::signin
