#include <sys/socket.h>
#include <unistd.h>

#include <doctest/doctest.h>
#include <array>
#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "core/io/send_batch.hpp"

namespace send_batch_test {
namespace {

using lurus::SendBatch;

struct Pair {
    std::array<int, 2> fds{};
    Pair() { REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds.data()) == 0); }
    ~Pair() {
        ::close(fds[0]);
        if (fds[1] >= 0) ::close(fds[1]);
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    void leave() { ::close(std::exchange(fds[1], -1)); }
    std::string received() const {
        std::string out(1 << 20, '\0');
        const auto n = ::recv(fds[1], out.data(), out.size(), 0);
        out.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
        return out;
    }
};

TEST_CASE("a batch tells of each socket what it took, whichever way it is sent") {
    for (const auto way : {SendBatch::Way::best, SendBatch::Way::one_by_one}) {
        SendBatch batch(way);
        CAPTURE(batch.batched());
        // More than one call takes; one full socket and one whose reader has left among them.
        constexpr std::size_t count = 3 * SendBatch::most + 5;
        std::vector<Pair> pairs(count);
        constexpr std::size_t full = 7, left = 70;
        const std::string filler(64 * 1024, 'x');
        while (::send(pairs[full].fds[0], filler.data(), filler.size(), MSG_NOSIGNAL) > 0) {
        }
        pairs[left].leave();
        std::vector<std::string> texts;
        for (std::size_t i = 0; i < count; ++i) texts.push_back("message " + std::to_string(i));
        std::vector<SendBatch::Item> items;
        for (std::size_t i = 0; i < count; ++i)
            items.push_back(SendBatch::Item{pairs[i].fds[0], texts[i].data(), texts[i].size(), 0});
        batch.send(items);
        for (std::size_t i = 0; i < count; ++i) {
            CAPTURE(i);
            if (i == full) {
                CHECK(items[i].result == -EAGAIN);
            } else if (i == left) {
                CHECK(items[i].result == -EPIPE);
            } else {
                CHECK(items[i].result == static_cast<std::ptrdiff_t>(texts[i].size()));
                CHECK(pairs[i].received() == texts[i]);
            }
        }
    }
}

TEST_CASE("a socket that takes only a part says how much") {
    for (const auto way : {SendBatch::Way::best, SendBatch::Way::one_by_one}) {
        SendBatch batch(way);
        Pair a, b;
        const std::string large(4 << 20, 'y');
        std::array<SendBatch::Item, 2> items = {SendBatch::Item{a.fds[0], large.data(), large.size(), 0},
                                                SendBatch::Item{b.fds[0], "z", 1, 0}};
        batch.send(items);
        CHECK(items[0].result > 0);
        CHECK(items[0].result < static_cast<std::ptrdiff_t>(large.size()));
        CHECK(items[1].result == 1);
    }
}

}  // namespace
}  // namespace send_batch_test
