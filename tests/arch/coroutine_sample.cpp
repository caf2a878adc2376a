// Not built: what the coroutine lint must find, and must not.
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/this_coro.hpp>
#include <string>

namespace asio = boost::asio;

struct Pair {
    std::string name;
    int n = 0;
};
asio::awaitable<int> number();
asio::awaitable<void> take(Pair pair);

asio::awaitable<void> bad_aggregate() {
    co_await take(Pair{std::string("a"), 1});  // found
}
asio::awaitable<void> bad_list() {
    Pair pair{.name = {}, .n = co_await number()};  // found
    (void)pair;
}
asio::awaitable<void> bad_lambda(std::string text) {
    asio::co_spawn(
        co_await asio::this_coro::executor, [text]() -> asio::awaitable<void> { co_return; },  // found
        asio::detached);
}
asio::awaitable<void> good() {
    Pair pair{std::string("a"), 1};
    co_await take(std::move(pair));
    const int n = co_await number();
    Pair second{.name = {}, .n = n};
    (void)second;
}
