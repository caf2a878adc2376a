#include "core/os/platform.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>

#include "core/os/disk_room.hpp"
#include "core/os/file_owner.hpp"
#include "core/os/terminal.hpp"
#include "core/os/watched_file.hpp"
#include "tests/unit/scratch.hpp"

using namespace lurus;

TEST_CASE("platform: this process is alive, and knows where its program is") {
    CHECK(platform::process_alive(platform::process_id()));
    CHECK_FALSE(platform::process_alive(0));
    CHECK_FALSE(platform::process_alive(0x7fff'fff0));
    CHECK(std::filesystem::is_regular_file(platform::executable()));
    CHECK(platform::usable_processors() >= 1);
    CHECK(platform::usable_memory() > 1 << 20);
}

TEST_CASE("platform: a lock is held by one, and ends with it") {
    const test::Scratch scratch;
    const auto file = scratch.dir() / "lock";
    CHECK_FALSE(platform::FileLock::held(file));
    {
        const auto lock = platform::FileLock::exclusive(file);
        REQUIRE(lock);
        CHECK(platform::FileLock::held(file));
        CHECK(platform::FileLock::exclusive(file).error().code == ErrorCode::conflict);
        CHECK(read_file(file).value().empty());  // who looks at it is not kept out
    }
    CHECK_FALSE(platform::FileLock::held(file));
    CHECK(platform::FileLock::exclusive(file));
}

TEST_CASE("platform: private files and folders are made, appended to and replaced") {
    const test::Scratch scratch;
    const auto folder = scratch.dir() / "a" / "b";
    REQUIRE(make_private_dir(folder));
    CHECK(make_private_dir(folder));
    CHECK_FALSE(platform::readable_by_others(folder));
    const auto file = folder / "file";
    REQUIRE(platform::write_new_private_file(file, "one"));
    REQUIRE(platform::append_synced(file, "two"));
    CHECK(read_file(file).value() == "onetwo");
    CHECK_FALSE(platform::append_synced(folder / "none", "x"));
    REQUIRE(write_private_file(file, "three"));
    CHECK(read_file(file).value() == "three");
    CHECK_FALSE(platform::readable_by_others(file));
    CHECK(platform::may_write(file));
    CHECK(platform::may_write(folder));
    CHECK_FALSE(platform::may_write(folder / "none"));
    CHECK(make_private_dir(file / "below").error().code == ErrorCode::unavailable);
    CHECK(room_in(folder).value() > least_room);
    CHECK_FALSE(room_in(scratch.dir() / "none").has_value());
}

TEST_CASE("platform: a stop that is raised is waited for") {
    platform::Signals signals;
    CHECK_FALSE(signals.wait(0).has_value());
    std::thread raises([] { platform::raise_stop(platform::StopSignal::terminate); });
    CHECK(signals.wait(10'000) == platform::StopSignal::terminate);
    raises.join();
    platform::raise_stop(platform::StopSignal::interrupt);
    CHECK(signals.wait(10'000) == platform::StopSignal::interrupt);
    CHECK_FALSE(signals.wait(0).has_value());
}

TEST_CASE("platform: the time since the machine's start goes on") {
    const auto before = platform::since_boot_us();
    CHECK(before > 0);
    while (platform::since_boot_us() == before) std::this_thread::yield();
    CHECK(platform::since_boot_us() > before);
}

TEST_CASE("platform: a file's identity changes with what is written to it") {
    const test::Scratch scratch;
    const auto file = scratch.write("file", "one");
    const auto first = file_identity(file);
    REQUIRE(first);
    CHECK(first->size == 3);
    CHECK(file_identity(file) == first);
    scratch.write("file", "other");
    CHECK(file_identity(file) != first);
    CHECK_FALSE(file_identity(scratch.dir()));
    CHECK_FALSE(file_identity(scratch.dir() / "none"));
    const auto other = file_identity(scratch.write("else", "other"));
    CHECK(other->inode != file_identity(file)->inode);
    const auto now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    CHECK(other->modified_ns > now - 3'600'000'000'000);
    CHECK(other->modified_ns < now + 3'600'000'000'000);
}

TEST_CASE("platform: a file is replaced in one step, and one with two names in place") {
    const test::Scratch scratch;
    const auto file = scratch.write("settings", "old");
    const auto rescue = scratch.dir() / "rescue";
    REQUIRE(platform::replace_file(file, "new", rescue));
    CHECK(read_file(file).value() == "new");
    CHECK_FALSE(std::filesystem::exists(rescue));
    std::filesystem::create_hard_link(file, scratch.dir() / "twin");
    REQUIRE(platform::replace_file(file, "newer, and longer", rescue));
    CHECK(read_file(scratch.dir() / "twin").value() == "newer, and longer");
    REQUIRE(platform::replace_file(file, "short", rescue));
    CHECK(read_file(scratch.dir() / "twin").value() == "short");
    REQUIRE(platform::replace_file(scratch.dir() / "made", "x", rescue));
    CHECK_FALSE(platform::readable_by_others(scratch.dir() / "made"));
    CHECK(std::filesystem::is_empty(rescue));
    // Nothing is left of what was written beside it.
    for (const auto& entry : std::filesystem::directory_iterator(scratch.dir()))
        CHECK_FALSE(entry.path().filename().string().contains(".lurus-"));
}

TEST_CASE("platform: a file that was cut while it was written in place is mended") {
    const test::Scratch scratch;
    const auto file = scratch.write("settings", "abcdef");
    const auto rescue = scratch.dir() / "rescue";
    std::filesystem::create_hard_link(file, scratch.dir() / "twin");
    REQUIRE(platform::replace_file(file, "ABCDEF", rescue));
    CHECK(platform::mend_file(file, rescue));
    CHECK(read_file(file).value() == "ABCDEF");
}
