#include "modules/signin/totp.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "core/crypto/sha256.hpp"
#include "core/http/url.hpp"
#include "core/text/ascii.hpp"

namespace lurus::signin {
namespace {

constexpr std::size_t secret_size = 20;
constexpr std::size_t code_digits = 6;
constexpr std::int64_t allowed_drift = 1;  // steps

// RFC 4226 §5.3, for the counter of RFC 6238 §4.2. Empty when OpenSSL has no HMAC.
std::optional<std::string> code_of(const Secret& secret, std::uint64_t step) {
    std::array<unsigned char, 8> counter{};
    for (std::size_t i = 0; i < counter.size(); ++i) counter[i] = static_cast<unsigned char>(step >> (56 - 8 * i));
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
    unsigned size = 0;
    if (HMAC(EVP_sha1(), secret.reveal().data(), static_cast<int>(secret.reveal().size()), counter.data(),
             counter.size(), mac.data(), &size) == nullptr)
        return std::nullopt;
    const std::size_t at = mac[size - 1] & 0x0fU;
    const std::uint32_t number =
        (mac[at] & 0x7fU) << 24 | std::uint32_t{mac[at + 1]} << 16 | std::uint32_t{mac[at + 2]} << 8 | mac[at + 3];
    std::string code = std::to_string(number % 1'000'000);
    code.insert(0, code_digits - code.size(), '0');
    return code;
}

std::int64_t step_at(UnixMicros now) {
    return now / 1'000'000 / totp_step_seconds;
}

}  // namespace

Result<Secret> make_totp_secret() {
    std::string bytes(secret_size, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1)
        return fail(ErrorCode::unavailable, "the operating system gave no random bytes for a second factor");
    return Secret(std::move(bytes));
}

Result<Secret> totp_secret_text(const Secret& secret) {
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";  // RFC 4648 §6
    std::string text;
    unsigned bits = 0, waiting = 0;
    for (const char c : secret.reveal()) {
        waiting = (waiting << 8 | static_cast<unsigned char>(c)) & 0xfffU;
        for (bits += 8; bits >= 5; bits -= 5) text += alphabet[waiting >> (bits - 5) & 31U];
    }
    if (bits > 0) text += alphabet[waiting << (5 - bits) & 31U];
    return Secret(std::move(text));
}

Result<Secret> totp_uri(const Secret& secret, std::string_view account) {
    const auto text = totp_secret_text(secret);
    if (!text) return text;
    return Secret("otpauth://totp/Lurus:" + percent_encode(account) + "?secret=" + std::string(text->reveal()) +
                  "&issuer=Lurus&algorithm=SHA1&digits=6&period=30");
}

std::optional<std::int64_t> totp_step(const Secret& secret, std::string_view code, UnixMicros now) {
    std::string digits(code);
    std::erase(digits, ' ');
    if (digits.size() != code_digits) return std::nullopt;
    for (std::int64_t step = step_at(now) - allowed_drift; step <= step_at(now) + allowed_drift; ++step) {
        const auto right = code_of(secret, static_cast<std::uint64_t>(step));
        if (right && CRYPTO_memcmp(right->data(), digits.data(), code_digits) == 0) return step;
    }
    return std::nullopt;
}

Result<std::string> totp_code(const Secret& secret, UnixMicros now) {
    auto code = code_of(secret, static_cast<std::uint64_t>(step_at(now)));
    if (!code) return fail(ErrorCode::internal, "the second factor's code cannot be computed");
    return *std::move(code);
}

Result<std::vector<Secret>> make_recovery_codes() {
    constexpr std::string_view alphabet = "abcdefghjkmnpqrstuvwxyz023456789";  // 32, none that look alike
    static_assert(alphabet.size() == 32);
    std::vector<Secret> codes;
    for (int i = 0; i < recovery_code_count; ++i) {
        std::array<unsigned char, 10> random{};
        if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1)
            return fail(ErrorCode::unavailable, "the operating system gave no random bytes for recovery codes");
        std::string code;
        for (const auto byte : random) {
            if (code.size() == 5) code += '-';
            code += alphabet[byte % alphabet.size()];
        }
        codes.emplace_back(std::move(code));
    }
    return codes;
}

std::array<std::uint8_t, 32> recovery_hash(std::string_view user, std::string_view code) {
    std::string plain = "recovery code\n" + std::string(user) + "\n";
    for (const char c : code) {
        if (c == '-' || c == ' ') continue;
        plain += lower(c);
    }
    return sha256(plain);
}

}  // namespace lurus::signin
