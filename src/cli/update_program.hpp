#pragma once
// Putting another executable in the place of the installed one.

#include <filesystem>
#include <string>

#include "lurus/result.hpp"

namespace lurus::cli {

/// Beside the program: `lurus.previous`, `lurus.previous.exe`.
std::filesystem::path previous_of(const std::filesystem::path& program);

/// -1, 0 or 1: `0.9.2` is older than `0.10.0`, and what has a suffix (`1.0.0-rc1`) older than what has none.
int compare_versions(std::string_view a, std::string_view b);

/// A copy of `file` beside `program`, to be run and to be put in its place; removed with this object where it was not.
class StagedProgram {
public:
    static Result<StagedProgram> copy(const std::filesystem::path& file, const std::filesystem::path& program);
    ~StagedProgram();
    StagedProgram(StagedProgram&& other) noexcept;
    StagedProgram& operator=(StagedProgram&&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    /// What its `version --json` says; `invalid_argument` when it does not run here or is no lurus.
    [[nodiscard]] Result<std::string> version() const;
    /// Takes the program's place, which is `previous_of` from then on. The place is never empty where the system allows
    /// to replace a program that runs.
    Result<void> put_in_place();

private:
    StagedProgram(std::filesystem::path path, std::filesystem::path program);
    std::filesystem::path path_, program_;
};

/// The previous program takes its place back, and what stood there is removed.
Result<void> put_back(const std::filesystem::path& program);

}  // namespace lurus::cli
