// How a session reads: heads, bodies, and ahead.

#include <algorithm>

#include "core/os/release.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/session/session.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {

constexpr std::size_t read_ahead = 64 * 1024;  // of pipelined requests while one is served
constexpr std::size_t smallest_read = 4 * 1024;
constexpr std::size_t largest_read = 256 * 1024;
constexpr std::size_t most_reserved = 16 << 20;  // address space for an announced body; memory comes with its bytes

// The head's bytes have moved to `request.bytes`.
void parse_again(Request& request, std::size_t head_size) {
    std::string_view& model = request.endpoint.path_model;
    const std::size_t model_at =
        model.empty() ? 0 : static_cast<std::size_t>(model.data() - request.head.target.data());
    http1::parse_request_head(request.bytes, head_size, request.head);
    model = request.head.target.substr(model_at, model.size());
}

}  // namespace

void Session::arm_read() {
    if (armed_ || gone_ || !channel_.is_open() || in_.size() >= std::max(input_wanted_, read_ahead)) return;
    armed_ = true;
    channel_.when_readable([self = shared_from_this()](const boost::system::error_code& ec) {
        self->armed_ = false;
        self->on_readable(ec);
    });
}

void Session::on_readable(const boost::system::error_code& ec) {
    if (gone_) return;
    if (ec) return client_left();
    const std::size_t size = in_.size();
    const std::size_t wanted = input_wanted_ > size ? input_wanted_ - size : 0;
    IoResult result;
    if (wanted > smallest_read) {
        const std::size_t room = std::min(wanted, largest_read);
        in_.resize_and_overwrite(size + room, [&](char* data, std::size_t) {
            result = channel_.read(std::span<char>(data + size, room));
            return size + result.bytes;
        });
    } else {
        result = channel_.read(std::span(shard.scratch).first(smallest_read));
        in_.append(shard.scratch.data(), result.bytes);
    }
    if (result.state == Io::eof || result.state == Io::error) return client_left();
    arm_read();
    if (result.bytes > 0) signal.notify();
}

asio::awaitable<bool> Session::more_input() {
    const std::size_t before = in_.size();
    arm_read();
    while (in_.size() == before) {
        if (gone_ || timed_out_) co_return false;
        co_await signal.wait();
    }
    co_return true;
}

// Reads until a head is whole. The request's head is parsed from `in_`, which stays where it is until the body is read.
asio::awaitable<std::size_t> Session::read_head(std::unique_ptr<Request>& begun) {
    idle_ = true;
    if (shard.draining() && in_.empty()) co_return 0;
    input_wanted_ = 0;
    if (in_.empty()) {
        release(in_);  // an idle connection keeps no buffer
        set_deadline(shard.snapshot->settings.idle_timeout_ms);
        arm_read();
        while (in_.empty()) {
            if (gone_ || timed_out_) co_return 0;
            co_await signal.wait();
        }
    }
    idle_ = false;
    begun = std::make_unique<Request>();
    Request& request = *begun;
    request.snapshot = shard.snapshot;
    const GatewaySettings& settings = request.snapshot->settings;
    set_deadline(settings.header_timeout_ms);
    for (;;) {
        const auto parsed =
            http1::parse_request_head(in_, static_cast<std::size_t>(settings.max_header_bytes), request.head);
        if (parsed.state == http1::HeadResult::State::complete) {
            request.time = shard.clock.now();
            request.started_us = shard.clock.monotonic_us();
            request.head_only = request.head.method == "HEAD";
            request.target_at = static_cast<std::size_t>(request.head.target.data() - in_.data());
            set_deadline(0);
            const auto given = trace_parent(request.head.value("traceparent"));
            request.trace_id = given ? *given : shard.ids.next(request.time);
            if (!request.head.keep_alive) keep_alive_ = false;
            co_return parsed.consumed;
        }
        int status = 0;
        const char* why = nullptr;
        if (parsed.state == http1::HeadResult::State::bad) {
            status = parsed.status;
            why = parsed.why;
        } else if (!co_await more_input()) {
            if (gone_) co_return 0;
            status = 408;
            why = "the request's head did not arrive in time";
        }
        if (status != 0) {
            keep_alive_ = false;
            request.trace_id = shard.ids.next(shard.clock.now());
            request.head = http1::RequestHead();
            co_await respond_error(request, status, why);
            co_await linger();
            co_return 0;
        }
    }
}

