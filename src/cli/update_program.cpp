#include "cli/update_program.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/json/json_value.hpp"
#include "core/os/child.hpp"
#include "core/os/files.hpp"
#include "core/os/platform.hpp"

namespace lurus::cli {
namespace {

namespace fs = std::filesystem;

constexpr int run_timeout_ms = 20'000;

fs::path with_word(const fs::path& program, const std::string& word) {
    fs::path name = program.stem();
    name += "." + word;
    name += program.extension();
    return program.parent_path() / name;
}

Result<void> move_program(const fs::path& from, const fs::path& to) {
    std::error_code error;
    fs::rename(from, to, error);
    if (!error) return {};
    return fail(ErrorCode::unavailable, "cannot move " + from.string() + " to " + to.string() + ": " + error.message());
}

}  // namespace

fs::path previous_of(const fs::path& program) {
    return with_word(program, "previous");
}

int compare_versions(std::string_view a, std::string_view b) {
    const auto suffix_of = [](std::string_view text) {
        const auto end = text.find_first_not_of("0123456789.");
        return end == std::string_view::npos ? std::string_view() : text.substr(end);
    };
    const std::string_view suffix_a = suffix_of(a), suffix_b = suffix_of(b);
    a.remove_suffix(suffix_a.size());
    b.remove_suffix(suffix_b.size());
    const auto take_number = [](std::string_view& text) {
        std::uint64_t number = 0;
        const auto dot = std::min(text.find('.'), text.size());
        std::from_chars(text.data(), text.data() + dot, number);
        text.remove_prefix(std::min(text.size(), dot + 1));
        return number;
    };
    while (!a.empty() || !b.empty()) {
        const auto x = take_number(a), y = take_number(b);
        if (x != y) return x < y ? -1 : 1;
    }
    if (suffix_a.empty() != suffix_b.empty()) return suffix_a.empty() ? 1 : -1;
    return suffix_a == suffix_b ? 0 : suffix_a < suffix_b ? -1 : 1;
}

StagedProgram::StagedProgram(fs::path path, fs::path program) : path_(std::move(path)), program_(std::move(program)) {}

StagedProgram::StagedProgram(StagedProgram&& other) noexcept
    : path_(std::exchange(other.path_, {})), program_(std::move(other.program_)) {}

StagedProgram::~StagedProgram() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
}

Result<StagedProgram> StagedProgram::copy(const fs::path& file, const fs::path& program) {
    auto suffix = random_hex(4);
    if (!suffix) return std::unexpected(suffix.error());
    StagedProgram staged(with_word(program, "new-" + *suffix), program);
    std::error_code error;
    if (!fs::copy_file(file, staged.path_, error)) {
        const bool rights = error == std::errc::permission_denied;
        return fail(rights ? ErrorCode::permission_denied : ErrorCode::unavailable,
                    "cannot copy " + file.string() + " to " + staged.path_.string() + ": " + error.message() +
                        (rights ? ": run this as root, or as an administrator" : ""));
    }
    const auto alike = fs::status(program, error).permissions();
    fs::permissions(staged.path_, alike, error);
    if (error) return fail(ErrorCode::unavailable, staged.path_.string() + ": " + error.message());
    return staged;
}

Result<std::string> StagedProgram::version() const {
    const auto end = platform::run_child({path_.string(), "version", "--json"}, run_timeout_ms);
    if (!end) return fail(ErrorCode::invalid_argument, "it does not run here: " + end.error().message);
    const Json said = Json::parse(end->out, nullptr, false);
    std::string version = text_of(said, "version");
    if (end->exit_code == 0 && !version.empty()) return version;
    return fail(ErrorCode::invalid_argument, "it is not lurus: `version --json` of it ended with " +
                                                 std::to_string(end->exit_code) + " and did not say its version");
}

Result<void> StagedProgram::put_in_place() {
    const fs::path previous = previous_of(program_);
    std::error_code error;
    fs::remove(previous, error);
    if (error) return fail(ErrorCode::unavailable, "cannot remove " + previous.string() + ": " + error.message());
    // A second name first, so that there is a program in its place at each moment.
    fs::create_hard_link(program_, previous, error);
    std::error_code busy;
    if (!error) fs::rename(path_, program_, busy);
    if (error || busy) {
        // Windows does not replace a program that runs, but lets it have another name.
        std::error_code ignored;
        if (!error) fs::remove(previous, ignored);
        if (auto moved = move_program(program_, previous); !moved) return moved;
        if (auto moved = move_program(path_, program_); !moved) {
            fs::rename(previous, program_, ignored);
            return moved;
        }
    }
    path_.clear();
    platform::sync_dir(program_.parent_path());
    return {};
}

Result<void> put_back(const fs::path& program) {
    const fs::path failed = with_word(program, "failed");
    std::error_code ignored;
    fs::remove(failed, ignored);
    if (auto moved = move_program(program, failed); !moved) return moved;
    auto moved = move_program(previous_of(program), program);
    if (moved) fs::remove(failed, ignored);
    platform::sync_dir(program.parent_path());
    return moved;
}

}  // namespace lurus::cli
