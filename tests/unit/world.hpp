#pragma once
// What tests of several modules stand on: a folder of their own, a clock that stands still.

#include <filesystem>
#include <random>
#include <string>
#include <system_error>

#include "lurus/clock.hpp"

namespace lurus::test {

/// Gone with its contents at the end.
class TempFolder {
public:
    TempFolder() {
        std::random_device random;
        do {
            path = std::filesystem::temp_directory_path() /
                   ("lurus-test-" + std::to_string(std::uint64_t{random()} << 32 | random()));
        } while (!std::filesystem::create_directory(path));  // false: it is somebody else's
    }
    TempFolder(const TempFolder&) = delete;
    TempFolder& operator=(const TempFolder&) = delete;
    ~TempFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
};

class SetClock final : public Clock {
public:
    UnixMicros now() const override { return time + ahead; }
    std::int64_t monotonic_us() const override { return time; }
    UnixMicros time = 1'795'000'000'000'000;
    std::int64_t ahead = 0;  // how far somebody has set it
};

}  // namespace lurus::test
