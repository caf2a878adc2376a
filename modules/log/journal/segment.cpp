#include "modules/log/journal/segment.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace lurus::log {
namespace {

static_assert(std::endian::native == std::endian::little, "hashes and postings are little-endian on disk");

constexpr std::uint64_t mix_factor = 0x9fb21c651e98df25ull;

std::uint64_t mix(std::uint64_t h) {
    h ^= h >> 32;
    h *= mix_factor;
    h ^= h >> 29;
    h *= mix_factor;
    return h ^ h >> 32;
}

/// log2 of how many postings a dimension is cut into: a look-up reads one of them, so that they should stay small.
constexpr int bucket_bits(int dimension) {
    switch (static_cast<Dimension>(dimension)) {
        case Dimension::trace: return 8;
        case Dimension::session: return 6;
        case Dimension::dialect:
        case Dimension::end:
        case Dimension::stream: return 0;
        default: return 4;
    }
}

std::uint32_t bucket_of(int dimension, std::uint32_t hash) {
    const int bits = bucket_bits(dimension);
    return bits == 0 ? 0 : hash >> (32 - bits);
}

// A posting: u32 n; n hashes, ascending (u32); n counts (u16, 0 stands for 65536 and cannot occur); then for each hash
// its rows: ascending offsets (u16) up to `sparse_most`, else a bitmap of the segment.
constexpr std::size_t bitmap_bytes = segment_rows / 8;
constexpr std::size_t sparse_most = bitmap_bytes / 2;

std::size_t rows_bytes(std::size_t count) {
    return count <= sparse_most ? count * 2 : bitmap_bytes;
}

/// Writes at `at` and moves it on.
template <class T>
void put_raw(std::uint8_t*& at, T value) {
    std::memcpy(at, &value, sizeof value);
    at += sizeof value;
}

template <class T>
T load(const std::uint8_t* at) {
    T value;
    std::memcpy(&value, at, sizeof value);
    return value;
}

/// hash << 16 | offset, ascending.
using Pairs = std::vector<std::uint64_t>;

Pairs sorted_pairs(const std::uint32_t* column) {
    Pairs pairs(segment_rows), scratch(segment_rows);
    for (std::size_t i = 0; i < pairs.size(); ++i) pairs[i] = static_cast<std::uint64_t>(column[i]) << 16 | i;
    // Offsets ascend already: a stable radix sort over the hash's bits keeps them so.
    constexpr int digit_bits = 11;
    for (int shift = 16; shift < 48; shift += digit_bits) {
        std::array<std::uint32_t, 1 << digit_bits> starts{};
        const auto digit = [shift](std::uint64_t pair) { return pair >> shift & ((1 << digit_bits) - 1); };
        for (const auto pair : pairs) ++starts[digit(pair)];
        std::uint32_t sum = 0;
        for (auto& start : starts) sum += std::exchange(start, sum);
        for (const auto pair : pairs) scratch[starts[digit(pair)]++] = pair;
        pairs.swap(scratch);
    }
    return pairs;
}

/// Over zeros.
void put_rows(std::uint8_t*& at, const std::uint64_t* pairs, std::size_t count) {
    if (count <= sparse_most) {
        for (std::size_t i = 0; i < count; ++i) put_raw(at, static_cast<std::uint16_t>(pairs[i]));
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const auto offset = pairs[i] & 0xffff;
        at[offset / 8] = static_cast<std::uint8_t>(at[offset / 8] | 1u << (offset % 8));
    }
    at += bitmap_bytes;
}

Posting make_posting(std::int64_t segment, int dimension, const std::uint64_t* pairs, std::size_t count) {
    struct Run {
        std::size_t start, count;
    };
    std::vector<Run> runs;
    std::size_t bytes = 4;
    for (std::size_t i = 0; i < count;) {
        std::size_t end = i + 1;
        while (end < count && pairs[end] >> 16 == pairs[i] >> 16) ++end;
        runs.push_back(Run{i, end - i});
        bytes += 6 + rows_bytes(end - i);
        i = end;
    }
    Posting posting;
    posting.id = posting_id(segment, dimension, static_cast<std::uint32_t>(pairs[0] >> 16));
    posting.data.resize(bytes);
    std::uint8_t* at = posting.data.data();
    put_raw(at, static_cast<std::uint32_t>(runs.size()));
    for (const auto& run : runs) put_raw(at, static_cast<std::uint32_t>(pairs[run.start] >> 16));
    for (const auto& run : runs) put_raw(at, static_cast<std::uint16_t>(run.count));
    for (const auto& run : runs) put_rows(at, pairs + run.start, run.count);
    return posting;
}

}  // namespace

