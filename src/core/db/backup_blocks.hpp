#pragma once
// The blocks of one file in a backup.

#include <SQLiteCpp/SQLiteCpp.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "core/db/backup_archive.hpp"

namespace lurus::backup {

inline constexpr std::size_t block_size = 1 << 20;
inline constexpr std::int64_t blocks_of_a_file = std::int64_t{1} << 40;  // what a file's number is multiplied by

/// SHA-256 of bytes that come in pieces.
class Digest {
public:
    Digest();
    ~Digest();
    Digest(const Digest&) = delete;
    Digest& operator=(const Digest&) = delete;
    void add(std::string_view bytes);
    std::string hex();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Written at any place, mostly in order: one block is held, the others are rows. What SQLite says is thrown.
class BlockFile {
public:
    BlockFile(SQLite::Database& archive, std::int64_t number) : archive_(archive), first_(number * blocks_of_a_file) {}
    void write(std::uint64_t at, std::string_view bytes);
    /// False when there is less; what is missing is zero.
    bool read(std::uint64_t at, char* to, std::size_t size);
    void truncate(std::uint64_t size);
    void flush();
    [[nodiscard]] std::uint64_t size() const { return size_; }

private:
    void hold(std::int64_t number);

    SQLite::Database& archive_;
    const std::int64_t first_;
    std::int64_t held_ = -1;
    bool changed_ = false;
    std::string block_;
    std::uint64_t size_ = 0;
};

std::string packed(std::string_view bytes);
/// Throws SQLite::Exception when that is no block.
std::string unpacked(const void* bytes, std::size_t size);

/// Copies `source`, which is inside a read transaction, into `target` page by page.
void copy_database(SQLite::Database& source, BlockFile& target, const CopyProgress& progress);

}  // namespace lurus::backup
