#include "core/crypto/secret_box.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "core/crypto/sha256.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"
#include "core/os/sealed_text.hpp"

namespace lurus {
namespace {

namespace fs = std::filesystem;

constexpr char version = 1;
constexpr std::size_t key_size = 32;
constexpr std::size_t fingerprint_size = 4;
constexpr std::size_t nonce_size = 12;
constexpr std::size_t tag_size = 16;
constexpr std::size_t header_size = 1 + fingerprint_size;

struct CipherFree {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, CipherFree>;

unsigned char* bytes_of(std::string& text) {
    return reinterpret_cast<unsigned char*>(text.data());
}

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

int value_of(char c, bool hex) {
    if (c >= '0' && c <= '9') return hex ? c - '0' : c - '0' + 52;
    if (hex) {
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    }
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/// Empty when a character is foreign; bits left over must be zero.
std::string decode(std::string_view text, bool hex) {
    const unsigned width = hex ? 4 : 6;
    std::string out;
    out.reserve(key_size + 1);
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : text) {
        const int value = value_of(c, hex);
        if (value < 0) return {};
        held = (held << width) | static_cast<unsigned>(value);
        bits += width;
        if (bits >= 8) {
            bits -= 8;
            out += static_cast<char>(held >> bits & 0xFF);
        }
        held &= (1U << bits) - 1;
    }
    return held == 0 ? out : std::string();
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const auto begin = text.find_first_not_of(space);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

bool feed(EVP_CIPHER_CTX* cipher, std::string_view bound_to, std::string_view in, unsigned char* out) {
    int written = 0;
    if (!bound_to.empty() &&
        EVP_CipherUpdate(cipher, nullptr, &written, bytes_of(bound_to), static_cast<int>(bound_to.size())) != 1) {
        return false;
    }
    return in.empty() || EVP_CipherUpdate(cipher, out, &written, bytes_of(in), static_cast<int>(in.size())) == 1;
}

Cipher make_cipher(const Secret& key, std::string_view nonce, int encrypt) {
    Cipher cipher(EVP_CIPHER_CTX_new());
    if (cipher && EVP_CipherInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key.reveal()), bytes_of(nonce),
                                    encrypt) != 1) {
        cipher.reset();
    }
    return cipher;
}

/// The whole file appears at once or not at all: a name is given to it only when it is complete.
Result<void> make_key_file(const fs::path& file) {
    auto text = random_hex(key_size);
    auto suffix = random_hex(6);
    if (!text) return std::unexpected(text.error());
    if (!suffix) return std::unexpected(suffix.error());
    *text += '\n';
    const auto held = platform::seal_text(*text);
    if (!held) return std::unexpected(held.error());
    fs::path temporary = file;
    temporary += ".new-" + *suffix;
    auto written = platform::write_new_private_file(temporary, *held);
    if (written) {
        std::error_code error;
        fs::create_hard_link(temporary, file, error);
        std::error_code ignored;
        fs::remove(temporary, ignored);
        if (error && error != std::errc::file_exists) {
            // A file system without hard links. The loser of a race sees `conflict`.
            written = platform::write_new_private_file(file, *held);
        }
    }
    OPENSSL_cleanse(text->data(), text->size());
    if (!written && written.error().code != ErrorCode::conflict) return written;
    platform::sync_dir(file.parent_path());
    return {};
}

}  // namespace

SecretBox::SecretBox(std::string_view key) : key_(std::string(key)) {
    const auto sum = sha256("lurus master key fingerprint:" + std::string(key_.reveal()));
    fingerprint_.assign(reinterpret_cast<const char*>(sum.data()), fingerprint_size);
}

Result<SecretBox> SecretBox::from_text(const Secret& key) {
    std::string_view text = trimmed(key.reveal());
    std::string raw;
    if (text.size() == 2 * key_size) {
        raw = decode(text, true);
    } else {
        while (text.ends_with('=')) text.remove_suffix(1);
        raw = decode(text, false);
    }
    if (raw.size() != key_size) {
        return fail(ErrorCode::invalid_argument,
                    "the master key is not 32 bytes written as 64 hex digits or as base64; make one with: "
                    "openssl rand -hex 32");
    }
    SecretBox box{std::string_view(raw)};
    OPENSSL_cleanse(raw.data(), raw.size());
    return box;
}

Result<SecretBox> SecretBox::from_file(const fs::path& data_dir) {
    const fs::path file = data_dir / "master.key";
    std::error_code error;
    if (!fs::exists(file, error)) {
        if (auto made = make_key_file(file); !made) return std::unexpected(made.error());
    }
    if (platform::readable_by_others(file)) {
        return fail(ErrorCode::permission_denied,
                    file.string() + " can be read by others; run: " + platform::private_hint(file));
    }
    const auto held = read_file(file, 4096);
    if (!held) return std::unexpected(held.error());
    auto text = platform::unseal_text(*held);
    if (!text) return fail(text.error().code, file.string() + ": " + text.error().message);
    auto box = from_text(Secret(std::move(*text)));
    if (!box) {
        return fail(ErrorCode::corrupt,
                    file.string() +
                        " does not hold a master key (32 bytes as 64 hex digits or as base64): put back the "
                        "one from your backup, only that opens what is stored");
    }
    return box;
}

Result<std::string> SecretBox::seal(std::string_view plain, std::string_view bound_to) const {
    std::string blob(header_size + nonce_size + plain.size() + tag_size, '\0');
    blob[0] = version;
    fingerprint_.copy(blob.data() + 1, fingerprint_size);
    if (RAND_bytes(bytes_of(blob) + header_size, nonce_size) != 1) {
        return fail(ErrorCode::internal, "the operating system gives no random bytes");
    }
    const Cipher cipher = make_cipher(key_, std::string_view(blob).substr(header_size, nonce_size), 1);
    unsigned char* out = bytes_of(blob) + header_size + nonce_size;
    int written = 0;
    if (!cipher || !feed(cipher.get(), bound_to, plain, out) || EVP_CipherFinal_ex(cipher.get(), out, &written) != 1 ||
        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, tag_size, out + plain.size()) != 1) {
        return fail(ErrorCode::internal, "encryption failed");
    }
    return blob;
}

