#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#include "core/os/access_list.hpp"
#include "core/os/disk_room.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/platform.hpp"
#include "core/os/shared_library.hpp"
#include "core/os/windows_api.hpp"
#include "tests/unit/scratch.hpp"

// after windows.h
#include <sddl.h>

using namespace lurus;

namespace {

/// Lets everybody read a file.
void open_to_all(const std::filesystem::path& file) {
    PSECURITY_DESCRIPTOR raw = nullptr;
    REQUIRE(::ConvertStringSecurityDescriptorToSecurityDescriptorW(L"D:P(A;;FA;;;OW)(A;;FR;;;WD)", SDDL_REVISION_1,
                                                                   &raw, nullptr) != 0);
    const windows::Local<void> descriptor(raw);
    REQUIRE(windows::give_access(file, descriptor.get()) == ERROR_SUCCESS);
}

}  // namespace

TEST_CASE("windows: text goes through UTF-16 and back, also in names of files") {
    const std::string text = "Grüße, 世界 \U0001F600";
    CHECK(windows::utf8(windows::wide(text)) == text);
    CHECK(windows::wide("\xff").size() == 1);
    // libstdc++ reads and gives names in UTF-8, whatever the code page is.
    CHECK(std::filesystem::path(text).native() == windows::wide(text));
    CHECK(std::filesystem::path(windows::wide(text)).string() == text);
    const test::Scratch scratch;
    const auto file = scratch.dir() / text;
    REQUIRE(write_private_file(file, "content"));
    CHECK(read_file(file).value() == "content");
}

TEST_CASE("windows: an error is told in a sentence") {
    CHECK(windows::text_of_error(ERROR_ACCESS_DENIED).size() > 8);
    CHECK_FALSE(windows::text_of_error(ERROR_ACCESS_DENIED).ends_with("."));
    CHECK(windows::text_of_error(0x2fff'ffff) == "error 805306367");
}

TEST_CASE("windows: variables are read in UTF-8 and any case") {
    platform::set_variable("LURUS_TEST_WORD", "Grüße");
    CHECK(platform::variable("lurus_test_word") == "Grüße");
    CHECK(platform::environment("LURUS_TEST_").at("LURUS_TEST_WORD") == "Grüße");
    CHECK_FALSE(platform::variable("LURUS_TEST_NONE").has_value());
    const std::string large(5000, 'x');
    platform::set_variable("LURUS_TEST_WORD", large);
    CHECK(platform::variable("LURUS_TEST_WORD") == large);
}

TEST_CASE("windows: a private file is nobody else's") {
    const test::Scratch scratch;
    const auto file = scratch.dir() / "key";
    REQUIRE(platform::write_new_private_file(file, "secret"));
    CHECK_FALSE(platform::readable_by_others(file));
    CHECK(platform::write_new_private_file(file, "again").error().code == ErrorCode::conflict);
    open_to_all(file);
    CHECK(platform::readable_by_others(file));
    CHECK(platform::readable_by_all(file));
    CHECK_FALSE(platform::make_private(file));
    CHECK_FALSE(platform::readable_by_others(file));
    CHECK_FALSE(platform::readable_by_all(file));
    CHECK(platform::private_hint(file).contains("/inheritance:r"));
}

TEST_CASE("windows: what this account makes is this account's") {
    const test::Scratch scratch;
    const auto file = scratch.write("file", "x");
    CHECK(platform::owner_of(file).value() == platform::acting_user());
    CHECK(platform::owner_of(scratch.dir() / "none").error().code == ErrorCode::not_found);
    CHECK_FALSE(platform::user_name(platform::acting_user()).empty());
    CHECK(platform::check_replaceable(file));
    CHECK(platform::check_replaceable(scratch.dir() / "new"));
    CHECK_FALSE(platform::check_replaceable(scratch.dir()));
    REQUIRE(::SetFileAttributesW(file.c_str(), FILE_ATTRIBUTE_READONLY) != 0);
    CHECK_FALSE(platform::may_write(file));
    CHECK(platform::check_replaceable(file).error().message.contains("attrib -r"));
    ::SetFileAttributesW(file.c_str(), FILE_ATTRIBUTE_NORMAL);
}

TEST_CASE("windows: a file takes another's name when its reader is done") {
    const test::Scratch scratch;
    const auto from = scratch.write("from", "new");
    const auto to = scratch.write("to", "old");
    windows::Handle reader(
        ::CreateFileW(to.c_str(), GENERIC_READ, FILE_SHARE_READ, nullptr, OPEN_EXISTING, 0, nullptr));
    REQUIRE(reader.valid());
    std::atomic<bool> done = false;
    std::thread renames([&] {
        CHECK_FALSE(platform::rename_over(from, to));
        done = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK_FALSE(done);
    {
        const windows::Handle closed(std::move(reader));
    }
    renames.join();
    CHECK(read_file(to).value() == "new");
}

TEST_CASE("windows: only the system's own libraries are loaded") {
    const SharedLibrary library({"no-such-library.dll", "kernel32.dll"});
    DWORD(WINAPI * pid)() = nullptr;
    REQUIRE(library.find("GetCurrentProcessId", pid));
    CHECK(pid() == static_cast<DWORD>(platform::process_id()));
    CHECK_FALSE(library.find("NoSuchFunction", pid));
}
