#pragma once
// Encryption at rest: AES-256-GCM under one master key.

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "lurus/result.hpp"
#include "lurus/secret.hpp"

namespace lurus {

/// Immutable, any thread. A blob is: version (1 byte), key fingerprint (4), nonce (12), ciphertext, tag (16).
class SecretBox {
public:
    /// `key`: 32 bytes as 64 hex digits or as base64 (either alphabet, padding optional).
    static Result<SecretBox> from_text(const Secret& key);
    /// Reads `master.key` in `data_dir`, making it at first use (its owner's only, random, sealed by the
    /// system where it does that). Two processes that start together
    /// end up with the same key. `permission_denied` when others may read the file.
    static Result<SecretBox> from_file(const std::filesystem::path& data_dir);

    /// `bound_to` names what the secret belongs to; the blob opens only with the same text.
    [[nodiscard]] Result<std::string> seal(std::string_view plain, std::string_view bound_to) const;
    /// `permission_denied`: sealed under another master key; `corrupt`: damaged, or bound to something else.
    [[nodiscard]] Result<Secret> open(std::string_view blob, std::string_view bound_to) const;

private:
    explicit SecretBox(std::string_view key);
    Secret key_;  // 32 bytes
    std::string fingerprint_;
};

}  // namespace lurus
