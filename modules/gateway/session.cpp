#include "modules/gateway/session.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstring>
#include <exception>

#include <spdlog/spdlog.h>

#include "modules/gateway/dialect_text.hpp"
#include "modules/gateway/forward_head.hpp"
#include "modules/gateway/services.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {
constexpr std::size_t read_ahead = 64 * 1024;  // of pipelined requests while one is served
constexpr std::size_t smallest_read = 4 * 1024;
constexpr std::size_t largest_read = 256 * 1024;
constexpr int linger_ms = 2000;
constexpr std::size_t linger_bytes = 4 << 20;

std::optional<IpAddress> peer_of(Channel::Socket& socket) {
    boost::system::error_code ec;
    const auto endpoint = socket.remote_endpoint(ec);
    if (ec) return std::nullopt;
    const auto family = endpoint.protocol().family();
    if (family != AF_INET && family != AF_INET6) return std::nullopt;
    asio::ip::tcp::endpoint typed;
    typed.resize(endpoint.size());
    std::memcpy(typed.data(), endpoint.data(), endpoint.size());
    return IpAddress::parse(typed.address().to_string());
}

}  // namespace

Session::Session(Shard& own_shard, Channel::Socket socket, Services& services, SslPtr tls, bool open)
    : shard(own_shard),
      channel_(std::move(socket)),
      services_(services),
      open_(open),
      peer_(peer_of(channel_.socket())) {
    if (tls) channel_.use_tls(std::move(tls));
}

Session::~Session() = default;

void Session::start(const std::shared_ptr<Session>& session) {
    session->shard.add(session);
    // The coroutine keeps the session; the shard's list is for the sweep.
    asio::co_spawn(
        session->shard.io(),
        [](std::shared_ptr<Session> self) -> asio::awaitable<void> {
            try {
                co_await self->run();
            } catch (const std::exception& e) {
                spdlog::error("session ended by an exception: {}", e.what());
            }
            self->shard.outbox.settle(*self);
            self->gone_ = true;
            self->channel_.close();
            self->shard.remove(self.get());
        }(session),
        asio::detached);
}

void Session::set_deadline(int ms) {
    timed_out_ = false;
    deadline_us_ = ms > 0 ? shard.clock.monotonic_us() + ms * 1000ll : never;
}

void Session::set_heartbeat(int ms) {
    heartbeat_due_ = false;
    heartbeat_us_ = ms > 0 ? shard.clock.monotonic_us() + ms * 1000ll : never;
}

void Session::on_due(std::int64_t now_us) {
    if (now_us >= deadline_us_) {
        deadline_us_ = never;
        timed_out_ = true;
    }
    if (now_us >= heartbeat_us_) {
        heartbeat_us_ = never;
        heartbeat_due_ = true;
    }
    signal.notify();
}

void Session::on_committed(bool) {
    committed_ = true;
    signal.notify();
}

void Session::on_drain() {
    keep_alive_ = false;
    if (idle_ && in_.empty()) client_left();
}

void Session::on_stop() {
    keep_alive_ = false;
    client_left();
}

void Session::client_left() {
    gone_ = true;
    signal.notify();
}

void Session::abort() {
    shard.outbox.settle(*this);
    keep_alive_ = false;
    gone_ = true;
    channel_.abort();
}

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
    const std::size_t room = std::clamp(std::max(wanted, in_.capacity() - size), smallest_read, largest_read);
    IoResult result;
    in_.resize_and_overwrite(size + room, [&](char* data, std::size_t) {
        result = channel_.read(std::span<char>(data + size, room));
        return size + result.bytes;
    });
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

asio::awaitable<bool> Session::handshake() {
    set_deadline(shard.snapshot->settings.header_timeout_ms);
    for (;;) {
        const Io state = channel_.handshake();
        if (state == Io::ok) co_return true;
        if (state != Io::again) co_return false;
        bool ready = false;
        bool failed = false;
        const auto told = [self = shared_from_this(), &ready, &failed](const boost::system::error_code& ec) {
            if (self->gone_) return;
            (ec ? failed : ready) = true;
            self->signal.notify();
        };
        if (channel_.wants_write()) {
            channel_.when_writable(told);
        } else {
            channel_.when_readable(told);
        }
        while (!ready && !failed) {
            if (timed_out_ || gone_) {
                gone_ = true;  // the callback refers to this frame and must not touch it any more
                co_return false;
            }
            co_await signal.wait();
        }
        if (failed) co_return false;
    }
}

