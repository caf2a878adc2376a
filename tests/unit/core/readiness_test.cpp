#include "core/io/readiness.hpp"

#include <doctest/doctest.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/io/channel.hpp"
#include "core/io/listening_socket.hpp"
#include "tests/unit/socket_pair.hpp"

namespace readiness_test {

using namespace lurus;
namespace asio = boost::asio;
using test::run_until;

namespace {

struct Pair : test::SocketPair {
    explicit Pair(asio::io_context& io)
        : SocketPair(io), channel(std::make_unique<Channel>(io, std::move(SocketPair::ours))) {}
    std::unique_ptr<Channel> channel;
};

struct Told {
    int times = 0;
    boost::system::error_code ec;
};

Watch::Callback tells(Told& told) {
    return [&told](const boost::system::error_code& ec) {
        ++told.times;
        told.ec = ec;
    };
}

/// What is there already.
void run(asio::io_context& io) {
    io.restart();
    io.poll();
}

bool told_times(asio::io_context& io, const Told& told, int times) {
    return run_until(io, [&] { return told.times >= times; }) && told.times == times;
}

std::string read(Channel& channel, std::size_t most) {
    std::string text(most, '\0');
    const IoResult result = channel.read(text);
    text.resize(result.bytes);
    return text;
}

/// Reads until it has come, whatever the waits say.
bool arrives(Channel& channel, std::string_view expected) {
    std::string got;
    for (int i = 0; i < 2000 && got.size() < expected.size(); ++i) {
        got += read(channel, 100);
        if (got.size() < expected.size()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return got == expected;
}

}  // namespace

TEST_CASE("a wait ends when bytes come, once, and not inside the call") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.channel->when_readable(tells(told));
    run(io);
    CHECK(told.times == 0);
    pair.say("hello");
    CHECK(told.times == 0);
    CHECK(told_times(io, told, 1));
    CHECK(!told.ec);
    pair.say("more");
    REQUIRE(arrives(*pair.channel, "hellomore"));
    run(io);
    CHECK(told.times == 1);
    std::array<char, 8> block{};
    CHECK(pair.channel->read(block).state == Io::again);
    pair.channel->when_readable(tells(told));
    run(io);
    CHECK(told.times == 1);
}

TEST_CASE("what a read left behind is told of, though nothing new comes") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.say("hello");
    pair.channel->when_readable(tells(told));
    CHECK(told_times(io, told, 1));
    CHECK(read(*pair.channel, 2) == "he");
    pair.channel->when_readable(tells(told));
    CHECK(told.times == 1);
    CHECK(told_times(io, told, 2));
    CHECK(read(*pair.channel, 3) == "llo");  // exactly the rest: whether there is more is not known
    pair.channel->when_readable(tells(told));
    CHECK(told_times(io, told, 3));
    CHECK(read(*pair.channel, 3).empty());
    pair.channel->when_readable(tells(told));
    run(io);
    CHECK(told.times == 3);
}

TEST_CASE("an end that came with the last bytes is told of after a short read") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.channel->when_readable(tells(told));
    pair.say("bye");
    pair.hang_up();
    CHECK(told_times(io, told, 1));
    CHECK(read(*pair.channel, 100) == "bye");
    pair.channel->when_readable(tells(told));
    CHECK(told_times(io, told, 2));
    std::array<char, 8> block{};
    CHECK(pair.channel->read(block).state == Io::eof);
}

TEST_CASE("a full socket is told of when it takes more") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.channel->when_writable(tells(told));
    CHECK(told_times(io, told, 1));
    pair.fill(pair.channel->descriptor());
    const asio::const_buffer more("x", 1);
    CHECK(pair.channel->write(std::span(&more, 1)).state == Io::again);
    pair.channel->when_writable(tells(told));
    run(io);
    CHECK(told.times == 1);
    std::string sink(1 << 20, '\0');
    CHECK(run_until(io, [&] {
        if (!pair.silent()) (void)pair.theirs.read_some(asio::buffer(sink));
        return told.times == 2;
    }));
}

TEST_CASE("many pieces are written in their order") {
    asio::io_context io;
    Pair pair(io);
    std::string expected;
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) expected += texts.emplace_back(std::to_string(i) + ",");
    std::vector<asio::const_buffer> buffers;
    for (const auto& text : texts) buffers.emplace_back(text.data(), text.size());
    CHECK(pair.channel->write(buffers).bytes == expected.size());
    CHECK(pair.hear(expected.size()) == expected);
}

