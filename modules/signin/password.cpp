#include "modules/signin/password.hpp"

#include <argon2.h>
#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>

#include "core/text/ascii.hpp"

namespace lurus::signin {
namespace {

constexpr std::size_t salt_size = 16;
constexpr std::size_t tag_size = 32;
constexpr std::size_t bcrypt_size = 60;
constexpr int max_bcrypt_cost = 14;  // a second; dearer imports would let anybody stall the control plane
constexpr std::uint32_t max_memory_kib = 1 << 18;

bool is_bcrypt(std::string_view hash) {
    return hash.starts_with("$2a$") || hash.starts_with("$2b$") || hash.starts_with("$2y$");
}

bool verify_bcrypt(const std::string& password, const std::string& stored) {
    // bcrypt ends at a NUL and at 72 bytes; a password with a NUL never had this hash.
    if (password.find('\0') != std::string::npos) return false;
    auto data = std::make_unique<crypt_data>();
    const char* made = crypt_r(password.c_str(), stored.c_str(), data.get());
    const bool same = made != nullptr && std::string_view(made).size() == stored.size() &&
                      CRYPTO_memcmp(made, stored.data(), stored.size()) == 0;
    OPENSSL_cleanse(data.get(), sizeof(crypt_data));
    return same;
}

std::string parameters_of(const Argon2Cost& cost) {
    return "$argon2id$v=19$m=" + std::to_string(cost.memory_kib) + ",t=" + std::to_string(cost.passes) +
           ",p=" + std::to_string(cost.lanes) + "$";
}

// The number after `name`, up to a comma or a dollar sign; 0 when there is none.
std::uint32_t parameter(std::string_view hash, std::string_view name) {
    const auto at = hash.find(name);
    std::uint32_t value = 0;
    if (at != std::string_view::npos) std::from_chars(hash.data() + at + name.size(), hash.data() + hash.size(), value);
    return value;
}

// The shape only; argon2id_verify refuses what is wrong inside. Bounds what a stored text may cost.
bool is_argon2id(std::string_view hash) {
    return hash.size() < 512 && hash.starts_with("$argon2id$v=19$m=") && parameter(hash, "$m=") <= max_memory_kib &&
           parameter(hash, ",t=") <= 16 && parameter(hash, ",p=") <= 16 && parameter(hash, ",t=") > 0;
}

std::size_t characters_of(std::string_view utf8) {
    return static_cast<std::size_t>(
        std::ranges::count_if(utf8, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

// What people type first. A password that is one of these, or one of these with digits and signs around it, is guessed
// within the first thousand tries.
constexpr std::string_view well_known[] = {
    "password",      "passwort",    "motdepasse", "contrasena", "changeme", "changeit",
    "letmein",       "welcome",     "iloveyou",   "qwerty",     "qwertz",   "azerty",
    "qwertyuiop",    "asdfghjkl",   "zxcvbnm",    "1q2w3e4r",   "1qaz2wsx", "dragon",
    "monkey",        "football",    "baseball",   "superman",   "batman",   "starwars",
    "princess",      "sunshine",    "master",     "shadow",     "trustno",  "whatever",
    "administrator", "admin",       "root",       "secret",     "default",  "correcthorsebatterystaple",
    "lurus",         "lurusswitch", "gateway",    "temporary",
};

std::string without_edges(std::string_view text) {
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto begin = std::ranges::find_if(text, is_letter);
    if (begin == text.end()) return {};
    auto end = text.end();
    while (!is_letter(*(end - 1))) --end;
    return std::string(begin, end);
}

bool is_well_known(std::string_view lowered) {
    const std::string core = without_edges(lowered);
    for (const auto word : well_known) {
        if (lowered == word || core == word) return true;
        // The same word again and again.
        bool repeats = !core.empty() && core.size() % word.size() == 0;
        for (std::size_t i = 0; repeats && i < core.size(); i += word.size())
            repeats = std::string_view(core).substr(i, word.size()) == word;
        if (repeats) return true;
    }
    return false;
}

// Every step from one character to the next is the same: `aaaa`, `12345`, `fedcba`; 9 to 0 counts as a step.
bool is_run(std::string_view text) {
    if (text.size() < 2) return true;
    const auto step = [&](std::size_t i) {
        if (text[i - 1] == '9' && text[i] == '0') return 1;
        if (text[i - 1] == '0' && text[i] == '9') return -1;
        return text[i] - text[i - 1];
    };
    const int first = step(1);
    if (first < -1 || first > 1) return false;
    for (std::size_t i = 2; i < text.size(); ++i) {
        if (step(i) != first) return false;
    }
    return true;
}

std::unexpected<Error> weak(std::string_view why) {
    return fail(ErrorCode::invalid_argument, "this password " + std::string(why));
}

}  // namespace

Result<std::string> PasswordHasher::hash(std::string_view password) const {
    std::array<unsigned char, salt_size> salt{};
    if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1)
        return fail(ErrorCode::unavailable, "the operating system gave no random bytes for a salt");
    std::string out(argon2_encodedlen(cost_.passes, cost_.memory_kib, cost_.lanes, salt_size, tag_size, Argon2_id),
                    '\0');
    const int code = argon2id_hash_encoded(cost_.passes, cost_.memory_kib, cost_.lanes, password.data(),
                                           password.size(), salt.data(), salt.size(), tag_size, out.data(), out.size());
    if (code == ARGON2_MEMORY_ALLOCATION_ERROR)
        return fail(ErrorCode::unavailable, "there is no memory to hash a password");
    if (code != ARGON2_OK)
        return fail(ErrorCode::internal, std::string("hashing a password: ") + argon2_error_message(code));
    out.resize(out.find('\0'));
    return out;
}

PasswordCheck PasswordHasher::verify(std::string_view password, std::string_view stored) const {
    if (password.size() > max_password_bytes) return PasswordCheck::wrong;
    const std::string hash(stored);
    if (is_bcrypt(hash)) {
        if (!check_imported_hash(hash)) return PasswordCheck::wrong;
        std::string text(password);
        const bool right = verify_bcrypt(text, hash);
        OPENSSL_cleanse(text.data(), text.size());
        return right ? PasswordCheck::outdated : PasswordCheck::wrong;
    }
    if (!is_argon2id(hash) || argon2id_verify(hash.c_str(), password.data(), password.size()) != ARGON2_OK)
        return PasswordCheck::wrong;
    return hash.starts_with(parameters_of(cost_)) ? PasswordCheck::right : PasswordCheck::outdated;
}

void PasswordHasher::pretend(std::string_view password) const {
    (void)hash(password.substr(0, max_password_bytes));
}

Result<void> check_imported_hash(std::string_view hash) {
    if (is_bcrypt(hash)) {
        int cost = 0;
        if (hash.size() == bcrypt_size && hash[6] == '$') std::from_chars(hash.data() + 4, hash.data() + 6, cost);
        if (cost >= 4 && cost <= max_bcrypt_cost) return {};
    } else if (is_argon2id(hash)) {
        return {};
    }
    return fail(ErrorCode::invalid_argument,
                "the password hash is neither bcrypt ($2a$, $2b$ or $2y$, cost 4 to 14) nor Argon2id in PHC form");
}

Result<void> check_strength(std::string_view password, std::string_view email, int min_length) {
    if (password.size() > max_password_bytes)
        return weak("is longer than " + std::to_string(max_password_bytes) + " bytes");
    if (characters_of(password) < static_cast<std::size_t>(min_length))
        return weak("is too short: use " + std::to_string(min_length) + " characters or more");
    const std::string lowered = lower_case(password);
    if (is_run(lowered) || is_well_known(lowered))
        return weak("is one of the first that are tried; use several unrelated words");
    const std::string local = lower_case(email.substr(0, email.find('@')));
    if (local.size() >= 4) {
        std::string rest = lowered;
        for (auto at = rest.find(local); at != std::string::npos; at = rest.find(local)) rest.erase(at, local.size());
        if (rest.size() != lowered.size() && characters_of(rest) * 3 < static_cast<std::size_t>(min_length) * 2)
            return weak("is mostly the account's own address");
    }
    return {};
}

}  // namespace lurus::signin
