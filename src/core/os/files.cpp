#include "core/os/files.hpp"

#include <openssl/rand.h>

#include <fstream>
#include <iostream>
#include <system_error>

#include "core/os/open_to_read.hpp"
#include "core/os/platform.hpp"

namespace lurus {
namespace fs = std::filesystem;

namespace {

Result<std::string> read_whole(std::istream& in, const std::string& name, std::uintmax_t max_bytes) {
    std::string text;
    char block[16384];
    while (in.read(block, sizeof block), in.gcount() > 0) {
        text.append(block, static_cast<std::size_t>(in.gcount()));
        if (text.size() > max_bytes) {
            return fail(ErrorCode::invalid_argument, name + " is larger than " + std::to_string(max_bytes) + " bytes");
        }
    }
    if (in.bad()) return fail(ErrorCode::unavailable, "cannot read " + name);
    return text;
}

}  // namespace

Result<std::string> read_file(const fs::path& file, std::uintmax_t max_bytes) {
    std::error_code error;
    const auto status = fs::status(file, error);
    if (!fs::exists(status)) return fail(ErrorCode::not_found, file.string() + " does not exist");
    if (fs::is_directory(status)) return fail(ErrorCode::invalid_argument, file.string() + " is a folder");
    std::ifstream in = platform::open_to_read(file);
    if (!in) return fail(ErrorCode::unavailable, "cannot read " + file.string() + ": permission denied or away");
    return read_whole(in, file.string(), max_bytes);
}

Result<std::string> read_standard_input(std::uintmax_t max_bytes) {
    return read_whole(std::cin, "standard input", max_bytes);
}

Result<void> write_private_file(const fs::path& file, std::string_view bytes, Synced synced) {
    auto suffix = random_hex(6);
    if (!suffix) return std::unexpected(suffix.error());
    fs::path temporary = file;
    temporary += ".new-" + *suffix;
    if (auto written = platform::write_new_private_file(temporary, bytes, synced); !written) {
        std::error_code ignored;
        if (written.error().code != ErrorCode::conflict) fs::remove(temporary, ignored);
        return written;
    }
    if (const auto error = platform::rename_over(temporary, file)) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        return fail(ErrorCode::unavailable, "cannot replace " + file.string() + ": " + error.message());
    }
    if (synced == Synced::yes) platform::sync_dir(file.has_parent_path() ? file.parent_path() : fs::path("."));
    return {};
}

Result<void> make_private_dir(const fs::path& dir) {
    std::error_code error;
    if (fs::is_directory(dir, error)) return {};
    if (dir.has_parent_path() && dir.parent_path() != dir) {
        if (auto parent = make_private_dir(dir.parent_path()); !parent) return parent;
    }
    const std::error_code made = platform::make_private_folder(dir);
    if (!made || fs::is_directory(dir, error)) return {};
    const bool in_the_way = fs::exists(dir, error);
    return fail(ErrorCode::unavailable, "cannot make the folder " + dir.string() + ": " +
                                            (in_the_way ? "a file is in the way" : made.message()));
}

Result<std::string> random_hex(std::size_t bytes) {
    std::string raw(bytes, '\0');
    if (RAND_bytes(reinterpret_cast<unsigned char*>(raw.data()), static_cast<int>(bytes)) != 1) {
        return fail(ErrorCode::internal, "the operating system gives no random bytes");
    }
    constexpr char digits[] = "0123456789abcdef";
    std::string out;
    out.reserve(2 * bytes);
    for (const char c : raw) {
        out += digits[static_cast<unsigned char>(c) >> 4];
        out += digits[static_cast<unsigned char>(c) & 15];
    }
    return out;
}

}  // namespace lurus
