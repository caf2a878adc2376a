#include "core/io/outside_pool.hpp"

#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <future>

#include <thread>

#include "core/http/http_client.hpp"
#include "core/io/left_behind.hpp"
#include "core/io/open_socket.hpp"
#include "tests/unit/latch.hpp"

namespace outside_pool_test {

using namespace lurus;
using namespace std::chrono_literals;

namespace {

/// Accepts and says nothing.
struct Silent {
    boost::asio::io_context context;
    boost::asio::ip::tcp::acceptor acceptor{context, {boost::asio::ip::address_v4::loopback(), 0}};
    boost::asio::ip::tcp::socket client{context};

    HttpCall call(bool tls) const {
        HttpCall out;
        out.url.tls = tls;
        out.url.host = "127.0.0.1";
        out.url.port = acceptor.local_endpoint().port();
        return out;
    }
};

}  // namespace

TEST_CASE("there is no thread before the first call; calls run beside each other") {
    OutsidePool pool;
    CHECK(pool.threads() == 0);
    test::Latch together(6);
    for (int i = 0; i < 6; ++i) pool.post({}, [&] { together.arrive_and_wait(); });
    together.wait();
    CHECK(pool.threads() == 6);
    pool.settle();
    std::promise<int> reused;
    pool.post({}, [&] { reused.set_value(pool.threads()); });
    CHECK(reused.get_future().get() == 6);
}

TEST_CASE("a lane has its threads at most, and those that wait in it take none of another's") {
    OutsidePool pool;
    test::Latch full(3), open(1);
    std::atomic<int> at_once = 0, most = 0, done = 0;
    for (int i = 0; i < 20; ++i) {
        pool.post({"hung", 3}, [&, i] {
            most = std::max(most.load(), ++at_once);
            if (i < 3) full.count_down();
            open.wait();
            --at_once;
            ++done;
        });
    }
    full.wait();
    CHECK(pool.threads() == 3);
    std::promise<void> other;
    pool.post({"answering", 1}, [&] { other.set_value(); });
    other.get_future().wait();
    CHECK(done == 0);
    open.count_down();
    pool.settle();
    CHECK(done == 20);
    CHECK(most <= 3);
}

TEST_CASE("the stop ends what waits, what follows ends at once, and everything posted is done") {
    std::atomic<int> done = 0;
    {
        OutsidePool pool;
        test::Latch waiting(3);
        for (int i = 0; i < 3; ++i) {
            pool.post({}, [&] {
                const OutsideLimit limit = pool.within(1h);
                std::promise<void> stopped;
                const std::stop_callback tell(limit.stop, [&] { stopped.set_value(); });
                waiting.count_down();
                stopped.get_future().wait();
                ++done;
            });
        }
        waiting.wait();
        pool.stop();
        pool.post({}, [&] { done += pool.within(1h).over() ? 1 : 100; });
        pool.settle();
        CHECK(done == 4);
        pool.post({}, [&] { ++done; });
    }
    CHECK(done == 5);
}

TEST_CASE("a call that knows no deadline is left behind") {
    auto release = std::make_shared<std::promise<void>>();
    const auto stuck = [release] {
        release->get_future().wait();
        return 1;
    };
    CHECK_FALSE(result_within<int>({std::chrono::steady_clock::now() + 5ms, {}}, stuck).has_value());
    release->set_value();
    CHECK(result_within<int>({}, [] { return 7; }) == 7);

    // What shortens it is called when it is stopped.
    std::stop_source stop;
    auto ended = std::make_shared<std::promise<void>>();
    auto begun = std::make_shared<std::promise<void>>();
    std::thread stopper([&] {
        begun->get_future().wait();
        stop.request_stop();
    });
    OutsideLimit limit;
    limit.stop = stop.get_token();
    CHECK_FALSE(result_within<int>(
                    limit,
                    [ended, begun] {
                        begun->set_value();
                        ended->get_future().wait();
                        return 1;
                    },
                    [ended] { ended->set_value(); })
                    .has_value());
    stopper.join();
}

TEST_CASE("a socket that is shut returns what reads it, and one that is opened later too") {
    using boost::asio::ip::tcp;
    Silent server;
    const auto connected = [&] {
        tcp::socket socket(server.context);
        socket.connect(server.acceptor.local_endpoint());
        return socket;
    };
    OpenSocket socket;
    tcp::socket first = connected();
    socket.opened(static_cast<int>(first.native_handle()));
    char byte = 0;
    boost::system::error_code why;
    std::thread reader([&] { first.read_some(boost::asio::buffer(&byte, 1), why); });
    socket.shut();
    reader.join();
    CHECK(why);
    socket.closed();
    tcp::socket next = connected();
    socket.opened(static_cast<int>(next.native_handle()));
    next.read_some(boost::asio::buffer(&byte, 1), why);
    CHECK(why);
}

TEST_CASE("an exchange ends with the stop, before, in the middle of TLS and of the answer") {
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        Silent vendor;
        OutsidePool pool;
        std::promise<Result<HttpAnswer>> answer;
        pool.post({}, [&] {
            HttpCall call = vendor.call(tls);
            call.limit = pool.within(1h);
            call.timeout_ms = call.connect_timeout_ms = 3600 * 1000;
            answer.set_value(http_exchange(call));
        });
        vendor.acceptor.accept(vendor.client);
        std::array<char, 16> block{};
        REQUIRE(vendor.client.read_some(boost::asio::buffer(block)) > 0);  // it waits for us now
        pool.stop();
        const auto ended = answer.get_future().get();
        REQUIRE_FALSE(ended.has_value());
        CHECK(ended.error().code == ErrorCode::unavailable);
        CHECK(ended.error().message.contains("the server stops"));

        HttpCall after = vendor.call(tls);
        after.limit = pool.within(1h);
        CHECK_FALSE(http_exchange(after).has_value());
    }
}

TEST_CASE("an exchange ends at its limit, in the TLS handshake as well") {
    for (const bool tls : {false, true}) {
        CAPTURE(tls);
        Silent vendor;
        HttpCall call = vendor.call(tls);
        call.limit.until = std::chrono::steady_clock::now() + 50ms;
        const auto late = http_exchange(call);
        REQUIRE_FALSE(late.has_value());
        CHECK(late.error().code == ErrorCode::timeout);
    }
}

}  // namespace outside_pool_test
