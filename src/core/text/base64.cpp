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

}  // namespace lurus
