#include "modules/signin/totp.hpp"

#include <liboath/oath.h>
#include <openssl/rand.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "core/crypto/sha256.hpp"
#include "core/http/url.hpp"
#include "core/text/ascii.hpp"

namespace lurus::signin {
namespace {

constexpr std::size_t secret_size = 20;
constexpr unsigned code_digits = 6;
constexpr std::size_t allowed_drift = 1;  // steps

// oath_init may run once only, before anything else of the library.
void use_library() {
    static const int ready = oath_init();
    (void)ready;
}

std::time_t seconds(UnixMicros now) {
    return static_cast<std::time_t>(now / 1'000'000);
}

}  // namespace

Result<Secret> make_totp_secret() {
    std::string bytes(secret_size, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size())) != 1)
        return fail(ErrorCode::unavailable, "the operating system gave no random bytes for a second factor");
    return Secret(std::move(bytes));
}

Result<Secret> totp_secret_text(const Secret& secret) {
    use_library();
    char* text = nullptr;
    std::size_t size = 0;
    if (oath_base32_encode(secret.reveal().data(), secret.reveal().size(), &text, &size) != OATH_OK)
        return fail(ErrorCode::internal, "the second factor's secret cannot be written in base32");
    const std::unique_ptr<char, decltype(&std::free)> owner(text, &std::free);
    while (size > 0 && text[size - 1] == '=') --size;
    return Secret(std::string(text, size));
}

Result<Secret> totp_uri(const Secret& secret, std::string_view account) {
    const auto text = totp_secret_text(secret);
    if (!text) return text;
    return Secret("otpauth://totp/Lurus:" + percent_encode(account) + "?secret=" + std::string(text->reveal()) +
                  "&issuer=Lurus&algorithm=SHA1&digits=6&period=30");
}

std::optional<std::int64_t> totp_step(const Secret& secret, std::string_view code, UnixMicros now) {
    use_library();
    std::string digits(code);
    std::erase(digits, ' ');
    if (digits.size() != code_digits || !std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; }))
        return std::nullopt;
    std::uint64_t step = 0;
    int position = 0;
    const int found =
        oath_totp_validate3(secret.reveal().data(), secret.reveal().size(), seconds(now), totp_step_seconds,
                            OATH_TOTP_DEFAULT_START_TIME, allowed_drift, &position, &step, digits.c_str());
    if (found < 0) return std::nullopt;
    return static_cast<std::int64_t>(step);
}

Result<std::string> totp_code(const Secret& secret, UnixMicros now) {
    use_library();
    std::array<char, code_digits + 1> code{};
    if (oath_totp_generate(secret.reveal().data(), secret.reveal().size(), seconds(now), totp_step_seconds,
                           OATH_TOTP_DEFAULT_START_TIME, code_digits, code.data()) != OATH_OK) {
        return fail(ErrorCode::internal, "the second factor's code cannot be computed");
    }
    return std::string(code.data(), code_digits);
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
