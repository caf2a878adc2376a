#include "modules/provider/demo/demo_vectors.hpp"

#include <bit>
#include <cmath>
#include <cstdint>

#include "core/crypto/sha256.hpp"

namespace lurus::provider::demo {

std::vector<float> unit_vector(std::string_view text, std::size_t size) {
    const auto sum = sha256(text);
    std::uint64_t state = 0;
    for (std::size_t i = 0; i < 8; ++i) state = state << 8 | sum[i];
    std::vector<double> raw(size);
    double square = 0;
    for (double& value : raw) {
        // splitmix64
        state += 0x9E3779B97F4A7C15;
        std::uint64_t mixed = state;
        mixed = (mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9;
        mixed = (mixed ^ mixed >> 27) * 0x94D049BB133111EB;
        mixed ^= mixed >> 31;
        value = static_cast<double>(mixed >> 11) / static_cast<double>(1ULL << 53) - 0.5;
        square += value * value;
    }
    const double scale = square > 0 ? 1 / std::sqrt(square) : 0;
    std::vector<float> out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<float>(raw[i] * scale);
    return out;
}

std::string float_bytes(const std::vector<float>& vector) {
    std::string out;
    out.reserve(vector.size() * 4);
    for (const float value : vector) {
        const auto bits = std::bit_cast<std::uint32_t>(value);
        for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(bits >> shift & 0xFF);
    }
    return out;
}

}  // namespace lurus::provider::demo
