#include "modules/gateway/session/session.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>

#include <spdlog/spdlog.h>

#include "core/os/release.hpp"
#include "modules/gateway/attempt/forward_head.hpp"
#include "modules/gateway/dialect/own_answers.hpp"
#include "modules/gateway/server/services.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {
constexpr int linger_ms = 2000;
constexpr std::size_t linger_bytes = 4 << 20;

}  // namespace

void Request::let_go() {
    release(head.fields);
    head.method = head.target = head.host = head.upgrade = body = endpoint.path_model = {};
    release(bytes);
    release(chunked_body);
}

Session::Session(Shard& own_shard, AcceptedSocket socket, Services& services, SslPtr tls, bool open)
    : shard(own_shard),
      services_(services),
      open_(open),
      peer_(socket.peer()),
      channel_(shard.io(), std::move(socket)) {
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
    shard.due_at(deadline_us_);
}

void Session::set_heartbeat(int ms) {
    heartbeat_due_ = false;
    heartbeat_us_ = ms > 0 ? shard.clock.monotonic_us() + ms * 1000ll : never;
    shard.due_at(heartbeat_us_);
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
        std::unique_ptr<Request> request;
        const std::size_t head_size = co_await read_head(request);
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
        if (gone_ || (!flushed() && !co_await flush())) break;
    }
    if (!gone_) co_await linger();
}

bool Session::send_now(std::span<const asio::const_buffer> buffers, Outbox::Pace pace) {
    if (gone_) return false;
    std::size_t total = 0;
    for (const auto& buffer : buffers) total += buffer.size();
    if (unsent_.empty() && total <= Outbox::largest && !channel_.is_tls()) {
        shard.send_at_turn_end(shared_from_this(), *this, channel_, buffers, pace);
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
    channel_.filled();
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
    release(unsent_);
    timed_out_ = false;
    deadline_us_ = outer_deadline;
    shard.due_at(deadline_us_);
    co_return !gone_;
}

asio::awaitable<bool> Session::send(std::string bytes) {
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    if (!send_now(std::span(&buffer, 1))) co_return false;
    co_return co_await flush();
}

bool Session::append(RequestRecord& record) {
    shard.metrics.count(record);
    settle_limits(record);
    if (!shard.snapshot->settings.log_enabled) return false;
    committed_ = false;
    shard.append_at_turn_end(std::move(record), *this);
    return true;
}

asio::awaitable<void> Session::until_safe() {
    while (!committed_) co_await signal.wait();
}

asio::awaitable<void> Session::commit(RequestRecord record) {
    if (append(record)) co_await until_safe();
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

// After an answer that left a part of the request unread, a close would reset the connection and the client might lose
// the answer. So our side is shut, and what still comes is dropped for a while.
asio::awaitable<void> Session::linger() {
    shard.outbox.settle(*this);
    if (!co_await flush()) co_return;
    if (!channel_.is_tls()) channel_.shutdown_write();
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
