// Answers of the management API that are made while they are sent.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "tests/unit/relay/rig.hpp"

namespace api_stream_test {

using namespace lurus;
using namespace lurus::test;

namespace {

constexpr std::size_t piece_bytes = 64 << 10;

/// What a source saw, which outlives it.
struct Watched {
    std::atomic<int> pulls = 0;
    std::atomic<int> sources = 0;
};

/// Counts the sources that are alive; copies of a function share it.
struct Alive {
    explicit Alive(std::shared_ptr<Watched> w) : watched(std::move(w)) { ++watched->sources; }
    ~Alive() { --watched->sources; }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    std::shared_ptr<Watched> watched;
};

/// A server whose every API call is answered by the pieces that `next` makes of their number.
std::unique_ptr<Rig> server(const std::shared_ptr<Watched>& watched, std::function<Result<ApiPiece>(int)> next) {
    return std::make_unique<Rig>(Family::openai, Rig::Vendor::plain, [watched, next](const ApiCall&) {
        ApiResponse response;
        response.content_type = "text/plain";
        response.stream = [alive = std::make_shared<Alive>(watched), next] { return next(alive->watched->pulls++); };
        return response;
    });
}

void wait_until(const std::function<bool()>& holds) {
    for (int i = 0; i < 2000 && !holds(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    CHECK(holds());
}

/// Until it stopped rising.
int settled(const std::atomic<int>& number) {
    for (int last = -1, same = 0;;) {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        const int now = number.load();
        same = now == last ? same + 1 : 0;
        last = now;
        if (same == 4) return now;
    }
}

std::size_t drain(const Wire& wire, std::size_t wanted) {
    std::string buffer(piece_bytes, 0);
    std::size_t got = 0;
    while (got < wanted) {
        const std::size_t n = wire.receive_some(buffer);
        REQUIRE(n > 0);
        got += n;
    }
    return got;
}

std::string all_of(const Wire& wire) {
    std::string out, buffer(4096, 0);
    for (;;) {
        const std::size_t n = wire.receive_some(buffer);
        if (n == 0) return out;
        out.append(buffer.data(), n);
    }
}

constexpr std::string_view get = "GET /api/v1/any HTTP/1.1\r\nHost: x\r\n\r\n";

}  // namespace

TEST_CASE("a body in pieces arrives whole and in order, and the connection goes on") {
    const auto watched = std::make_shared<Watched>();
    const auto rig = server(watched, [](int number) -> Result<ApiPiece> {
        switch (number % 4) {
            case 0: return ApiPiece("first ");
            case 1: return ApiPiece("", 1);  // nothing yet
            case 2: return ApiPiece(std::string(40'000, 'x'));
            default: return ApiPiece();
        }
    });
    const Wire wire = rig->connect();
    for (int i = 0; i < 2; ++i) {
        wire.send(get);
        const std::string_view answer = wire.receive_until("0\r\n\r\n");
        CHECK(answer.starts_with("HTTP/1.1 200 "));
        CHECK(answer.find("Transfer-Encoding: chunked\r\n") != std::string_view::npos);
        CHECK(answer.find("Content-Length") == std::string_view::npos);
        CHECK(answer.ends_with("\r\n\r\n6\r\nfirst \r\n9c40\r\n" + std::string(40'000, 'x') + "\r\n0\r\n\r\n"));
    }
    CHECK(watched->pulls == 8);
    wait_until([&] { return watched->sources == 0; });
}

TEST_CASE("who takes nothing is made nothing more for, and who leaves ends it") {
    const auto watched = std::make_shared<Watched>();
    const auto rig = server(watched, [](int) -> Result<ApiPiece> { return ApiPiece(std::string(piece_bytes, 'x')); });
    {
        const Wire wire = rig->connect();
        wire.send(get);
        const int unread = settled(watched->pulls);
        MESSAGE("made for a client that reads nothing: ", unread * piece_bytes / 1024, " KiB");
        CHECK(unread > 0);
        CHECK(unread * piece_bytes < (32u << 20));  // what the system's two socket buffers take
        drain(wire, 64u << 20);
        wait_until([&] { return watched->pulls > unread; });
        CHECK(watched->pulls * piece_bytes < (64u << 20) + (64u << 20));
        CHECK(watched->sources > 0);
    }
    wait_until([&] { return watched->sources == 0; });
    CHECK(settled(watched->pulls) == watched->pulls);
}

TEST_CASE("a client that leaves between two pieces ends it too") {
    const auto watched = std::make_shared<Watched>();
    const auto rig = server(watched, [](int) -> Result<ApiPiece> { return ApiPiece("", 20); });
    {
        const Wire wire = rig->connect();
        wire.send(get);
        wait_until([&] { return watched->pulls > 2; });
    }
    wait_until([&] { return watched->sources == 0; });
}

TEST_CASE("a body that fails breaks the connection off, so that nobody takes it for whole") {
    const auto watched = std::make_shared<Watched>();
    const auto rig = server(watched, [](int number) -> Result<ApiPiece> {
        if (number == 0) return ApiPiece("half");
        return fail(ErrorCode::unavailable, "gone");
    });
    const Wire wire = rig->connect();
    wire.send(get);
    const std::string answer = all_of(wire);
    CHECK(answer.find("\r\n0\r\n\r\n") == std::string::npos);
    wait_until([&] { return watched->sources == 0; });
}

TEST_CASE("HEAD asks for no piece, and HTTP/1.0 gets them without framing") {
    const auto watched = std::make_shared<Watched>();
    const auto rig = server(
        watched, [](int number) -> Result<ApiPiece> { return number == 0 ? ApiPiece("all of it") : ApiPiece(); });
    const Wire head = rig->connect();
    head.send("HEAD /api/v1/any HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(head.receive_until("\r\n\r\n").starts_with("HTTP/1.1 200 "));
    wait_until([&] { return watched->sources == 0; });
    CHECK(watched->pulls == 0);
    const Wire old = rig->connect();
    old.send("GET /api/v1/any HTTP/1.0\r\n\r\n");
    const std::string answer = all_of(old);
    CHECK(answer.ends_with("\r\n\r\nall of it"));
    CHECK(answer.find("chunked") == std::string::npos);
}

}  // namespace api_stream_test