asio::awaitable<void> Session::run() {
    if (channel_.is_tls() && !co_await handshake()) co_return;
    while (keep_alive_ && !gone_) {
        auto request = std::make_unique<Request>();
        const std::size_t head_size = co_await read_head(*request);
        if (head_size == 0) break;
        ++shard.metrics.in_flight;
        try {
            co_await serve(*request, head_size);
        } catch (...) {
            --shard.metrics.in_flight;
            place_ = Admission();
            throw;
        }
        --shard.metrics.in_flight;
        place_ = Admission();
        set_deadline(0);
        set_heartbeat(0);
        request.reset();
        if (!co_await flush()) break;
    }
    if (!gone_) co_await linger();
}

// Reads until a head is whole. The request's head is parsed from `in_`, which stays where it is until the body is read.
asio::awaitable<std::size_t> Session::read_head(Request& request) {
    idle_ = true;
    if (shard.draining() && in_.empty()) co_return 0;
    input_wanted_ = 0;
    if (in_.empty()) {
        in_ = std::string();  // an idle connection keeps no buffer
        set_deadline(shard.snapshot->settings.idle_timeout_ms);
        if (!co_await more_input()) co_return 0;
    }
    idle_ = false;
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
        in_.reserve(std::min<std::size_t>(total, 1 << 20));
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
    input_wanted_ = 0;
    if (in_.size() == total) {
        request.bytes = std::move(in_);
        in_ = std::string();
    } else {
        request.bytes = in_.substr(0, total);
        in_.erase(0, total);
    }
    http1::parse_request_head(request.bytes, head_size, request.head);
    request.body = std::string_view(request.bytes).substr(head_size);
    arm_read();  // sees the client leave, and reads ahead
    co_return true;
}

