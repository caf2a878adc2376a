#pragma once
// Small files, whole.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "lurus/result.hpp"

namespace lurus {

/// `not_found`, `unavailable`, or `invalid_argument` when it is larger than `max_bytes`.
Result<std::string> read_file(const std::filesystem::path& file, std::uintmax_t max_bytes = 16 << 20);

/// To its end; `invalid_argument` when more than `max_bytes` come.
Result<std::string> read_standard_input(std::uintmax_t max_bytes);

/// `no`: what is only true while this process runs; a busy disk is not waited for.
enum class Synced : bool { no, yes };

/// Replaces the file in one step, mode 0600: a reader sees the old content or the new one; synced, also after a crash
/// of the machine.
Result<void> write_private_file(const std::filesystem::path& file, std::string_view bytes, Synced synced = Synced::yes);

/// Makes the folder (and its parents); what it makes is the owner's only (0700).
Result<void> make_private_dir(const std::filesystem::path& dir);

/// `bytes` random bytes of the operating system's quality as twice as many hex digits.
Result<std::string> random_hex(std::size_t bytes);

}  // namespace lurus