Result<Secret> SecretBox::open(std::string_view blob, std::string_view bound_to) const {
    if (blob.size() < header_size + nonce_size + tag_size)
        return fail(ErrorCode::corrupt, "the stored secret is cut short");
    if (blob[0] != version)
        return fail(ErrorCode::corrupt, "the stored secret has a form that this version does not know");
    if (blob.substr(1, fingerprint_size) != fingerprint_) {
        return fail(ErrorCode::permission_denied,
                    "the stored secret was encrypted under another master key (LURUS_MASTER_KEY or the data folder's "
                    "master.key)");
    }
    const std::string_view nonce = blob.substr(header_size, nonce_size);
    const std::string_view body =
        blob.substr(header_size + nonce_size, blob.size() - header_size - nonce_size - tag_size);
    std::string tag(blob.substr(blob.size() - tag_size));
    std::string plain(body.size(), '\0');
    const Cipher cipher = make_cipher(key_, nonce, 0);
    int written = 0;
    unsigned char end[tag_size];
    const bool opened = cipher && feed(cipher.get(), bound_to, body, bytes_of(plain)) &&
                        EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, tag_size, tag.data()) == 1 &&
                        EVP_CipherFinal_ex(cipher.get(), end, &written) == 1;
    if (!opened) {
        OPENSSL_cleanse(plain.data(), plain.size());
        return fail(ErrorCode::corrupt, "the stored secret was damaged or belongs to something else");
    }
    return Secret(std::move(plain));
}

}  // namespace lurus
