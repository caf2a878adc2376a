#include "modules/gateway/server/local_server.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <string>

#include "core/http/http1.hpp"
#include "core/text/ascii.hpp"
#include "modules/gateway/attempt/forward_head.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

using LocalSocket = asio::generic::stream_protocol::socket;
constexpr std::size_t max_head = 256 * 1024;

asio::awaitable<bool> send(LocalSocket& socket, const std::string& bytes) {
    boost::system::error_code ec;
    co_await asio::async_write(socket, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, ec));
    co_return !ec;
}

asio::awaitable<bool> read_more(LocalSocket& socket, std::string& in) {
    const std::size_t size = in.size();
    in.resize(size + 16 * 1024);
    boost::system::error_code ec;
    const std::size_t n = co_await socket.async_read_some(asio::buffer(in.data() + size, in.size() - size),
                                                          asio::redirect_error(asio::use_awaitable, ec));
    in.resize(size + n);
    co_return !ec;
}

asio::awaitable<bool> answer(LocalSocket& socket, const LocalReply& reply) {
    std::string out =
        "HTTP/1.1 " + std::to_string(reply.status) + " " + std::string(reason_phrase(reply.status)) + "\r\n";
    for (const auto& [name, value] : reply.headers) out += name + ": " + value + "\r\n";
    const bool whole = reply.parts.size() <= 1;
    if (whole) {
        out += "Content-Length: " + std::to_string(reply.parts.empty() ? 0 : reply.parts.front().bytes.size()) +
               "\r\n\r\n";
    } else {
        out += "Transfer-Encoding: chunked\r\n\r\n";
    }
    asio::steady_timer timer(socket.get_executor());
    for (const auto& part : reply.parts) {
        if (part.delay_ms > 0) {
            timer.expires_after(std::chrono::milliseconds(part.delay_ms));
            co_await timer.async_wait(asio::use_awaitable);
        }
        if (whole) {
            out += part.bytes;
        } else if (!part.bytes.empty()) {
            char size[24];
            const int n = std::snprintf(size, sizeof size, "%zx\r\n", part.bytes.size());
            out.append(size, static_cast<std::size_t>(n)).append(part.bytes).append("\r\n");
        }
        if (!whole) {
            if (!co_await send(socket, out)) co_return false;
            out.clear();
        }
    }
    if (!whole) out += "0\r\n\r\n";
    co_return co_await send(socket, out);
}

asio::awaitable<void> serve(LocalSocket socket, std::shared_ptr<const LocalVendor> vendor) {
    std::string in;
    http1::RequestHead head;
    for (;;) {
        http1::HeadResult parsed = http1::parse_request_head(in, max_head, head);
        while (parsed.state == http1::HeadResult::State::need_more) {
            if (!co_await read_more(socket, in)) co_return;
            parsed = http1::parse_request_head(in, max_head, head);
        }
        if (parsed.state == http1::HeadResult::State::bad) co_return;
        const std::size_t total = parsed.consumed + head.content_length.value_or(0);
        while (in.size() < total) {
            if (!co_await read_more(socket, in)) co_return;
        }
        http1::parse_request_head(in, max_head, head);
        std::vector<std::pair<std::string, std::string>> headers;
        for (const auto& field : head.fields) {
            headers.emplace_back(lower_case(field.name), std::string(field.value));
        }
        const LocalReply reply = vendor->answer(head.method, head.target, headers,
                                                std::string_view(in).substr(parsed.consumed, total - parsed.consumed));
        if (!co_await answer(socket, reply)) co_return;
        in.erase(0, total);
    }
}

}  // namespace

StreamSocket connect_local(asio::io_context& io, std::shared_ptr<const LocalVendor> vendor) {
    LocalPair pair(io);
    asio::co_spawn(io, serve(std::move(pair.theirs), std::move(vendor)), asio::detached);
    return std::move(pair.ours);
}

}  // namespace lurus::gateway