asio::awaitable<bool> Session::read_chunked(Request& request, std::size_t head_size) {
    const GatewaySettings& settings = request.snapshot->settings;
    const auto cap = static_cast<std::size_t>(settings.max_body_bytes);
    http1::BodyFramer framer(http1::BodyKind::chunked, 0);
    request.bytes = in_.substr(0, head_size);
    in_.erase(0, head_size);
    http1::parse_request_head(request.bytes, head_size, request.head);
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

bool Session::send_now(std::span<const asio::const_buffer> buffers) {
    if (gone_) return false;
    std::size_t total = 0;
    for (const auto& buffer : buffers) total += buffer.size();
    if (unsent_.empty() && total <= Outbox::largest && !channel_.is_tls()) {
        shard.send_at_turn_end(shared_from_this(), *this, channel_, buffers);
        return true;
    }
    shard.outbox.settle(*this);
    if (gone_) return false;
    std::size_t skip = 0;
    if (unsent_.empty()) {
        const IoResult result = channel_.write(buffers);
        if (result.state == Io::error || result.state == Io::eof) {
            client_left();
            return false;
        }
        skip = result.bytes;
    }
    for (const auto& buffer : buffers) {
        if (skip >= buffer.size()) {
            skip -= buffer.size();
            continue;
        }
        unsent_.append(static_cast<const char*>(buffer.data()) + skip, buffer.size() - skip);
        skip = 0;
    }
    return true;
}

void Session::on_sent(Io state, std::string_view rest) {
    if (state == Io::error) {
        gone_ = true;
        asio::post(shard.io(), [self = shared_from_this()] { self->signal.notify(); });
        return;
    }
    unsent_.append(rest);
    arm_write();
}

void Session::arm_write() {
    if (write_armed_) return;
    write_armed_ = true;
    channel_.when_writable([self = shared_from_this()](const boost::system::error_code& ec) {
        self->write_armed_ = false;
        if (ec || self->unsent_.empty()) return self->signal.notify();
        const asio::const_buffer buffer(self->unsent_.data(), self->unsent_.size());
        const IoResult result = self->channel_.write(std::span(&buffer, 1));
        if (result.state == Io::error || result.state == Io::eof) return self->client_left();
        self->unsent_.erase(0, result.bytes);
        self->written_ = self->written_ || result.bytes > 0;
        if (!self->unsent_.empty()) self->arm_write();
        self->signal.notify();
    });
}

asio::awaitable<bool> Session::flush() {
    if (unsent_.empty()) co_return !gone_;
    const std::int64_t outer_deadline = deadline_us_;
    set_deadline(shard.snapshot->settings.write_timeout_ms);
    while (!unsent_.empty()) {
        if (gone_) co_return false;
        if (timed_out_) {
            abort();
            co_return false;
        }
        if (written_) set_deadline(shard.snapshot->settings.write_timeout_ms);
        written_ = false;
        arm_write();
        co_await signal.wait();
    }
    unsent_ = std::string();
    timed_out_ = false;
    deadline_us_ = outer_deadline;
    co_return !gone_;
}

asio::awaitable<bool> Session::send(std::string bytes) {
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    if (!send_now(std::span(&buffer, 1))) co_return false;
    co_return co_await flush();
}

asio::awaitable<void> Session::commit(RequestRecord record) {
    shard.metrics.count(record);
    settle_limits(record);
    if (!shard.snapshot->settings.log_enabled) co_return;
    committed_ = false;
    shard.append_at_turn_end(std::move(record), *this);
    while (!committed_) co_await signal.wait();
}

asio::awaitable<void> Session::respond(const Request& request, int status, std::string body,
                                       std::string_view content_type, std::string_view extra_fields) {
    leave_limits();
    std::string out = local_head(status, content_type, body.size(), keep_alive_, &request.trace_id, extra_fields);
    if (!request.head_only) out += body;
    co_await send(std::move(out));
}

asio::awaitable<void> Session::respond_error(const Request& request, int status, std::string_view message,
                                             std::string_view extra_fields) {
    shard.metrics.count_local(status);
    std::string body = error_body(request.family, status, message, request.trace_id);
    co_await respond(request, status, std::move(body), "application/json", extra_fields);
}

asio::awaitable<void> Session::refuse(Request& request, int status, std::string_view message,
                                      std::string_view extra_fields) {
    std::string body = error_body(request.family, status, message, request.trace_id);
    co_await refuse_with(request, status, message, std::move(body), extra_fields);
}

asio::awaitable<void> Session::refuse_with(Request& request, int status, std::string_view message, std::string body,
                                           std::string_view extra_fields) {
    RequestRecord& record = request.record;
    record.status = status;
    record.end = End::error;
    record.error = std::string(message.substr(0, 512));
    record.ttfb_us = record.duration_us = shard.clock.monotonic_us() - request.started_us;
    record.bytes_out = static_cast<std::int64_t>(body.size());
    co_await commit(std::move(record));
    const std::string fields = limit_fields(request) + std::string(extra_fields);
    co_await respond(request, status, std::move(body), "application/json", fields);
}

std::string Session::take_input() {
    return std::exchange(in_, std::string());
}

// After an answer that left a part of the request unread, a close would reset the connection and the client might lose
// the answer. So our side is shut, and what still comes is dropped for a while.
asio::awaitable<void> Session::linger() {
    shard.outbox.settle(*this);
    if (!co_await flush()) co_return;
    boost::system::error_code ignored;
    if (!channel_.is_tls()) channel_.socket().shutdown(Channel::Socket::shutdown_send, ignored);
    set_deadline(linger_ms);
    input_wanted_ = 0;
    std::size_t dropped = 0;
    while (dropped < linger_bytes && !gone_ && !timed_out_) {
        dropped += in_.size();
        in_.clear();
        if (!co_await more_input()) break;
    }
    gone_ = true;
}

}  // namespace lurus::gateway
