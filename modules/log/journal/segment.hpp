#pragma once
// The log's index. Ids are cut into segments of 32768. The open end is indexed in memory: per row and dimension a hash
// of the value. When a segment is full, each dimension is turned into postings once, in bulk. A hash only proposes
// rows; whoever reads them compares the real value.

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "lurus/record.hpp"
#include "lurus/store/record_queries.hpp"

namespace lurus::log {

constexpr std::int64_t segment_rows = 32768;
constexpr std::int64_t block_rows = 1024;
constexpr int blocks_per_segment = segment_rows / block_rows;

/// The numbers are on disk, in posting ids: new ones go to the end.
enum class Dimension : std::uint8_t {
    key,
    user,
    model,
    upstream_model,
    provider,
    account,
    route,
    client,
    session,
    dialect,
    end,
    status,
    stream,
    trace,
};
constexpr int dimension_count = 14;

/// Hashes are on disk too: the same on every machine and in every version.
std::uint32_t hash_of(std::string_view value);
std::uint32_t hash_of(std::int64_t value);
std::uint32_t hash_of(const Id& id);

/// The part of an id that tells it from others best.
std::uint64_t end_of(const Id& id);

using RowHashes = std::array<std::uint32_t, dimension_count>;
RowHashes hashes_of(const RequestRecord& record);
/// The same, when `shared` are those of a record of the same shared names.
RowHashes hashes_of(const RequestRecord& record, const RowHashes& shared);

struct Wanted {
    Dimension dimension;
    std::uint32_t hash;
};
/// The dimensions that a filter narrows, most selective first as a rule.
std::vector<Wanted> wanted_by(const LogFilter& filter);
/// All of the filter but the paging.
bool matches(const LogFilter& filter, const RequestRecord& record);

constexpr std::int64_t segment_of(std::int64_t id) {
    return (id - 1) / segment_rows;
}
constexpr int offset_of(std::int64_t id) {
    return static_cast<int>((id - 1) % segment_rows);
}
constexpr std::int64_t first_id_of(std::int64_t segment) {
    return segment * segment_rows + 1;
}

/// Rows of one segment, by offset.
using RowSet = std::bitset<segment_rows>;

struct TimeRange {
    UnixMicros min = INT64_MAX;
    UnixMicros max = INT64_MIN;  // below min = no row
    void add(UnixMicros time) {
        min = time < min ? time : min;
        max = time > max ? time : max;
    }
    /// Whether a row of this range can lie in [since, until).
    [[nodiscard]] bool touches(UnixMicros since, UnixMicros until) const { return min < until && max >= since; }
};
using BlockTimes = std::array<TimeRange, blocks_per_segment>;

/// A segment in memory. The writer alone adds; others read what `LogState` has published to them.
class OpenSegment {
public:
    explicit OpenSegment(std::int64_t number);

    [[nodiscard]] std::int64_t number() const { return number_; }
    void put(int offset, const RowHashes& hashes, UnixMicros time);
    [[nodiscard]] UnixMicros time(int offset) const { return times_[static_cast<std::size_t>(offset)]; }
    /// Keeps in `rows` those of the first `count` rows that may hold the value.
    void narrow(const Wanted& wanted, int count, RowSet& rows) const;
    /// Over rows [0, count).
    [[nodiscard]] BlockTimes block_times(int count) const;
    [[nodiscard]] const std::uint32_t* column(int dimension) const {
        return columns_[static_cast<std::size_t>(dimension)].get();
    }

private:
    std::int64_t number_;
    // Untouched pages of these arrays take no memory.
    std::array<std::unique_ptr<std::uint32_t[]>, dimension_count> columns_;
    std::unique_ptr<UnixMicros[]> times_;
};

/// One row of the posting table.
struct Posting {
    std::int64_t id = 0;
    std::vector<std::uint8_t> data;
};

std::int64_t posting_id(std::int64_t segment, int dimension, std::uint32_t hash);
/// The first id that no posting of the segment reaches.
std::int64_t posting_end(std::int64_t segment);

/// All postings of one dimension of a full segment, in the order of their ids.
std::vector<Posting> build_postings(const OpenSegment& segment, int dimension);
/// Keeps in `rows` those that the posting names for the hash. False when the bytes are not what build_postings made.
bool narrow_by_posting(const std::uint8_t* data, std::size_t size, std::uint32_t hash, RowSet& rows);

std::vector<std::uint8_t> encode_blocks(const BlockTimes& blocks);
bool decode_blocks(const void* data, std::size_t size, BlockTimes& blocks);

}  // namespace lurus::log
