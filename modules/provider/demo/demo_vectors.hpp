#pragma once
// Embeddings that depend on the text only.

#include <string>
#include <string_view>
#include <vector>

namespace lurus::provider::demo {

/// Of length 1; the same text gives the same vector. `size` at least 1.
std::vector<float> unit_vector(std::string_view text, std::size_t size);

/// Little-endian 32-bit floats.
std::string float_bytes(const std::vector<float>& vector);

}  // namespace lurus::provider::demo
