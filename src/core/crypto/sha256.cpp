#include "core/crypto/sha256.hpp"

#include <openssl/evp.h>

#include <stdexcept>

#include "core/os/per_thread.hpp"

namespace lurus {
namespace {

// To look the algorithm up and to set a context up costs more than to hash a key: each thread does it once.
void* make_context() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    if (algorithm != nullptr && context != nullptr && EVP_DigestInit_ex2(context, algorithm, nullptr) == 1)
        return context;
    EVP_MD_CTX_free(context);
    throw std::runtime_error("the crypto library has no SHA-256");
}

}  // namespace

std::array<std::uint8_t, 32> sha256(std::string_view bytes) {
    static const platform::PerThread contexts(
        &make_context, [](void* context) { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context)); });
    auto* const context = static_cast<EVP_MD_CTX*>(contexts.get());
    std::array<std::uint8_t, 32> out{};
    if (EVP_DigestInit_ex2(context, nullptr, nullptr) != 1 ||
        EVP_DigestUpdate(context, bytes.data(), bytes.size()) != 1 ||
        EVP_DigestFinal_ex(context, out.data(), nullptr) != 1)
        throw std::runtime_error("SHA-256 failed");
    return out;
}

std::string sha256_hex(std::string_view bytes) {
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (auto b : sha256(bytes)) {
        out += digits[b >> 4];
        out += digits[b & 15];
    }
    return out;
}

}  // namespace lurus
