#include "core/os/sealed_text.hpp"
#include "core/os/windows_api.hpp"
// after windows.h
#include <dpapi.h>
#include <openssl/crypto.h>
#include <wincrypt.h>

namespace lurus::platform {
namespace {

constexpr std::string_view sealed_prefix = "dpapi:";
// So that what other programs seal for the machine is not taken for ours.
constexpr std::string_view seal_entropy = "lurus: a secret of the data folder";

DATA_BLOB blob_of(std::string_view bytes) {
    return {static_cast<DWORD>(bytes.size()), reinterpret_cast<BYTE*>(const_cast<char*>(bytes.data()))};
}

constexpr DWORD as_base64 = CRYPT_STRING_BASE64 | CRYPT_STRING_NOCRLF;

std::string base64_of(std::string_view bytes) {
    const auto* in = reinterpret_cast<const BYTE*>(bytes.data());
    DWORD size = 0;
    ::CryptBinaryToStringA(in, static_cast<DWORD>(bytes.size()), as_base64, nullptr, &size);
    std::string out(size, '\0');
    ::CryptBinaryToStringA(in, static_cast<DWORD>(bytes.size()), as_base64, out.data(), &size);
    out.resize(size);
    return out;
}

/// Empty when it is none.
std::string bytes_of_base64(std::string_view text) {
    DWORD size = static_cast<DWORD>(text.size());
    std::string out(size, '\0');
    if (::CryptStringToBinaryA(text.data(), static_cast<DWORD>(text.size()), CRYPT_STRING_BASE64,
                               reinterpret_cast<BYTE*>(out.data()), &size, nullptr, nullptr) == 0)
        return {};
    out.resize(size);
    return out;
}

std::string taken(const DATA_BLOB& blob) {
    std::string out(reinterpret_cast<const char*>(blob.pbData), blob.cbData);
    OPENSSL_cleanse(blob.pbData, blob.cbData);
    ::LocalFree(blob.pbData);
    return out;
}

}  // namespace

Result<std::string> seal_text(std::string_view plain) {
    DATA_BLOB in = blob_of(plain), entropy = blob_of(seal_entropy), out{};
    if (::CryptProtectData(&in, nullptr, &entropy, nullptr, nullptr,
                           CRYPTPROTECT_LOCAL_MACHINE | CRYPTPROTECT_UI_FORBIDDEN, &out) == 0)
        return fail(ErrorCode::unavailable, "Windows does not seal the secret: " + windows::last_error());
    return std::string(sealed_prefix) + base64_of(taken(out)) + "\n";
}

Result<std::string> unseal_text(std::string_view held) {
    if (!held.starts_with(sealed_prefix)) return std::string(held);
    held.remove_prefix(sealed_prefix.size());
    while (held.ends_with('\n') || held.ends_with('\r')) held.remove_suffix(1);
    const std::string bytes = bytes_of_base64(held);
    if (bytes.empty()) return fail(ErrorCode::corrupt, "what DPAPI sealed is damaged");
    DATA_BLOB in = blob_of(bytes), entropy = blob_of(seal_entropy), out{};
    if (::CryptUnprotectData(&in, nullptr, &entropy, nullptr, nullptr, CRYPTPROTECT_UI_FORBIDDEN, &out) == 0)
        return fail(ErrorCode::permission_denied,
                    "DPAPI does not open it: it was sealed on another machine, or is damaged (" +
                        windows::last_error() + "); `lurus restore` of a backup with its keys brings it here");
    return taken(out);
}

}  // namespace lurus::platform
