#include "core/text/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>

namespace lurus {

std::string base64(std::string_view bytes) {
    constexpr std::size_t step = std::size_t{3} << 20;  // whole groups; OpenSSL counts in int
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4 + 1);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(step, bytes.size()))) {
        const std::string_view part = bytes.substr(0, step);
        const std::size_t begin = out.size();
        out.resize(begin + (part.size() + 2) / 3 * 4 + 1);  // it writes a NUL behind the text
        const int written =
            EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data() + begin),
                            reinterpret_cast<const unsigned char*>(part.data()), static_cast<int>(part.size()));
        out.resize(begin + static_cast<std::size_t>(written));
    }
    return out;
}

std::string base64url(std::string_view bytes) {
    std::string out = base64(bytes);
    while (out.ends_with('=')) out.pop_back();
    std::ranges::replace(out, '+', '-');
    std::ranges::replace(out, '/', '_');
    return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
    constexpr std::size_t most = std::size_t{1} << 30;  // OpenSSL counts in int
    if (text.size() > most || text.size() % 4 == 1 || text.find_first_of("+/=") != std::string_view::npos)
        return std::nullopt;
    std::string padded(text);
    std::ranges::replace(padded, '-', '+');
    std::ranges::replace(padded, '_', '/');
    padded.resize((text.size() + 3) / 4 * 4, '=');
    std::string out(padded.size() / 4 * 3, '\0');
    if (!padded.empty() &&
        EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                        reinterpret_cast<const unsigned char*>(padded.data()), static_cast<int>(padded.size())) < 0)
        return std::nullopt;
    out.resize(text.size() * 3 / 4);
    if (base64url(out) != text) return std::nullopt;
    return out;
}

}  // namespace lurus
