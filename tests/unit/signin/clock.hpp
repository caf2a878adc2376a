#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "lurus/clock.hpp"

namespace lurus::test {

inline constexpr std::int64_t second = 1'000'000;
inline constexpr std::int64_t minute = 60 * second;
inline constexpr std::int64_t hour = 60 * minute;

class SetClock final : public Clock {
public:
    UnixMicros now() const override { return time; }
    std::int64_t monotonic_us() const override { return time; }
    UnixMicros time = 1'795'000'000'000'000;
};

class TempFolder {
public:
    TempFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "lurus-signin-XXXXXX").string();
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

}  // namespace lurus::test
