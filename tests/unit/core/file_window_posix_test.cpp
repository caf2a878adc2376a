#include "core/os/file_window.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t file_bytes = 8 << 20;

// A file on the disk of which nothing is in memory.
class ColdFile {
public:
    ColdFile() {
        fd_ = ::mkstemp(path_.data());
        REQUIRE(fd_ >= 0);
        const std::string bytes(file_bytes, 'x');
        REQUIRE(::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
        ::fsync(fd_);
        ::posix_fadvise(fd_, 0, 0, POSIX_FADV_DONTNEED);
        map_ = ::mmap(nullptr, file_bytes, PROT_READ, MAP_SHARED, fd_, 0);
        REQUIRE(map_ != MAP_FAILED);
    }
    ~ColdFile() {
        ::munmap(map_, file_bytes);
        ::close(fd_);
        ::unlink(path_.c_str());
    }
    ColdFile(const ColdFile&) = delete;
    ColdFile& operator=(const ColdFile&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] bool in_memory(std::size_t offset) const {
        unsigned char resident = 0;
        REQUIRE(::mincore(static_cast<char*>(map_) + offset, 1, &resident) == 0);
        return (resident & 1) != 0;
    }
    [[nodiscard]] bool comes(std::size_t offset) const {
        for (int i = 0; i < 1000 && !in_memory(offset); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        return in_memory(offset);
    }

private:
    std::string path_ = "/var/tmp/lurus-file-window-XXXXXX";
    int fd_ = -1;
    void* map_ = nullptr;
};

}  // namespace

TEST_CASE("file window: what lies ahead of the writer comes into memory, from the front again too") {
    const ColdFile file;
    if (file.in_memory(0)) return;  // a file system that is memory
    lurus::FileWindow window(file.path());
    window.next_write(32);
    CHECK(file.comes(0));
    CHECK(file.comes(400 << 10));
    CHECK_FALSE(file.in_memory(file_bytes - 4096));
    window.next_write(6 << 20);
    CHECK(file.comes(6 << 20));
    window.next_write(0);
    CHECK(file.comes(0));
}

TEST_CASE("file window: a file that is not there is no error") {
    lurus::FileWindow window("/var/tmp/lurus-no-such-folder/file");
    window.next_write(0);
    window.next_write(1 << 20);
}
