#include "core/crypto/passphrase_box.hpp"

#include <argon2.h>
#include <openssl/crypto.h>

#include <array>

namespace lurus {

Result<SecretBox> passphrase_box(const Secret& passphrase, std::string_view salt) {
    constexpr unsigned passes = 3, memory_kib = 64 << 10, lanes = 1;
    const std::string_view text = passphrase.reveal();
    if (text.size() < least_passphrase) {
        return fail(ErrorCode::invalid_argument, "the pass phrase is too short: it has to have " +
                                                     std::to_string(least_passphrase) + " characters or more");
    }
    std::array<unsigned char, 32> key{};
    const int code = argon2id_hash_raw(passes, memory_kib, lanes, text.data(), text.size(), salt.data(), salt.size(),
                                       key.data(), key.size());
    if (code == ARGON2_MEMORY_ALLOCATION_ERROR)
        return fail(ErrorCode::unavailable, "there is no memory for the pass phrase: 64 MiB are needed");
    if (code != ARGON2_OK)
        return fail(ErrorCode::internal, std::string("the pass phrase: ") + argon2_error_message(code));
    std::string hex;
    hex.reserve(2 * key.size());
    for (const unsigned char byte : key) {
        hex += "0123456789abcdef"[byte >> 4];
        hex += "0123456789abcdef"[byte & 15];
    }
    OPENSSL_cleanse(key.data(), key.size());
    return SecretBox::from_text(Secret(std::move(hex)));
}

Result<std::string> key_id_of(const SecretBox& box) {
    constexpr std::size_t begin = 1, size = 4;  // of the fingerprint in whatever it seals
    const auto blob = box.seal("", "");
    if (!blob) return std::unexpected(blob.error());
    std::string hex;
    for (const char c : std::string_view(*blob).substr(begin, size)) {
        hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
        hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    }
    return hex;
}

}  // namespace lurus
