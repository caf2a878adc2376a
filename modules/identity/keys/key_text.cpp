#include "modules/identity/keys/key_text.hpp"

#include <algorithm>
#include <array>

#include "core/crypto/sha256.hpp"
#include "core/json/json_scan.hpp"

namespace lurus::identity {
namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool looks_like_id(std::string_view name) {
    return name.size() == 32 &&
           std::ranges::all_of(name, [](char c) { return std::string_view("0123456789abcdef").contains(c); });
}

}  // namespace

std::string hint_of(std::string_view key, std::string_view prefix) {
    std::string hint(key.starts_with(prefix) ? prefix : std::string_view{});
    return hint + "…" + std::string(key.substr(key.size() - std::min<std::size_t>(4, key.size())));
}

Sha256 hash_of(std::string_view key) {
    return sha256(key);
}

Result<void> check_name(std::string_view name) {
    if (name.empty() || name.size() > 64) return fail(ErrorCode::invalid_argument, "a key's name has 1 to 64 bytes");
    if (!lurus::json::is_utf8(name) || std::ranges::any_of(name, is_control)) {
        return fail(ErrorCode::invalid_argument, "a key's name is UTF-8 text without control characters");
    }
    if (name.front() == ' ' || name.back() == ' ') {
        return fail(ErrorCode::invalid_argument, "a key's name neither starts nor ends with a space");
    }
    if (looks_like_id(name))
        return fail(ErrorCode::invalid_argument, "a key's name must not look like an id (32 hex digits)");
    return {};
}

Result<void> check_note(std::string_view note) {
    if (note.size() > 1024 || !lurus::json::is_utf8(note))
        return fail(ErrorCode::invalid_argument, "a key's note is UTF-8 text of at most 1024 bytes");
    return {};
}

Result<void> check_tags(const std::vector<std::string>& tags) {
    if (tags.size() > 32) return fail(ErrorCode::invalid_argument, "`tags` takes up to 32 entries");
    for (auto tag = tags.begin(); tag != tags.end(); ++tag) {
        if (!check_name(*tag) || std::find(tags.begin(), tag, *tag) != tag) {
            return fail(ErrorCode::invalid_argument,
                        "`tags`: each is 1 to 64 bytes of UTF-8 text, and none is there twice");
        }
    }
    return {};
}

Result<void> check_models(const std::vector<std::string>& models) {
    if (models.size() > 256) return fail(ErrorCode::invalid_argument, "a key names at most 256 models");
    for (const auto& model : models) {
        if (model.empty() || model.size() > 256 || !lurus::json::is_utf8(model) ||
            std::ranges::any_of(model, is_control)) {
            return fail(ErrorCode::invalid_argument,
                        "each of a key's models is a name or glob of 1 to 256 bytes, such as `claude-*`");
        }
    }
    return {};
}

Result<void> check_configured_value(std::string_view name, const Secret& value) {
    const auto text = value.reveal();
    if (text.size() < min_configured_length) {
        return fail(ErrorCode::invalid_argument, "key `" + std::string(name) + "`: value has fewer than " +
                                                     std::to_string(min_configured_length) +
                                                     " characters; use a longer one");
    }
    if (text.size() > 256 || std::ranges::any_of(text, [](char c) { return c <= 0x20 || c > 0x7e; })) {
        return fail(
            ErrorCode::invalid_argument,
            "key `" + std::string(name) + "`: value must be at most 256 visible ASCII characters without spaces");
    }
    return {};
}

Result<void> check_prefix(std::string_view prefix) {
    const auto fits = [](char c) { return base62.contains(c) || c == '_' || c == '-'; };
    if (prefix.size() > 16 || !std::ranges::all_of(prefix, fits)) {
        return fail(ErrorCode::invalid_argument,
                    "the key prefix `" + std::string(prefix) + "` may have up to 16 letters, digits, `_` and `-`");
    }
    return {};
}

}  // namespace lurus::identity
