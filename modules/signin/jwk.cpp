// Keys in JSON, as OpenSSL's.
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/text/base64.hpp"
#include "modules/signin/jose.hpp"

namespace lurus::signin {
namespace {

using Number = std::unique_ptr<BIGNUM, decltype(&BN_clear_free)>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, decltype(&OSSL_PARAM_BLD_free)>;
using Parameters = std::unique_ptr<OSSL_PARAM, decltype(&OSSL_PARAM_free)>;
using Making = std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)>;
using KeyPtr = std::shared_ptr<EVP_PKEY>;

constexpr std::size_t max_rsa_bytes = 16384 / 8;

struct Curve {
    std::string_view name;
    const char* group;
    std::size_t bytes;  // of a coordinate
};

constexpr Curve curves[] = {
    {"P-256", SN_X9_62_prime256v1, 32}, {"P-384", SN_secp384r1, 48}, {"P-521", SN_secp521r1, 66}};

const Curve* find_curve(std::string_view name) {
    for (const Curve& curve : curves) {
        if (curve.name == name) return &curve;
    }
    return nullptr;
}

std::string member_text(const nlohmann::json& object, const char* name) {
    const auto at = object.find(name);
    return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

std::optional<std::string> member_bytes(const nlohmann::json& object, const char* name) {
    auto bytes = from_base64url(member_text(object, name));
    if (bytes && bytes->empty()) return std::nullopt;
    return bytes;
}

Number number(std::string_view bytes) {
    return {BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr),
            &BN_clear_free};
}

// Empty when OpenSSL refuses it: a point that is not on its curve, for example.
KeyPtr made_of(const char* kind, OSSL_PARAM_BLD* builder, int selection) {
    const Parameters parameters(OSSL_PARAM_BLD_to_param(builder), &OSSL_PARAM_free);
    const Making making(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr), &EVP_PKEY_CTX_free);
    EVP_PKEY* key = nullptr;
    if (!parameters || !making || EVP_PKEY_fromdata_init(making.get()) != 1 ||
        EVP_PKEY_fromdata(making.get(), &key, selection, parameters.get()) != 1) {
        ERR_clear_error();
        return nullptr;
    }
    return KeyPtr(key, &EVP_PKEY_free);
}

KeyPtr rsa_key(const nlohmann::json& object) {
    const auto modulus = member_bytes(object, "n"), exponent = member_bytes(object, "e");
    if (!modulus || !exponent || modulus->size() > max_rsa_bytes || exponent->size() > 8) return nullptr;
    const Builder builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
    const Number n = number(*modulus), e = number(*exponent);
    if (!builder || !n || !e || OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return nullptr;
    return made_of("RSA", builder.get(), EVP_PKEY_PUBLIC_KEY);
}

KeyPtr curve_key(const nlohmann::json& object, const Curve& curve, std::string_view secret) {
    const auto x = member_bytes(object, "x"), y = member_bytes(object, "y");
    if (!x || !y || x->size() != curve.bytes || y->size() != curve.bytes) return nullptr;
    if (!secret.empty() && secret.size() != curve.bytes) return nullptr;
    const std::string point = '\4' + *x + *y;
    const Builder builder(OSSL_PARAM_BLD_new(), &OSSL_PARAM_BLD_free);
    const Number d = number(secret);
    if (!builder || !d ||
        OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, curve.group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1 ||
        (!secret.empty() && OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, d.get()) != 1))
        return nullptr;
    return made_of("EC", builder.get(), secret.empty() ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR);
}

std::string coordinate(const EVP_PKEY* key, const char* name, std::size_t size) {
    BIGNUM* value = nullptr;
    if (EVP_PKEY_get_bn_param(key, name, &value) != 1) return {};
    const Number owner(value, &BN_clear_free);
    std::string bytes(size, '\0');
    const int written =
        BN_bn2binpad(value, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
    std::string text = written < 0 ? std::string() : base64url(bytes);
    OPENSSL_cleanse(bytes.data(), bytes.size());
    return text;
}

std::unexpected<Error> unreadable(std::string_view why) {
    return fail(ErrorCode::invalid_argument, "a key cannot be read: " + std::string(why));
}

}  // namespace

Result<Jwk> Jwk::generate(std::string_view kid) {
    Jwk out;
    out.key_ = KeyPtr(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    if (!out.key_) return fail(ErrorCode::internal, "OpenSSL cannot make a signing key");
    out.kid_ = kid;
    out.use_ = "sig";
    out.algorithm_ = "ES256";
    out.curve_ = "P-256";
    out.private_ = true;
    return out;
}

Result<Jwk> Jwk::parse(std::string_view json) {
    const auto object = nlohmann::json::parse(json, nullptr, false);
    if (!object.is_object()) return fail(ErrorCode::invalid_argument, "a key is not a JSON object");
    Jwk out;
    out.kid_ = member_text(object, "kid");
    out.use_ = member_text(object, "use");
    out.algorithm_ = member_text(object, "alg");
    const std::string kind = member_text(object, "kty");
    if (kind == "RSA") {
        out.key_ = rsa_key(object);
        if (!out.key_) return unreadable("its modulus (n) and exponent (e) make no RSA key");
        return out;
    }
    if (kind != "EC") return unreadable("its kind (kty) is neither RSA nor EC");
    const Curve* curve = find_curve(member_text(object, "crv"));
    if (curve == nullptr) return unreadable("its curve (crv) is none of P-256, P-384 and P-521");
    out.curve_ = curve->name;
    out.private_ = object.contains("d");
    auto secret = out.private_ ? member_bytes(object, "d") : std::optional<std::string>(std::in_place);
    if (secret) {
        out.key_ = curve_key(object, *curve, *secret);
        OPENSSL_cleanse(secret->data(), secret->size());
    }
    if (!out.key_) return unreadable("x, y or d is no number of its curve");
    return out;
}

Result<Secret> Jwk::private_json() const {
    const Curve* curve = find_curve(curve_);
    if (curve == nullptr || !private_)
        return fail(ErrorCode::internal, "writing a signing key: it has no private part");
    std::string d = coordinate(key_.get(), OSSL_PKEY_PARAM_PRIV_KEY, curve->bytes);
    const std::string x = coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, curve->bytes),
                      y = coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, curve->bytes);
    if (d.empty() || x.empty() || y.empty())
        return fail(ErrorCode::internal, "writing a signing key: OpenSSL does not give its numbers");
    Secret out(R"({"kty":"EC","kid":)" + nlohmann::json(kid_).dump() + R"(,"crv":")" + curve_ + R"(","x":")" + x +
               R"(","y":")" + y + R"(","d":")" + d + R"("})");
    OPENSSL_cleanse(d.data(), d.size());
    return out;
}

Result<std::string> Jwk::public_json() const {
    const Curve* curve = find_curve(curve_);
    if (curve == nullptr) return fail(ErrorCode::internal, "writing a key: it is on no curve");
    nlohmann::ordered_json object{{"kty", "EC"},
                                  {"kid", kid_},
                                  {"crv", curve_},
                                  {"x", coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X, curve->bytes)},
                                  {"y", coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y, curve->bytes)},
                                  {"use", "sig"},
                                  {"alg", algorithm_.empty() ? std::string(own_algorithms[0]) : algorithm_}};
    return object.dump();
}

}  // namespace lurus::signin
