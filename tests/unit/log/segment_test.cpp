#include "modules/log/journal/segment.hpp"

#include <doctest/doctest.h>

#include <random>

namespace lurus::log {
namespace {

/// Looks a hash up in all postings of a dimension, as a reader does.
RowSet found(const OpenSegment& segment, const std::vector<Posting>& postings, int dimension, std::uint32_t hash) {
    RowSet rows;
    rows.set();
    for (const auto& posting : postings) {
        if (posting.id != posting_id(segment.number(), dimension, hash)) continue;
        REQUIRE(narrow_by_posting(posting.data.data(), posting.data.size(), hash, rows));
        return rows;
    }
    rows.reset();
    return rows;
}

TEST_CASE("postings name exactly the rows that hold a hash") {
    for (const std::uint32_t values : {1u, 2u, 3u, 40u, 9000u, 0u}) {
        CAPTURE(values);
        std::mt19937 random(values + 1);
        OpenSegment segment(77);
        std::vector<std::uint32_t> hashes;
        for (int i = 0; i < segment_rows; ++i) {
            const auto n = static_cast<std::uint32_t>(random());
            hashes.push_back(values == 0 ? n : hash_of(static_cast<std::int64_t>(n % values)));
            RowHashes row;
            row.fill(hashes.back());
            segment.put(i, row, 1000 + i);
        }
        for (const int dimension : {static_cast<int>(Dimension::trace), static_cast<int>(Dimension::key),
                                    static_cast<int>(Dimension::stream), static_cast<int>(Dimension::session)}) {
            const auto postings = build_postings(segment, dimension);
            for (std::size_t i = 1; i < postings.size(); ++i) CHECK(postings[i - 1].id < postings[i].id);
            for (int round = 0; round < 20; ++round) {
                const std::uint32_t hash = round == 0 ? 12345 : hashes[random() % hashes.size()];
                RowSet expected;
                for (std::size_t i = 0; i < hashes.size(); ++i) expected.set(i, hashes[i] == hash);
                CHECK(found(segment, postings, dimension, hash) == expected);
                RowSet open;
                open.set();
                segment.narrow(Wanted{static_cast<Dimension>(dimension), hash}, segment_rows, open);
                CHECK(open == expected);
            }
        }
    }
}

TEST_CASE("a damaged posting is noticed, not read past") {
    OpenSegment segment(0);
    for (int i = 0; i < segment_rows; ++i) {
        RowHashes row;
        row.fill(hash_of(static_cast<std::int64_t>(i % 100)));
        segment.put(i, row, i);
    }
    const auto postings = build_postings(segment, 0);
    REQUIRE(!postings.empty());
    const auto& data = postings[0].data;
    std::uint32_t hash;
    std::memcpy(&hash, data.data() + 4, 4);
    RowSet rows;
    for (const std::size_t size : {std::size_t{0}, std::size_t{3}, std::size_t{20}}) {
        rows.set();
        CHECK(!narrow_by_posting(data.data(), size, hash, rows));
    }
    const std::vector<std::uint8_t> huge = {0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4};
    CHECK(!narrow_by_posting(huge.data(), huge.size(), hash, rows));
    BlockTimes blocks;
    CHECK(!decode_blocks(huge.data(), huge.size(), blocks));
}

TEST_CASE("hashes are what is on disk") {
    CHECK(hash_of(std::string_view("")) == hash_of(std::string_view("")));
    CHECK(hash_of(std::string_view("claude-sonnet-4-5")) == 4182935543u);
    CHECK(hash_of(std::string_view("a")) == 1305330991u);
    CHECK(hash_of(std::int64_t{200}) == 3863530549u);
    CHECK(hash_of(std::string_view("aaaaaaaa")) != hash_of(std::string_view("aaaaaaaaa")));
}

TEST_CASE("block times cover their rows and survive encoding") {
    OpenSegment segment(3);
    for (int i = 0; i < 3000; ++i) segment.put(i, RowHashes{}, 5000 - i);
    const BlockTimes blocks = segment.block_times(3000);
    CHECK(blocks[0].max == 5000);
    CHECK(blocks[0].min == 5000 - 1023);
    CHECK(blocks[2].min == 5000 - 2999);
    CHECK(!blocks[3].touches(INT64_MIN, INT64_MAX));
    CHECK(blocks[0].touches(5000, 5001));
    CHECK(!blocks[0].touches(5001, 6000));
    CHECK(!blocks[0].touches(0, 5000 - 1023));
    const auto bytes = encode_blocks(blocks);
    BlockTimes back;
    REQUIRE(decode_blocks(bytes.data(), bytes.size(), back));
    CHECK(back[2].min == blocks[2].min);
    CHECK(back[31].min == blocks[31].min);
}

}  // namespace
}  // namespace lurus::log
