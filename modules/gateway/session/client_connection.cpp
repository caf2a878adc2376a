#include "modules/gateway/session/client_connection.hpp"

#include <boost/asio/post.hpp>
#include <new>

#include "core/os/release.hpp"

namespace lurus::gateway {

namespace asio = boost::asio;

namespace {
constexpr int linger_ms = 10'000;               // in all
constexpr int linger_silence_ms = 2000;         // or so long without a byte
constexpr std::size_t linger_beyond = 1 << 20;  // more than the largest body
constexpr std::size_t read_ahead = 64 * 1024;   // of pipelined requests while one is served
constexpr std::size_t smallest_read = 4 * 1024;
constexpr std::size_t largest_read = 256 * 1024;
}  // namespace

ClientConnection::ClientConnection(Shard& own_shard, AcceptedSocket socket, SslPtr tls)
    : shard(own_shard), peer_(socket.peer()), channel_(shard.io(), std::move(socket)) {
    if (tls) channel_.use_tls(std::move(tls));
}

ClientConnection::~ClientConnection() = default;

void ClientConnection::close() {
    shard.writes.settle(*this);
    gone_ = true;
    channel_.close();
}

void ClientConnection::set_deadline(int ms) {
    timed_out_ = false;
    deadline_us_ = ms > 0 ? shard.clock.monotonic_us() + ms * 1000ll : never;
    shard.due_at(deadline_us_);
}

void ClientConnection::set_keepalive(int ms) {
    keepalive_due_ = false;
    keepalive_us_ = ms > 0 ? shard.clock.monotonic_us() + ms * 1000ll : never;
    shard.due_at(keepalive_us_);
}

void ClientConnection::set_deadline_and_keepalive(int deadline_ms, int keepalive_ms) {
    const std::int64_t now = shard.clock.monotonic_us();
    timed_out_ = keepalive_due_ = false;
    deadline_us_ = deadline_ms > 0 ? now + deadline_ms * 1000ll : never;
    keepalive_us_ = keepalive_ms > 0 ? now + keepalive_ms * 1000ll : never;
    shard.due_at(due_us());
}

void ClientConnection::on_due(std::int64_t now_us) {
    if (now_us >= deadline_us_) {
        deadline_us_ = never;
        timed_out_ = true;
    }
    if (now_us >= keepalive_us_) {
        keepalive_us_ = never;
        keepalive_due_ = true;
    }
    signal.notify();
}

void ClientConnection::on_drain() {
    keep_alive_ = false;
    if (idle_ && in_.empty()) return client_left();
    signal.notify();  // a WebSocket ends when its answers do
}

void ClientConnection::on_stop() {
    keep_alive_ = false;
    client_left();
}

void ClientConnection::client_left() {
    gone_ = true;
    signal.notify();
}

void ClientConnection::abort() {
    shard.writes.settle(*this);
    keep_alive_ = false;
    gone_ = true;
    channel_.abort();
}

asio::awaitable<bool> ClientConnection::handshake() {
    set_deadline(shard.snapshot->settings.header_timeout_ms);
    for (;;) {
        const Io state = channel_.handshake();
        if (state == Io::ok) co_return true;
        if (state != Io::again) {
            shard.metrics.count_handshake_failure(channel_.handshake_failed());
            if (channel_.handshake_failed() == HandshakeFailure::plain_http) channel_.end_tls();
            co_return false;
        }
        bool ready = false;
        bool failed = false;
        const auto on_ready = [self = shared_from_this(), &ready, &failed](const boost::system::error_code& ec) {
            if (self->gone_) return;
            (ec ? failed : ready) = true;
            self->signal.notify();
        };
        if (channel_.wants_write()) {
            channel_.when_writable(on_ready);
        } else {
            channel_.when_readable(on_ready);
        }
        while (!ready && !failed) {
            if (timed_out_ || gone_) {
                shard.metrics.count_handshake_failure(timed_out_ ? HandshakeFailure::timeout
                                                                 : HandshakeFailure::closed);
                gone_ = true;  // the callback refers to this frame and must not touch it any more
                co_return false;
            }
            co_await signal.wait();
        }
        if (failed) {
            shard.metrics.count_handshake_failure(HandshakeFailure::closed);
            co_return false;
        }
    }
}

bool ClientConnection::send_now(std::span<const asio::const_buffer> buffers, TurnWrites::Pace pace) {
    if (gone_) return false;
    std::size_t total = 0;
    for (const auto& buffer : buffers) total += buffer.size();
    sent_ += total;
    if (unsent_.empty() && total <= TurnWrites::largest && !channel_.is_tls()) {
        shard.send_at_turn_end(shared_from_this(), *this, channel_, buffers, pace);
        return true;
    }
    shard.writes.settle(*this);
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

void ClientConnection::on_sent(Io state, std::string_view rest) {
    if (state == Io::error) {
        gone_ = true;
        asio::post(shard.io(), [self = shared_from_this()] { self->signal.notify(); });
        return;
    }
    channel_.filled();
    unsent_.append(rest);
    arm_write();
}

void ClientConnection::arm_write() {
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

bool ClientConnection::flush_soon() {
    if (unsent_.empty()) return true;
    if (!gone_) arm_write();
    return false;
}

asio::awaitable<bool> ClientConnection::flush() {
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

asio::awaitable<bool> ClientConnection::send(std::string bytes) {
    const asio::const_buffer buffer(bytes.data(), bytes.size());
    if (!send_now(std::span(&buffer, 1))) co_return false;
    co_return co_await flush();
}

asio::awaitable<bool> ClientConnection::send_interim(std::string bytes) {
    const std::uint64_t before = sent_;
    const bool good = co_await send(std::move(bytes));
    sent_ = before;
    co_return good;
}

void ClientConnection::arm_read() {
    if (armed_ || gone_ || !channel_.is_open() || in_.size() >= std::max(input_wanted_, read_ahead)) return;
    armed_ = true;
    channel_.when_readable([self = shared_from_this()](const boost::system::error_code& ec) {
        self->armed_ = false;
        self->on_readable(ec);
    });
}

void ClientConnection::on_readable(const boost::system::error_code& ec) {
    if (gone_) return;
    if (ec) return client_left();
    IoResult result;
    try {
        result = read_some();
    } catch (const std::bad_alloc&) {
        no_memory_ = true;
        return signal.notify();
    }
    if (result.state == Io::eof || result.state == Io::error) return client_left();
    arm_read();
    if (result.bytes > 0) signal.notify();
}

IoResult ClientConnection::read_some() {
    IoResult result;
    if (dropping_) {
        result = channel_.read(shard.scratch);
        dropped_ += result.bytes;
        return result;
    }
    const std::size_t size = in_.size();
    const std::size_t wanted = input_wanted_ > size ? input_wanted_ - size : 0;
    if (wanted > smallest_read) {
        const std::size_t room = std::min(wanted, largest_read);
        in_.resize_and_overwrite(size + room, [&](char* data, std::size_t) {
            result = channel_.read(std::span<char>(data + size, room));
            return size + result.bytes;
        });
    } else {
        // No more than is wanted: the buffer is as large as the body.
        result = channel_.read(std::span(shard.scratch).first(wanted > 0 ? wanted : smallest_read));
        in_.append(shard.scratch.data(), result.bytes);
    }
    return result;
}

asio::awaitable<bool> ClientConnection::more_input() {
    const std::size_t before = in_.size();
    arm_read();
    while (in_.size() == before) {
        if (no_memory_) throw std::bad_alloc();
        if (gone_ || timed_out_) co_return false;
        co_await signal.wait();
    }
    co_return true;
}

asio::awaitable<void> ClientConnection::linger() {
    shard.writes.settle(*this);
    if (!co_await flush()) co_return;
    if (!channel_.is_tls()) channel_.shutdown_write();
    release(in_);
    dropping_ = true;
    const GatewaySettings& settings = shard.snapshot->settings;
    const auto most =
        static_cast<std::size_t>(std::max(settings.max_body_bytes, settings.max_upload_bytes)) + linger_beyond;
    const std::int64_t until = shard.clock.monotonic_us() + linger_ms * 1000ll;
    arm_read();
    while (dropped_ < most && !gone_) {
        const std::int64_t left_ms = (until - shard.clock.monotonic_us()) / 1000;
        if (left_ms <= 0) break;
        const std::size_t before = dropped_;
        set_deadline(static_cast<int>(std::min<std::int64_t>(left_ms, linger_silence_ms)));
        while (dropped_ == before && !gone_ && !timed_out_) co_await signal.wait();
        if (timed_out_) break;
    }
    gone_ = true;
}

}  // namespace lurus::gateway
