#include "core/text/base64.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdint>

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

std::optional<std::string> base64_decode(std::string_view text) {
    constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    while (text.ends_with('=')) text.remove_suffix(1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const std::size_t digit = digits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xFF);
    }
    return out;
}

}  // namespace lurus