bool Session::take_body(Request& request, std::size_t head_size) {
    const std::uint64_t length = request.head.content_length.value_or(0);
    const auto cap = static_cast<std::uint64_t>(request.snapshot->settings.max_body_bytes);
    if (request.head.chunked || length > cap || in_.size() < head_size + length) return false;
    own_bytes(request, head_size, head_size + static_cast<std::size_t>(length));
    return true;
}

// `head_size` bytes at the start of `in_` are the head. Afterwards the request owns its bytes and `in_` holds what
// follows.
asio::awaitable<bool> Session::read_body(Request& request, std::size_t head_size) {
    const GatewaySettings& settings = request.snapshot->settings;
    const auto cap = static_cast<std::uint64_t>(settings.max_body_bytes);
    if (request.head.content_length.value_or(0) > cap) {
        keep_alive_ = false;
        co_await respond_error(request, 413,
                               "the request's body is larger than the " + std::to_string(cap) +
                                   " bytes that server.max_body_bytes allows");
        co_return false;
    }
    if (request.head.expect_continue && in_.size() == head_size) {
        if (!co_await send("HTTP/1.1 100 Continue\r\n\r\n")) co_return false;
    }
    if (request.head.chunked) co_return co_await read_chunked(request, head_size);
    const std::size_t total = head_size + static_cast<std::size_t>(request.head.content_length.value_or(0));
    if (in_.size() < total) {
        input_wanted_ = total;
        in_.reserve(std::min(total, most_reserved));
        while (in_.size() < total) {
            set_deadline(settings.body_timeout_ms);
            if (!co_await more_input()) {
                if (gone_) co_return false;
                keep_alive_ = false;
                co_await respond_error(request, 408, "the request's body did not arrive in time");
                co_return false;
            }
        }
        set_deadline(0);
    }
    own_bytes(request, head_size, total);
    co_return true;
}

void Session::own_bytes(Request& request, std::size_t head_size, std::size_t total) {
    input_wanted_ = 0;
    if (in_.size() == total) {
        request.bytes = std::exchange(in_, {});
    } else {
        request.bytes = in_.substr(0, total);
        in_.erase(0, total);
    }
    // The head's bytes stand where they were parsed unless the buffer grew or was shared with the next request.
    if (request.head.target.data() != request.bytes.data() + request.target_at) parse_again(request, head_size);
    request.body = std::string_view(request.bytes).substr(head_size);
    arm_read();  // sees the client leave, and reads ahead
}

asio::awaitable<bool> Session::read_chunked(Request& request, std::size_t head_size) {
    const GatewaySettings& settings = request.snapshot->settings;
    const auto cap = static_cast<std::size_t>(settings.max_body_bytes);
    http1::BodyFramer framer(http1::BodyKind::chunked, 0);
    request.bytes = in_.substr(0, head_size);
    in_.erase(0, head_size);
    parse_again(request, head_size);
    while (!framer.done()) {
        std::string_view rest = in_;
        while (!rest.empty() && !framer.done()) {
            const auto step = framer.feed(rest);
            if (step.error != nullptr) {
                keep_alive_ = false;
                co_await respond_error(request, 400, std::string("bad chunked body: ") + step.error);
                co_return false;
            }
            request.chunked_body.append(step.payload);
            rest.remove_prefix(step.consumed);
        }
        in_.erase(0, in_.size() - rest.size());
        if (request.chunked_body.size() > cap) {
            keep_alive_ = false;
            co_await respond_error(request, 413,
                                   "the request's body is larger than the " + std::to_string(cap) +
                                       " bytes that server.max_body_bytes allows");
            co_return false;
        }
        if (framer.done()) break;
        set_deadline(settings.body_timeout_ms);
        if (!co_await more_input()) {
            if (gone_) co_return false;
            keep_alive_ = false;
            co_await respond_error(request, 408, "the request's body did not arrive in time");
            co_return false;
        }
    }
    set_deadline(0);
    request.body = request.chunked_body;
    arm_read();
    co_return true;
}

std::string Session::take_input() {
    return std::exchange(in_, std::string());
}

}  // namespace lurus::gateway
