#include "core/io/socket_deadlines.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

using namespace lurus;
using namespace std::chrono_literals;

namespace {

/// A connected pair: a library reads one end, the peer has the other and says what the test wants.
struct Pair {
    std::array<int, 2> ends{-1, -1};
    OpenSocket socket;

    Pair() {
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) == 0);
        socket.opened(ends[0]);
    }
    ~Pair() {
        socket.close(ends[0]);
        ::close(ends[1]);
    }
    /// As a library without a time limit of its own would.
    ssize_t read() const {
        char byte = 0;
        return ::recv(ends[0], &byte, 1, 0);
    }
    void say() const { REQUIRE(::send(ends[1], "x", 1, 0) == 1); }
};

}  // namespace

TEST_CASE("socket deadlines: a read that nobody answers ends") {
    SocketDeadlines deadlines;
    Pair silent;
    const SocketDeadlines::Within within(deadlines, silent.socket, 20ms);
    CHECK(silent.read() == 0);
    CHECK(silent.socket.is_shut());
}

TEST_CASE("socket deadlines: one that was kept shuts nothing, and each shuts its own") {
    SocketDeadlines deadlines;
    Pair answered, silent, patient;
    {
        const SocketDeadlines::Within within(deadlines, answered.socket, 30ms);
        answered.say();
        CHECK(answered.read() == 1);
    }
    const SocketDeadlines::Within long_one(deadlines, patient.socket, 1h);
    const SocketDeadlines::Within short_one(deadlines, silent.socket, 60ms);  // sooner than the one that is waited for
    CHECK(silent.read() == 0);
    CHECK(silent.socket.is_shut());
    CHECK_FALSE(answered.socket.is_shut());
    CHECK_FALSE(patient.socket.is_shut());
    answered.say();
    CHECK(answered.read() == 1);
}
