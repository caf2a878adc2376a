#include "core/io/readiness.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/connect_pair.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "core/io/channel.hpp"

namespace readiness_test {

using namespace lurus;
namespace asio = boost::asio;

namespace {

struct Pair {
    explicit Pair(asio::io_context& io) {
        asio::local::stream_protocol::socket a(io), b(io);
        asio::local::connect_pair(a, b);
        ours = std::make_unique<Channel>(Channel::Socket(std::move(a)));
        theirs = b.release();
    }
    ~Pair() {
        if (theirs >= 0) ::close(theirs);
    }
    void say(std::string_view text) const {
        CHECK(::send(theirs, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()));
    }
    void hang_up() { ::close(std::exchange(theirs, -1)); }

    std::unique_ptr<Channel> ours;
    int theirs = -1;
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

void run(asio::io_context& io) {
    io.restart();
    io.poll();
}

std::string read(Channel& channel, std::size_t most) {
    std::string text(most, '\0');
    const IoResult result = channel.read(text);
    text.resize(result.bytes);
    return text;
}

}  // namespace

TEST_CASE("a wait ends when bytes come, once, and not inside the call") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.ours->when_readable(tells(told));
    run(io);
    CHECK(told.times == 0);
    pair.say("hello");
    CHECK(told.times == 0);
    run(io);
    CHECK(told.times == 1);
    CHECK(!told.ec);
    pair.say("more");
    run(io);
    CHECK(told.times == 1);
    CHECK(read(*pair.ours, 100) == "hellomore");
    std::array<char, 8> block{};
    CHECK(pair.ours->read(block).state == Io::again);
    pair.ours->when_readable(tells(told));
    run(io);
    CHECK(told.times == 1);
}

TEST_CASE("what a read left behind is told of, though nothing new comes") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.say("hello");
    pair.ours->when_readable(tells(told));
    run(io);
    CHECK(read(*pair.ours, 2) == "he");
    pair.ours->when_readable(tells(told));
    CHECK(told.times == 1);
    run(io);
    CHECK(told.times == 2);
    CHECK(read(*pair.ours, 3) == "llo");  // exactly the rest: whether there is more is not known
    pair.ours->when_readable(tells(told));
    run(io);
    CHECK(told.times == 3);
    CHECK(read(*pair.ours, 3).empty());
    pair.ours->when_readable(tells(told));
    run(io);
    CHECK(told.times == 3);
}

TEST_CASE("an end that came with the last bytes is told of after a short read") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.ours->when_readable(tells(told));
    pair.say("bye");
    pair.hang_up();
    run(io);
    CHECK(told.times == 1);
    CHECK(read(*pair.ours, 100) == "bye");
    pair.ours->when_readable(tells(told));
    run(io);
    CHECK(told.times == 2);
    std::array<char, 8> block{};
    CHECK(pair.ours->read(block).state == Io::eof);
}

TEST_CASE("a full socket is told of when it takes more") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.ours->when_writable(tells(told));
    run(io);
    CHECK(told.times == 1);
    const std::string block(64 * 1024, 'x');
    const asio::const_buffer buffer(block.data(), block.size());
    std::size_t written = 0;
    for (;;) {
        const IoResult result = pair.ours->write(std::span(&buffer, 1));
        if (result.state != Io::ok) {
            CHECK(result.state == Io::again);
            break;
        }
        written += result.bytes;
    }
    pair.ours->when_writable(tells(told));
    run(io);
    CHECK(told.times == 1);
    std::string sink(written, '\0');
    for (std::size_t got = 0; got < written;) {
        const ssize_t n = ::recv(pair.theirs, sink.data(), sink.size(), 0);
        REQUIRE(n > 0);
        got += static_cast<std::size_t>(n);
    }
    run(io);
    CHECK(told.times == 2);
}

TEST_CASE("many pieces are written in their order") {
    asio::io_context io;
    Pair pair(io);
    std::string expected;
    std::vector<std::string> texts;
    for (int i = 0; i < 200; ++i) expected += texts.emplace_back(std::to_string(i) + ",");
    std::vector<asio::const_buffer> buffers;
    for (const auto& text : texts) buffers.emplace_back(text.data(), text.size());
    CHECK(pair.ours->write(buffers).bytes == expected.size());
    std::string got(expected.size(), '\0');
    CHECK(::recv(pair.theirs, got.data(), got.size(), MSG_WAITALL) == static_cast<ssize_t>(expected.size()));
    CHECK(got == expected);
}

TEST_CASE("closing ends the waits, and the io_context runs out of work") {
    asio::io_context io;
    Pair pair(io);
    Told told;
    pair.ours->when_readable(tells(told));
    pair.ours->close();
    CHECK(told.times == 0);
    io.restart();
    io.run_for(std::chrono::seconds(20));
    CHECK(io.stopped());
    CHECK(told.times == 1);
    CHECK(told.ec == asio::error::operation_aborted);
    pair.ours->when_readable(tells(told));
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
            other.ours->close();
            fresh.emplace(io);  // takes the closed one's place in the set
            fresh->ours->when_readable([&](const boost::system::error_code& error) { called += error ? 0 : 100; });
        };
    };
    a.ours->when_readable(close_others(b));
    b.ours->when_readable(close_others(a));
    a.say("x");
    b.say("x");
    run(io);
    CHECK(called == 1);
}

TEST_CASE("the turn's end comes after its callbacks") {
    asio::io_context io;
    Readiness& ready = Readiness::of(io);
    Pair a(io), b(io);
    std::string order;
    ready.at_turn_end([&] { order += ready.in_turn() ? "?" : "e"; });
    a.ours->when_readable([&](const boost::system::error_code&) { order += ready.in_turn() ? "a" : "?"; });
    b.ours->when_readable([&](const boost::system::error_code&) { order += ready.in_turn() ? "b" : "?"; });
    a.say("x");
    b.say("x");
    run(io);
    CHECK(order == "abe");
}

TEST_CASE("an io_context that ends gives back what waits") {
    const auto kept = std::make_shared<int>(1);
    {
        asio::io_context io;
        // The callback owns its own channel, as a session does.
        auto pair = std::make_shared<Pair>(io);
        pair->ours->when_readable([kept, pair](const boost::system::error_code&) {});
        pair.reset();
        CHECK(kept.use_count() == 2);
    }
    CHECK(kept.use_count() == 1);
}

}  // namespace readiness_test
