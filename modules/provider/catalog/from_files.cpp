#include "modules/provider/catalog/from_files.hpp"

#include <algorithm>
#include <utility>

#include "core/crypto/sha256.hpp"
#include "core/io/server_certificate.hpp"
#include "core/os/files.hpp"
#include "core/os/watched_file.hpp"

namespace lurus::provider {
namespace {

void add_warning(Provider& provider, const std::string& warning) {
    provider.warning += (provider.warning.empty() ? "" : "; ") + warning;
}

}  // namespace

bool printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7F; });
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view space = " \t\r\n";
    const auto begin = text.find_first_not_of(space);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

void take_file(Provider& provider, const std::string& file, const Provider* before) {
    provider.credential_source = "file:" + file;
    const bool known =
        before != nullptr && before->credential_source == provider.credential_source && !before->credential.empty();
    if (known && is_stream(file)) {
        provider.credential = before->credential;
        return;
    }
    const auto text = read_file(file, 65536);
    std::string trouble;
    if (!text) {
        trouble = text.error().message;
    } else if (trimmed(*text).empty()) {
        trouble = file + " is empty";
    } else if (!printable(trimmed(*text))) {
        trouble = file + " holds spaces or control characters";
    } else {
        provider.credential = Secret(std::string(trimmed(*text)));
        return;
    }
    if (known) {
        provider.credential = before->credential;
        add_warning(provider,
                    "api_key_file: " + trouble + "; the key that it held before is used until it is put right");
    } else {
        provider.problem = "no credential: " + trouble;
    }
}

void take_roots(Provider& provider, const std::string& file, const Provider* before) {
    provider.ca_file = file;
    if (file.empty()) return;
    const bool known = before != nullptr && before->ca_file == file && !before->roots.empty();
    const auto keep = [&] {
        provider.roots = before->roots;
        provider.roots_digest = before->roots_digest;
    };
    if (known && is_stream(file)) return keep();
    auto text = read_file(file);
    std::string trouble;
    if (!text) {
        trouble = text.error().message;
    } else if (const auto certificates = read_certificates(*text); !certificates) {
        trouble = file + " " + certificates.error().message;
    } else {
        provider.roots = *std::move(text);
        provider.roots_digest = sha256_hex(provider.roots);
        return;
    }
    if (known) {
        keep();
        add_warning(provider, "ca_file: " + trouble + "; the roots that it held before are used until it is put right");
    } else {
        provider.problem = "ca_file: " + trouble;
    }
}

}  // namespace lurus::provider