std::uint32_t hash_of(std::string_view value) {
    std::uint64_t h = value.size() * mix_factor;
    const char* at = value.data();
    std::size_t left = value.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word;
        std::memcpy(&word, at, 8);
        h = (std::rotl(h, 23) ^ word) * mix_factor;
        h ^= h >> 31;
    }
    if (left > 0) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, left);
        h = (std::rotl(h, 23) ^ word) * mix_factor;
    }
    return static_cast<std::uint32_t>(mix(h) >> 32);
}

std::uint32_t hash_of(std::int64_t value) {
    return static_cast<std::uint32_t>(mix(static_cast<std::uint64_t>(value) + 1) >> 32);
}

std::uint32_t hash_of(const Id& id) {
    return hash_of(std::string_view(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size()));
}

std::uint64_t end_of(const Id& id) {
    return load<std::uint64_t>(id.bytes.data() + id.bytes.size() - sizeof(std::uint64_t));
}

OpenSegment::OpenSegment(std::int64_t number) : number_(number) {
    for (auto& column : columns_) column = std::make_unique_for_overwrite<std::uint32_t[]>(segment_rows);
    times_ = std::make_unique_for_overwrite<UnixMicros[]>(segment_rows);
}

void OpenSegment::put(int offset, const RowHashes& hashes, UnixMicros time) {
    const auto at = static_cast<std::size_t>(offset);
    for (std::size_t d = 0; d < dimension_count; ++d) columns_[d][at] = hashes[d];
    times_[at] = time;
}

void OpenSegment::narrow(const Wanted& wanted, int count, RowSet& rows) const {
    const std::uint32_t* values = column(static_cast<int>(wanted.dimension));
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        if (values[i] != wanted.hash) rows.reset(i);
    }
    for (std::size_t i = static_cast<std::size_t>(count); i < rows.size(); ++i) rows.reset(i);
}

BlockTimes OpenSegment::block_times(int count) const {
    BlockTimes blocks;
    for (int i = 0; i < count; ++i) blocks[static_cast<std::size_t>(i / block_rows)].add(time(i));
    return blocks;
}

std::int64_t posting_id(std::int64_t segment, int dimension, std::uint32_t hash) {
    return segment << 20 | static_cast<std::int64_t>(dimension) << 12 | bucket_of(dimension, hash);
}

std::int64_t posting_end(std::int64_t segment) {
    return (segment + 1) << 20;
}

std::vector<Posting> build_postings(const OpenSegment& segment, int dimension) {
    const Pairs pairs = sorted_pairs(segment.column(dimension));
    std::vector<Posting> postings;
    for (std::size_t i = 0; i < pairs.size();) {
        const auto bucket = bucket_of(dimension, static_cast<std::uint32_t>(pairs[i] >> 16));
        std::size_t end = i + 1;
        while (end < pairs.size() && bucket_of(dimension, static_cast<std::uint32_t>(pairs[end] >> 16)) == bucket)
            ++end;
        postings.push_back(make_posting(segment.number(), dimension, pairs.data() + i, end - i));
        i = end;
    }
    return postings;
}

bool narrow_by_posting(const std::uint8_t* data, std::size_t size, std::uint32_t hash, RowSet& rows) {
    if (size < 4) return false;
    const std::size_t n = load<std::uint32_t>(data);
    if (n > segment_rows || size < 4 + n * 6) return false;
    const std::uint8_t* const hashes = data + 4;
    const std::uint8_t* const counts = hashes + n * 4;
    std::size_t at = 4 + n * 6;
    for (std::size_t i = 0; i < n; ++i) {
        const std::size_t count = load<std::uint16_t>(counts + i * 2);
        const std::size_t bytes = rows_bytes(count);
        if (at + bytes > size) return false;
        if (load<std::uint32_t>(hashes + i * 4) != hash) {
            at += bytes;
            continue;
        }
        RowSet named;
        if (count <= sparse_most) {
            for (std::size_t k = 0; k < count; ++k) {
                const auto offset = load<std::uint16_t>(data + at + k * 2);
                if (offset >= segment_rows) return false;
                named.set(offset);
            }
        } else {
            static_assert(sizeof(RowSet) == bitmap_bytes, "a bitset is its words, lowest bit first");
            std::memcpy(&named, data + at, bitmap_bytes);
        }
        rows &= named;
        return true;
    }
    rows.reset();
    return true;
}

std::vector<std::uint8_t> encode_blocks(const BlockTimes& blocks) {
    std::vector<std::uint8_t> out(blocks.size() * 16);
    std::uint8_t* at = out.data();
    for (const auto& block : blocks) {
        put_raw(at, block.min);
        put_raw(at, block.max);
    }
    return out;
}

bool decode_blocks(const void* data, std::size_t size, BlockTimes& blocks) {
    if (size != blocks.size() * 16) return false;
    const auto* bytes = static_cast<const std::uint8_t*>(data);
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        blocks[i].min = load<std::int64_t>(bytes + i * 16);
        blocks[i].max = load<std::int64_t>(bytes + i * 16 + 8);
    }
    return true;
}

}  // namespace lurus::log
