#pragma once
// A folder of a test's own, removed with it.

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "core/os/files.hpp"

namespace lurus::test {

class Scratch {
public:
    Scratch() : dir_(std::filesystem::temp_directory_path() / ("lurus-app-" + random_hex(8).value())) {
        std::filesystem::create_directories(dir_);
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(dir_, ignored);
    }
    [[nodiscard]] const std::filesystem::path& dir() const { return dir_; }
    std::filesystem::path write(std::string_view name, std::string_view text) const {
        const auto file = dir_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << text;
        return file;
    }

private:
    std::filesystem::path dir_;
};

}  // namespace lurus::test
