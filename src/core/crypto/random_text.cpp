#include "core/crypto/random_text.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <string>

namespace lurus {

Result<Secret> make_key(std::string_view prefix) {
    std::string key(prefix);
    key.reserve(prefix.size() + random_characters);
    std::array<unsigned char, 64> random{};
    while (key.size() < prefix.size() + random_characters) {
        if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
            OPENSSL_cleanse(key.data(), key.size());
            return fail(ErrorCode::unavailable, "the operating system gave no random bytes for a key");
        }
        for (const auto byte : random) {
            // 248 is the greatest multiple of 62 in a byte: what lies above would make some characters likelier.
            if (byte >= 248 || key.size() == prefix.size() + random_characters) continue;
            key += base62[byte % 62];
        }
    }
    OPENSSL_cleanse(random.data(), random.size());
    return Secret(std::move(key));
}

}  // namespace lurus
