#pragma once
// What tests of several modules stand on: a folder of their own, a clock that stands still.

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "lurus/clock.hpp"

namespace lurus::test {

/// Gone with its contents at the end.
class TempFolder {
public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "lurus-test-XXXXXX").string();
        path = ::mkdtemp(name.data());
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
