#pragma once
// Files of the source tree that travel inside the binary: migrations/, what config/ holds, and pages.

#include <span>
#include <string_view>

namespace lurus {

struct EmbeddedFile {
    std::string_view path;  // from the root of the source tree: `config/prices.json`
    std::string_view text;
};

/// Sorted by path; lives for the whole process.
std::span<const EmbeddedFile> embedded_files();

/// Empty when there is no such file.
inline std::string_view embedded_file(std::string_view path) {
    for (const auto& file : embedded_files()) {
        if (file.path == path) return file.text;
    }
    return {};
}

}  // namespace lurus