TEST_CASE("closing ends the waits, and the io_context runs out of work") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.channel->when_readable(tells(told));
    pair.channel->close();
    CHECK(told.times == 0);
    io.restart();
    io.run_for(std::chrono::seconds(20));
    CHECK(io.stopped());
    CHECK(told.times == 1);
    CHECK(told.ec == asio::error::operation_aborted);
    pair.channel->when_readable(tells(told));
    run(io);
    CHECK(told.times == 2);
    CHECK(told.ec == asio::error::operation_aborted);
}

TEST_CASE("an event of a socket that another's callback closed in the same turn reaches nobody") {
    asio::io_context io;
    Pair a(io), b(io), later(io);
    int called = 0;
    std::optional<Pair> fresh;
    const auto close_others = [&](Pair& other) {
        return [&](const boost::system::error_code& ec) {
            if (ec) return;
            ++called;
            other.channel->close();
            fresh.emplace(io);  // takes the closed one's place in the set
            fresh->channel->when_readable([&](const boost::system::error_code& error) { called += error ? 0 : 100; });
        };
    };
    a.channel->when_readable(close_others(b));
    b.channel->when_readable(close_others(a));
    a.say("x");
    b.say("x");
    CHECK(run_until(io, [&] { return called > 0; }));
    run(io);
    CHECK(called == 1);
}

TEST_CASE("the turn's end comes after its callbacks") {
    asio::io_context io;
    Readiness& ready = Readiness::of(io);
    test::SocketPair a(io), b(io);
    // What they wait for is there before, so that it is told of in one turn.
    for (test::SocketPair* pair : {&a, &b}) {
        pair->say("x");
        REQUIRE(test::arrived(io, pair->ours.descriptor()));
    }
    Channel first(io, std::move(a.ours)), second(io, std::move(b.ours));
    std::string order;
    ready.at_turn_end([&] { order += ready.in_turn() ? "?" : "e"; });
    first.when_readable([&](const boost::system::error_code&) { order += ready.in_turn() ? "a" : "?"; });
    second.when_readable([&](const boost::system::error_code&) { order += ready.in_turn() ? "b" : "?"; });
    CHECK(run_until(io, [&] { return order.size() >= 3; }));
    CHECK(order == "abe");
    ready.at_turn_end(nullptr);
}

TEST_CASE("a socket connects, is refused, or is given up") {
    asio::io_context io;
    boost::system::error_code ec;
    const asio::ip::tcp::endpoint any(asio::ip::address_v4::loopback(), 0);
    auto listening = ListeningSocket::open(io, any, ec);
    REQUIRE(listening != nullptr);
    const auto address = listening->endpoint();
    Told told;
    {
        Connecting connecting(io, address);
        connecting.when_connected(tells(told));
        CHECK(told.times == 0);
        CHECK(told_times(io, told, 1));
        CHECK(!told.ec);
        Channel client(io, connecting.take());
        Told came;
        listening->when_readable(tells(came));
        REQUIRE(told_times(io, came, 1));
        Channel server(io, listening->accept(ec));
        CHECK(!ec);
        const asio::const_buffer text("hello", 5);
        CHECK(client.write(std::span(&text, 1)).bytes == 5);
        CHECK(arrives(server, "hello"));
        client.when_readable(tells(told));
        server.close();
        CHECK(told_times(io, told, 2));
    }
    {
        Connecting given_up(io, address);
        given_up.when_connected(tells(told));
    }
    CHECK(told_times(io, told, 3));
    CHECK(told.ec == asio::error::operation_aborted);
    listening.reset();
    Connecting refused(io, address);
    refused.when_connected(tells(told));
    CHECK(told_times(io, told, 4));
    CHECK(told.ec == asio::error::connection_refused);
}

TEST_CASE("an io_context that ends gives back what waits") {
    const auto kept = std::make_shared<int>(1);
    {
        asio::io_context io;
        // The callback owns its own channel, as a session does.
        auto pair = std::make_shared<Pair>(io);
        pair->channel->when_readable([kept, pair](const boost::system::error_code&) {});
        pair.reset();
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
}

}  // namespace readiness_test
