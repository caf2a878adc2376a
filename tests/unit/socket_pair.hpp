#pragma once
// Two ends of a connection within the test: ours, which does not wait, and the peer's, which does.

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "core/io/readiness.hpp"
#include "core/io/send_batch.hpp"
#include "core/io/stream_socket.hpp"

namespace lurus::test {

/// Until it holds, for twenty seconds at most. What does not depend on an event is there after one look.
template <class Holds>
bool run_until(boost::asio::io_context& io, Holds&& holds) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    io.restart();
    io.poll();
    while (!holds() && std::chrono::steady_clock::now() < end) {
        io.restart();
        io.run_one_for(std::chrono::milliseconds(100));
    }
    return holds();
}

class SocketPair {
public:
    explicit SocketPair(boost::asio::io_context& io) : SocketPair(LocalPair(io)) {}

    void say(std::string_view text) {
        CHECK(boost::asio::write(theirs, boost::asio::buffer(text.data(), text.size())) == text.size());
    }
    std::string hear(std::size_t bytes) {
        std::string text(bytes, '\0');
        boost::system::error_code ec;
        text.resize(boost::asio::read(theirs, boost::asio::buffer(text), ec));
        CHECK_FALSE(ec);
        return text;
    }
    /// Whether there is nothing to hear.
    [[nodiscard]] bool silent() const { return theirs.available() == 0; }
    void hang_up() { theirs.close(); }

    /// Until ours takes nothing more: what is on its way makes room once more.
    static void fill(int descriptor) {
        const std::string filler(64 * 1024, 'x');
        for (int full = 0; full < 10;) {
            const std::ptrdiff_t sent = send(descriptor, filler);
            REQUIRE((sent > 0 || sent == -EAGAIN));
            full = sent > 0 ? 0 : full + 1;
            if (full > 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    /// Closes the peer's end, until ours knows.
    void be_gone(int descriptor) {
        boost::system::error_code ignored;
        theirs.set_option(boost::asio::socket_base::linger(true, 0), ignored);
        hang_up();
        for (int i = 0; i < 2000 && send(descriptor, "x") > 0; ++i)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        REQUIRE(send(descriptor, "x") < 0);
    }
    /// What a batch of one says.
    static std::ptrdiff_t send(int descriptor, std::string_view bytes) {
        std::array<SendBatch::Item, 1> item{SendBatch::Item{descriptor, bytes.data(), bytes.size(), 0}};
        SendBatch(SendBatch::Way::one_by_one).send(item);
        return item.front().result;
    }

private:
    explicit SocketPair(LocalPair pair) : ours(std::move(pair.ours)), theirs(std::move(pair.theirs)) {}

public:
    StreamSocket ours;
    boost::asio::generic::stream_protocol::socket theirs;
};

/// Until there is something to read at a socket that nobody watches.
inline bool arrived(boost::asio::io_context& io, int descriptor) {
    Watch watch(Readiness::of(io), descriptor);
    bool readable = false;
    watch.when_readable([&](const boost::system::error_code& ec) { readable = !ec; });
    const bool told = run_until(io, [&] { return readable; });
    watch.let_go(descriptor);
    return told;
}

}  // namespace lurus::test
