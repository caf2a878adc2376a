#include "core/os/replace_file.hpp"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <system_error>

#include "core/crypto/sha256.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/files.hpp"

namespace lurus::platform {
namespace {

namespace fs = std::filesystem;

fs::path rescue_file(const fs::path& file, const fs::path& rescue) {
    return rescue / ("writing." + sha256_hex(file.string()).substr(0, 16));
}

/// "12 34\n", then what the file held and what it shall hold.
std::string rescue_text(std::string_view before, std::string_view after) {
    return std::to_string(before.size()) + " " + std::to_string(after.size()) + "\n" + std::string(before) +
           std::string(after);
}

struct Rescue {
    std::string before, after;
};

std::optional<Rescue> read_rescue(const std::string& text) {
    unsigned long long before = 0;
    unsigned long long after = 0;
    int head = 0;
    if (std::sscanf(text.c_str(), "%llu %llu%n", &before, &after, &head) != 2) return std::nullopt;
    const std::size_t begin = static_cast<std::size_t>(head) + 1;
    if (text.size() < begin || text[begin - 1] != '\n' || text.size() - begin != before + after) return std::nullopt;
    return Rescue{text.substr(begin, before), text.substr(begin + before)};
}

/// Whether `now` is what a write of `after` over `before` leaves when it is cut somewhere.
bool is_cut(std::string_view now, const Rescue& write) {
    const auto differs = std::ranges::mismatch(now, write.after).in1;
    const auto written = static_cast<std::size_t>(differs - now.begin());
    const std::string_view rest = std::string_view(write.before).substr(std::min(written, write.before.size()));
    return now.substr(written) == rest;
}

Result<void> write_in_place(const fs::path& file, std::string_view bytes, const fs::path& rescue) {
    const auto before = read_file(file);
    if (!before) return std::unexpected(before.error());
    if (auto made = make_private_dir(rescue); !made) return made;
    const fs::path kept = rescue_file(file, rescue);
    if (auto done = write_private_file(kept, rescue_text(*before, bytes)); !done) return done;
    OverwrittenFile open(file);
    const bool written = open.valid() && open.write(bytes);
    const std::string why = open.problem();
    // Putting back what was there takes no room that it had not.
    if (!written && open.valid() && !open.write(*before))
        return fail(ErrorCode::unavailable, file.string() + ": cannot be written: " + why +
                                                "; what it held is put back by the next `lurus connect` (it is in " +
                                                kept.string() + ")");
    std::error_code ec;
    fs::remove(kept, ec);
    if (written) return {};
    return fail(ErrorCode::unavailable, file.string() + ": cannot be written: " + why + "; nothing was changed");
}

}  // namespace

Result<void> replace_file(const fs::path& file, std::string_view bytes, const fs::path& rescue) {
    if (auto made = make_private_dir(file.parent_path()); !made) return made;
    const auto replaced = replace_by_rename(file, bytes);
    if (!replaced) return std::unexpected(replaced.error());
    return *replaced == Replaced::yes ? Result<void>() : write_in_place(file, bytes, rescue);
}

Result<void> mend_file(const fs::path& file, const fs::path& rescue) {
    const fs::path kept = rescue_file(file, rescue);
    const auto text = read_file(kept);
    if (!text) return text.error().code == ErrorCode::not_found ? Result<void>() : std::unexpected(text.error());
    const auto write = read_rescue(*text);
    const auto now = read_file(file);
    if (write && now && *now != write->after && *now != write->before && is_cut(*now, *write)) {
        OverwrittenFile open(file);
        if (!open.valid() || !open.write(write->before))
            return fail(ErrorCode::unavailable,
                        file.string() + ": cannot be mended after it was cut while it was written: " + open.problem());
    }
    std::error_code ec;
    fs::remove(kept, ec);
    return {};
}

}  // namespace lurus::platform
