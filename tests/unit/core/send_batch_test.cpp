#include "core/io/send_batch.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "tests/unit/socket_pair.hpp"

namespace send_batch_test {
namespace {

using lurus::SendBatch;
using lurus::test::SocketPair;

}  // namespace

TEST_CASE("a batch tells of each socket what it took, whichever way it is sent") {
    for (const auto way : {SendBatch::Way::best, SendBatch::Way::one_by_one}) {
        SendBatch batch(way);
        CAPTURE(batch.batched());
        // More than one call takes; one full socket and one whose reader has left among them.
        constexpr std::size_t count = 3 * SendBatch::most + 5;
        boost::asio::io_context io;
        std::vector<std::unique_ptr<SocketPair>> pairs;
        for (std::size_t i = 0; i < count; ++i) pairs.push_back(std::make_unique<SocketPair>(io));
        constexpr std::size_t full = 7, left = 70;
        SocketPair::fill(pairs[full]->ours.descriptor());
        pairs[left]->be_gone(pairs[left]->ours.descriptor());
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < count; ++i) texts.push_back("message " + std::to_string(i));
        std::vector<SendBatch::Item> items;
        for (std::size_t i = 0; i < count; ++i)
            items.push_back(SendBatch::Item{pairs[i]->ours.descriptor(), texts[i].data(), texts[i].size(), 0});
        batch.send(items);
        for (std::size_t i = 0; i < count; ++i) {
            CAPTURE(i);
            if (i == full) {
                CHECK(items[i].result == -EAGAIN);
            } else if (i == left) {
                CHECK(items[i].result < 0);
                CHECK(items[i].result != -EAGAIN);
            } else {
                CHECK(items[i].result == static_cast<std::ptrdiff_t>(texts[i].size()));
                CHECK(pairs[i]->hear(texts[i].size()) == texts[i]);
            }
        }
    }
}

TEST_CASE("a socket that takes only a part says how much") {
    for (const auto way : {SendBatch::Way::best, SendBatch::Way::one_by_one}) {
        SendBatch batch(way);
        boost::asio::io_context io;
        SocketPair a(io), b(io);
        const std::string large(4 << 20, 'y');
        std::array<SendBatch::Item, 2> items = {SendBatch::Item{a.ours.descriptor(), large.data(), large.size(), 0},
                                                SendBatch::Item{b.ours.descriptor(), "z", 1, 0}};
        batch.send(items);
        REQUIRE(items[0].result > 0);
        CHECK(items[1].result == 1);
        const auto taken = static_cast<std::size_t>(items[0].result);
        CHECK(a.hear(taken) == large.substr(0, taken));
        CHECK(a.silent());
    }
}

}  // namespace send_batch_test
